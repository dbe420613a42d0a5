import { afterEach, beforeEach, expect, it } from "vitest";
import { type LocalServer, startServer } from "../../../lib/local/transport/server.ts";
import { LambdaBench, MINUTE, START, zip } from "./fixtures.ts";

let bench: LambdaBench;
let server: LocalServer;

beforeEach(async () => {
  bench = new LambdaBench();
  const unused = () => {
    throw new Error("not used here");
  };
  const control = { reset: unused, state: unused, advance: unused, inject: unused, clearFaults: unused };
  server = await startServer(bench.world, 0, control);
});
afterEach(async () => {
  await bench.lambda.close?.();
  await server.close();
});

const sdk = (body: string) =>
  zip(`import { Lambda } from "@aws-sdk/client-lambda";
    const lambda = new Lambda({});
    export const handler = async (event, context) => {${body}};`);

it("a handler changes an alias through the SDK, as its role", async () => {
  await bench.release(2);
  await bench.create("", {
    FunctionName: "guard",
    Role: "arn:aws:iam::111122223333:role/guard-role",
    Code: {
      ZipFile: sdk(`
        const { RevisionId } = await lambda.getAlias({ FunctionName: "fn", Name: "live" });
        const { FunctionVersion } = await lambda.updateAlias({ FunctionName: "fn", Name: "live", FunctionVersion: "2", RevisionId });
        return [FunctionVersion, Date.now()];`),
    },
  });
  expect(await bench.drive(bench.invoke({ FunctionName: "guard" }), MINUTE)).toMatchObject({ Payload: ["2", START] });
  expect(
    bench.occurrences.find(({ kind, detail }) => kind === "alias-updated" && detail.functionVersion === "2"),
  ).toMatchObject({ detail: { principal: "arn:aws:sts::111122223333:assumed-role/guard-role/guard" } });
});

it("a handler waits for a function that waits, without holding the clock", async () => {
  await bench.create("await new Promise((resolve) => setTimeout(resolve, 600_000)); return 'inner'", {
    FunctionName: "inner",
    Timeout: 900,
  });
  await bench.create("", {
    FunctionName: "outer",
    Timeout: 900,
    Code: {
      ZipFile: sdk(`
        const { Payload } = await lambda.invoke({ FunctionName: "inner" });
        return [JSON.parse(Payload.transformToString()), Date.now()];`),
    },
  });
  const output = await bench.drive(bench.invoke({ FunctionName: "outer" }), MINUTE);
  expect(output.Payload).toEqual(["inner", START + 10 * MINUTE]);
});

it("an injected latency passes in virtual time and makes the handler's own deadline count", async () => {
  await bench.release(1);
  await bench.create("", {
    FunctionName: "caller",
    Timeout: 30,
    Code: {
      ZipFile: sdk(`
        const timeout = AbortSignal.timeout(5_000);
        try {
          await lambda.getAlias({ FunctionName: "fn", Name: "live" }, { abortSignal: timeout });
          return ["answered", Date.now()];
        } catch (error) { return [error.name, Date.now()]; }`),
    },
  });
  const latency = (latencyMs: number) =>
    bench.world.faults.inject({ service: "lambda", operation: "GetAlias", kind: "latency", latencyMs, times: 1 });
  latency(2_000);
  const first = await bench.drive(bench.invoke({ FunctionName: "caller" }), 500);
  expect(first.Payload).toEqual(["answered", START + 2_000]);
  const secondStart = bench.clock.now();
  latency(20_000);
  const second = await bench.drive(bench.invoke({ FunctionName: "caller" }), 500);
  expect(second.Payload).toEqual(["AbortError", secondStart + 5_000]);
});

it("throttled calls are retried by the SDK in virtual time", async () => {
  await bench.release(1);
  await bench.create("", {
    FunctionName: "caller",
    Timeout: 30,
    Code: { ZipFile: sdk(`return (await lambda.getAlias({ FunctionName: "fn", Name: "live" })).FunctionVersion`) },
  });
  bench.world.faults.inject({ service: "lambda", operation: "GetAlias", kind: "throttle", times: 2 });
  expect((await bench.drive(bench.invoke({ FunctionName: "caller" }), 1_000)).Payload).toBe("1");
  expect(bench.clock.now()).toBeGreaterThan(START);
});
