import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { handlerZip, RuntimeBench, START, zip } from "./fixtures.ts";

const MINUTE = 60_000;

let bench: RuntimeBench;
const closers: (() => unknown)[] = [];

beforeEach(() => {
  bench = new RuntimeBench();
});

afterEach(async () => {
  bench.runtime.close();
  for (const close of closers.splice(0)) await close();
});

async function toyServer(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("time inside a handler", () => {
  it("is the virtual time, however it is read", async () => {
    const code = handlerZip(`return [Date.now(), new Date().getTime(), new Date(5).getTime(), typeof Date(),
      new Date() instanceof Date, new Date().constructor === Date]`);
    expect(await bench.result(code)).toEqual([START, START, 5, "string", true, true]);
  });

  it("passes ten minutes of sleep without real time", async () => {
    const code = handlerZip(`
      const before = [Date.now(), performance.now()];
      await new Promise((resolve) => setTimeout(resolve, 600_000));
      return [Date.now() - before[0], performance.now() - before[1], context.getRemainingTimeInMillis()]`);
    const startedAt = performance.now();
    const result = await bench.drive(bench.result(code, { timeoutMs: 15 * MINUTE }), MINUTE);
    expect(result).toEqual([10 * MINUTE, 10 * MINUTE, 5 * MINUTE]);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it("is followed by every kind of timer", async () => {
    const code = handlerZip(
      `
      const at = () => Date.now() - ${START};
      const seen = [];
      await sleep(1000, "value").then((value) => seen.push([value, at()]));
      await promisify(setTimeout)(1000).then(() => seen.push(["promisified", at()]));
      await new Promise((resolve) => timers.setTimeout(resolve, 1000)).then(() => seen.push(["module", at()]));
      await new Promise((resolve) => AbortSignal.timeout(1000).addEventListener("abort", resolve));
      seen.push(["signal", at()]);
      let ticks = 0;
      await new Promise((resolve) => { const t = setInterval(() => { if (++ticks === 3) { clearInterval(t); resolve(); } }, 100); });
      seen.push(["interval", at()]);
      return seen;`,
      `import { setTimeout as sleep } from "node:timers/promises"; import * as timers from "node:timers"; import { promisify } from "node:util";`,
    );
    expect(await bench.drive(bench.result(code, { timeoutMs: MINUTE }))).toEqual([
      ["value", 1000],
      ["promisified", 2000],
      ["module", 3000],
      ["signal", 4000],
      ["interval", 4300],
    ]);
  });

  it("does not move while the handler reads files and computes", async () => {
    const code = handlerZip(
      `for (let i = 0; i < 20; i++) await readFile(new URL(import.meta.url)); return Date.now()`,
      `import { readFile } from "node:fs/promises";`,
    );
    expect(await bench.drive(bench.result(code), MINUTE)).toBe(START);
  });

  it("keeps the asynchronous context of a timer's creator", async () => {
    const code = handlerZip(
      `return store.run("inside", () => new Promise((resolve) => setTimeout(() => resolve(store.getStore()), 50)))`,
      `import { AsyncLocalStorage } from "node:async_hooks"; const store = new AsyncLocalStorage();`,
    );
    expect(await bench.drive(bench.result(code))).toBe("inside");
  });

  it("needs no clock for a timer of zero milliseconds", async () => {
    expect(await bench.result(handlerZip(`await new Promise((r) => setTimeout(r, 0)); return "done"`))).toBe("done");
  });
});

describe("requests of a handler", () => {
  it("hold the clock while they are on the wire, with the client's own timers pending", async () => {
    const url = await toyServer((request, response) => {
      request.resume().on("end", () => response.end("hello"));
    });
    const code = handlerZip(
      `
      const warning = setTimeout(() => {}, 1000);
      const body = await new Promise((resolve, reject) => {
        const request = http.request("${url}", { method: "POST" }, (response) => {
          let text = ""; response.on("data", (chunk) => { text += chunk; }).on("end", () => resolve(text));
        });
        request.on("error", reject).end("payload");
      });
      clearTimeout(warning);
      return [body, Date.now()]`,
      `import http from "node:http";`,
    );
    expect(await bench.drive(bench.result(code), MINUTE)).toEqual(["hello", START]);
  });

  it("work through fetch", async () => {
    const url = await toyServer((request, response) => {
      request.resume().on("end", () => response.end(JSON.stringify({ id: request.headers["x-local-request-id"] })));
    });
    const code = handlerZip(`const { id } = await (await fetch("${url}")).json(); return [typeof id, Date.now()]`);
    expect(await bench.drive(bench.result(code), MINUTE)).toEqual(["string", START]);
  });

  it("let the clock go while the server waits for virtual time", async () => {
    const url = await toyServer((request, response) => {
      request.resume().on("end", async () => {
        await bench.clock.sleep(4 * MINUTE);
        response.end("slept");
      });
    });
    const code = handlerZip(`const text = await (await fetch("${url}")).text(); return [text, Date.now()]`);
    const result = await bench.drive(bench.result(code, { timeoutMs: 15 * MINUTE }), MINUTE);
    expect(result).toEqual(["slept", START + 4 * MINUTE]);
  });

  it("may go to a function that waits, without a deadlock", async () => {
    const sleeper = handlerZip(`await new Promise((resolve) => setTimeout(resolve, 240_000)); return "inner"`);
    const url = await toyServer((request, response) => {
      request.resume().on("end", async () => {
        const inner = await bench.result(sleeper, { functionName: "inner", timeoutMs: 15 * MINUTE });
        response.end(String(inner));
      });
    });
    const outer = handlerZip(`const text = await (await fetch("${url}")).text(); return [text, Date.now()]`);
    const result = await bench.drive(bench.result(outer, { functionName: "outer", timeoutMs: 15 * MINUTE }), MINUTE);
    expect(result).toEqual(["inner", START + 4 * MINUTE]);
  });

  it("can be made with the SDK, which finds its credentials and endpoint in the environment", async () => {
    const seen: (string | undefined)[] = [];
    const url = await toyServer((request, response) => {
      seen.push(request.headers.authorization?.slice(0, 45));
      request.resume().on("end", () => {
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({ FunctionVersion: "7", Name: "live" }));
      });
    });
    const code = handlerZip(
      `const alias = await new LambdaClient({}).send(new GetAliasCommand({ FunctionName: "f", Name: "live" }));
       return [alias.FunctionVersion, Date.now()]`,
      `import { LambdaClient, GetAliasCommand } from "@aws-sdk/client-lambda";`,
    );
    const variables = {
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: "ASIAEXAMPLE",
      AWS_SECRET_ACCESS_KEY: "secret",
      AWS_ENDPOINT_URL: url,
    };
    expect(await bench.drive(bench.result(code, { variables }))).toEqual(["7", START]);
    expect(seen).toEqual(["AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/20260"]);
  });
});

describe("a handler that goes wrong", () => {
  it("reports what it throws, with type, message and trace", async () => {
    const outcome = await bench.invoke(handlerZip(`throw new RangeError("too far")`));
    expect(outcome).toMatchObject({ kind: "failure", error: { errorType: "RangeError", errorMessage: "too far" } });
    const trace = outcome.kind === "failure" ? outcome.error.trace : [];
    expect(trace?.[0]).toBe("RangeError: too far");
    expect(trace?.slice(1).every((frame) => frame.includes("/var/task/"))).toBe(true);
    expect(trace?.length).toBeGreaterThan(1);
    expect(bench.logs.at(-1)).toContain("\tERROR\tInvoke Error");
  });

  it("that waits for nothing is killed at its virtual timeout and does not hold the clock", async () => {
    const outcome = bench.invoke(handlerZip(`await new Promise(() => {})`), { timeoutMs: 15 * MINUTE });
    expect(await bench.drive(outcome, MINUTE)).toEqual({ kind: "timeout" });
    expect(bench.clock.now()).toBe(START + 15 * MINUTE);
  });

  it("that outlasts its timeout is killed, and the next invocation starts cold", async () => {
    const code = handlerZip(`if (event.slow) await new Promise((r) => setTimeout(r, 60_000)); return "fast"`);
    expect(await bench.drive(bench.invoke(code, { event: { slow: true } }))).toEqual({ kind: "timeout" });
    expect(bench.clock.now()).toBe(START + 3_000);
    expect(await bench.result(code)).toBe("fast");
    expect(bench.coldStarts).toEqual([true, true]);
  });

  it("that exits the process is reported with its code", async () => {
    expect(await bench.invoke(handlerZip(`process.exit(3)`))).toEqual({ kind: "exit", code: 3 });
  });

  it("that leaves a promise rejected fails with the runtime's error type", async () => {
    const outcome = bench.invoke(handlerZip(`Promise.reject(new Error("lost")); await new Promise(() => {})`));
    expect(await outcome).toMatchObject({
      kind: "failure",
      error: { errorType: "Runtime.UnhandledPromiseRejection", errorMessage: "Error: lost" },
    });
  });

  it("that returns what JSON cannot hold fails", async () => {
    expect(await bench.invoke(handlerZip(`return 1n`))).toMatchObject({
      error: { errorType: "Error", errorMessage: "Unable to stringify response body" },
    });
  });

  it.each([
    ["index.missing", "Runtime.HandlerNotFound", "index.missing is undefined or not exported"],
    ["other.handler", "Runtime.ImportModuleError", "Error: Cannot find module 'other'"],
    ["handler", "Runtime.MalformedHandlerName", "Bad handler"],
  ])("that cannot be loaded as %s fails with %s", async (handler, errorType, errorMessage) => {
    expect(await bench.invoke(handlerZip("return 1"), { handler })).toMatchObject({
      kind: "failure",
      error: { errorType, errorMessage },
    });
  });

  it.each([
    ["crash", { kind: "exit", code: 1 }],
    ["throw", { kind: "failure", error: { errorType: "Error" } }],
    ["hang", { kind: "timeout" }],
  ] as const)("can be made to %s", async (sabotage, outcome) => {
    expect(await bench.drive(bench.invoke(handlerZip("return 1"), { sabotage }))).toMatchObject(outcome);
  });
});

describe("an execution environment", () => {
  it("stays warm with its module state", async () => {
    const code = handlerZip("return ++count", "let count = 0;");
    expect([await bench.result(code), await bench.result(code)]).toEqual([1, 2]);
    expect(bench.coldStarts).toEqual([true, false]);
  });

  it("handles one invocation at a time: a second one at once gets its own", async () => {
    const code = handlerZip("await new Promise((r) => setTimeout(r, 100)); return ++count", "let count = 0;");
    expect(await bench.drive(Promise.all([bench.result(code), bench.result(code)]))).toEqual([1, 1]);
  });

  it("loads CommonJS with a callback, as older handlers are written", async () => {
    const code = zip({
      "index.js": `exports.handler = (event, context, callback) => callback(null, { got: event.a });`,
    });
    expect(await bench.result(code, { event: { a: 1 } })).toEqual({ got: 1 });
  });

  it("sees its own variables and nothing of the emulator's", async () => {
    const code = handlerZip("return process.env");
    expect(await bench.result(code, { variables: { STAGE: "dev" } })).toEqual({ STAGE: "dev" });
  });

  it("gives the handler Lambda's context", async () => {
    const code = handlerZip("return { ...context, remaining: context.getRemainingTimeInMillis() }");
    expect(await bench.result(code)).toMatchObject({
      functionName: "fn",
      functionVersion: "1",
      invokedFunctionArn: "arn:aws:lambda:us-east-1:111122223333:function:fn:live",
      awsRequestId: "request-1",
      memoryLimitInMB: "128",
      logGroupName: "/aws/lambda/fn",
      logStreamName: "stream",
      remaining: 3_000,
    });
  });

  it("sends console calls in Lambda's text format and raw output line by line", async () => {
    await bench.result(handlerZip(`console.warn("careful", { a: 1 }); process.stdout.write("raw\\nlines\\n")`));
    expect(bench.logs).toEqual(["2026-03-01T12:00:00.000Z\trequest-1\tWARN\tcareful { a: 1 }", "raw", "lines"]);
  });

  it("sends console calls as JSON when the function logs JSON", async () => {
    await bench.result(handlerZip(`console.log({ a: 1 })`), { logFormat: "JSON" });
    expect(bench.logs.map((line) => JSON.parse(line))).toEqual([
      { timestamp: "2026-03-01T12:00:00.000Z", level: "INFO", requestId: "request-1", message: { a: 1 } },
    ]);
  });
});
