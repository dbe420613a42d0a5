import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { bundleHandlers, handlerEntry } from "../../lib/constructs/bundling/bundle.ts";
import { slim } from "../../lib/constructs/bundling/slim-sdk.ts";
import { GUARD_HANDLERS, SAMPLE_FUNCTIONS } from "../../lib/contract/names.ts";

const KB = 1024;
const scratch = () => mkdtempSync(join(tmpdir(), "goaround-bundle-"));
const cache = scratch();
const bundle = (entry: string): string => bundleHandlers([entry], cache)[0] as string;
const sizeOf = (folder: string) =>
  readdirSync(folder).reduce((total, file) => total + statSync(join(folder, file)).size, 0);
const codeOf = (folder: string) =>
  readdirSync(folder)
    .map((file) => readFileSync(join(folder, file), "utf8"))
    .join("\n");

/** Runs a bundled handler in a Node of its own, away from the project's node_modules, as Lambda does. */
async function run(folder: string, event: unknown): Promise<unknown> {
  const context = { functionName: "shop-checkout", functionVersion: "1" };
  const script = `const m = await import(${JSON.stringify(pathToFileURL(join(folder, "index.mjs")).href)});
    console.log(JSON.stringify(await m.handler(${JSON.stringify(event)}, ${JSON.stringify(context)})))`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], {
    cwd: tmpdir(),
    env: { AWS_ACCESS_KEY_ID: "AKIAEXAMPLE", AWS_SECRET_ACCESS_KEY: "secret", AWS_SESSION_TOKEN: "session" },
  });
  return JSON.parse(stdout);
}

async function withServer<T>(listener: RequestListener, use: (endpoint: string) => Promise<T>): Promise<T> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.close();
  }
}

const callingHandler = new URL("./fixtures/calling-handler.ts", import.meta.url).pathname;

function handlerFile(text: string): string {
  const path = join(scratch(), "handler.ts");
  writeFileSync(path, `export const handler = async () => ${JSON.stringify(text)};`);
  return path;
}

describe("bundling", () => {
  it("keeps handlers with up to three clients below 450 KB and all others below 700 KB", () => {
    const entries = [...GUARD_HANDLERS, ...SAMPLE_FUNCTIONS.map((name) => `sample/${name}`)];
    const sizes = bundleHandlers(entries.map(handlerEntry), cache).map(sizeOf);
    entries.forEach((name, i) => {
      const limit = name === "report-failure" || name === "signals" || name.startsWith("sample/") ? 450 * KB : 700 * KB;
      expect(sizes[i], name).toBeLessThan(limit);
    });
  });

  it("leaves the credential chain and the browser out", () => {
    const code = codeOf(bundle(handlerEntry("sample/lambda_router")));
    expect(code).toContain("AWS_ACCESS_KEY_ID");
    for (const trace of ["sso_session", "credential_process", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "Googlebot"]) {
      expect(code).not.toContain(trace);
    }
  });

  it("makes a bundle that Node loads as it is, and that exports the handler", async () => {
    expect(await run(bundle(handlerEntry("sample/lambda_router")), { rawPath: "/health" })).toMatchObject({
      statusCode: 200,
    });
  });

  it("signs with the keys in the environment, and keeps name, message and status of errors it has no class for", async () => {
    const authorizations: (string | undefined)[] = [];
    const answer = await withServer(
      (request, response) => {
        authorizations.push(request.headers.authorization);
        const isSsm = request.headers["x-amz-target"] !== undefined;
        response.writeHead(
          isSsm ? 400 : 404,
          isSsm ? {} : { "x-amzn-errortype": "ResourceNotFoundException:http://x/" },
        );
        response.end(
          JSON.stringify(
            isSsm ? { __type: "ParameterNotFound", message: "no /p" } : { Type: "User", Message: "no f:live" },
          ),
        );
      },
      (endpoint) => run(bundle(callingHandler), { endpoint }),
    );
    expect(answer).toEqual([
      { name: "ResourceNotFoundException", message: "no f:live", status: 404, isError: true },
      { name: "ParameterNotFound", message: "no /p", status: 400, isError: true },
    ]);
    for (const authorization of authorizations) expect(authorization).toContain("Credential=AKIAEXAMPLE/");
  });

  it("understands replies as before", async () => {
    const answer = await withServer(
      (request, response) =>
        response.end(
          JSON.stringify(
            request.headers["x-amz-target"] ? { Parameter: { Value: "{}" } } : { Name: "live", FunctionVersion: "3" },
          ),
        ),
      (endpoint) => run(bundle(callingHandler), { endpoint }),
    );
    expect(answer).toMatchObject([{ Name: "live", FunctionVersion: "3" }, { Parameter: { Value: "{}" } }]);
  });

  it("finds what it takes out of the SDK's schemas, so that an update of the SDK cannot undo it unseen", () => {
    const path = new URL("../../node_modules/@aws-sdk/client-lambda/dist-es/schemas/schemas_0.js", import.meta.url);
    const source = readFileSync(path, "utf8");
    const slimmed = slim(source);
    expect(source).toMatch(/^n0_registry\.registerError\(ResourceNotFoundException\$/m);
    expect(slimmed).not.toMatch(/^n0_registry\.registerError/m);
    expect(slimmed.match(/@__PURE__/g)?.length ?? 0).toBeGreaterThan(50);
  });

  it("names a folder by its content, so that an unchanged handler keeps its version", () => {
    const nameOf = (folder: string) => folder.split("/").at(-1);
    const [first, same, other] = ["a", "a", "b"].map((text) => nameOf(bundle(handlerFile(text))));
    expect(same).toBe(first);
    expect(other).not.toBe(first);
  });

  it("bundles a handler to the same bytes, whatever it is bundled together with", () => {
    const alone = SAMPLE_FUNCTIONS.map(
      (name) => bundleHandlers([handlerEntry(`sample/${name}`)], scratch())[0] as string,
    );
    const together = bundleHandlers(
      SAMPLE_FUNCTIONS.map((name) => handlerEntry(`sample/${name}`)),
      scratch(),
    );
    expect(together.map((folder) => basename(folder))).toEqual(alone.map((folder) => basename(folder)));
  });

  it("says where a handler is missing, and what does not bundle", () => {
    expect(() => bundle("/nowhere/handler.ts")).toThrow(/no handler at \/nowhere\/handler\.ts/);
    const path = join(scratch(), "handler.ts");
    writeFileSync(path, 'import "./lost.ts";');
    expect(() => bundle(path)).toThrow(/a handler does not bundle:[\s\S]*lost\.ts/);
  });
});
