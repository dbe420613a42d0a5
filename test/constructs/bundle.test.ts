import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { bundleHandlers, handlerEntry } from "../../lib/constructs/bundling/bundle.ts";
import { SAMPLE_FUNCTIONS } from "../../lib/contract/names.ts";

const scratch = () => mkdtempSync(join(tmpdir(), "goaround-bundle-"));
describe("bundling", () => {
  it("keeps the sample's handlers far below the size that three clients may have", () => {
    const folders = bundleHandlers(
      SAMPLE_FUNCTIONS.map((name) => handlerEntry(`sample/${name}`)),
      scratch(),
    );
    for (const folder of folders) {
      expect(readdirSync(folder)).toEqual(["index.mjs"]);
      expect(statSync(join(folder, "index.mjs")).size).toBeLessThan(450 * 1024);
    }
  });

  it("leaves the credential chain out: environment variables are all that Lambda sets", () => {
    const [folder = ""] = bundleHandlers([handlerEntry("sample/lambda_router")], scratch());
    const code = readFileSync(join(folder, "index.mjs"), "utf8");
    expect(code).toContain("AWS_ACCESS_KEY_ID");
    for (const trace of ["sso_session", "credential_process", "AWS_CONTAINER_CREDENTIALS_FULL_URI"]) {
      expect(code).not.toContain(trace);
    }
  });

  it("makes a bundle that Node loads as it is, and that exports the handler", () => {
    const [folder = ""] = bundleHandlers([handlerEntry("sample/lambda_router")], scratch());
    const script = `const m = await import(${JSON.stringify(pathToFileURL(join(folder, "index.mjs")).href)});
      console.log(JSON.stringify(await m.handler({ rawPath: "/health" })))`;
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      cwd: tmpdir(),
      encoding: "utf8",
    });
    expect(JSON.parse(stdout)).toMatchObject({ statusCode: 200 });
  });

  it("names a folder by its content, so that an unchanged handler keeps its version", () => {
    const [first = ""] = bundleHandlers([fixture("a")], scratch());
    const [same = ""] = bundleHandlers([fixture("a")], scratch());
    const [other = ""] = bundleHandlers([fixture("b")], scratch());
    const nameOf = (folder: string) => folder.split("/").at(-1);
    expect(nameOf(same)).toBe(nameOf(first));
    expect(nameOf(other)).not.toBe(nameOf(first));
  });

  it("says where a handler is missing, and what does not bundle", () => {
    expect(() => bundleHandlers(["/nowhere/handler.ts"], scratch())).toThrow(/no handler at \/nowhere\/handler\.ts/);
    const path = join(scratch(), "handler.ts");
    writeFileSync(path, 'import "./lost.ts";');
    expect(() => bundleHandlers([path], scratch())).toThrow(/a handler does not bundle:[\s\S]*lost\.ts/);
  });
});

function fixture(text: string): string {
  const path = join(scratch(), "handler.ts");
  writeFileSync(path, `export const handler = async () => ${JSON.stringify(text)};`);
  return path;
}
