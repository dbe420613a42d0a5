import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FunctionModel } from "../../../lib/local/services/lambda/index.ts";
import { LambdaBench, MINUTE, START } from "./fixtures.ts";

let bench: LambdaBench;
beforeEach(async () => {
  bench = new LambdaBench({ realInvocationsPerVersion: 0 });
  await bench.release(2);
});
afterEach(() => bench.lambda.close?.());

const ok: FunctionModel = () => ({ outcome: "ok", durationMs: 100 });
const shift = (share: number) =>
  bench.call("UpdateAlias", {
    FunctionName: "fn",
    Name: "live",
    RoutingConfig: { AdditionalVersionWeights: { 2: share } },
  });
const send = (count: number, everyMs = 100, fromMs = START) =>
  bench.lambda.sendTraffic({
    functionName: "fn",
    qualifier: "live",
    atMs: Array.from({ length: count }, (_, index) => fromMs + index * everyMs),
  });
const live = { FunctionName: "fn", Resource: "fn:live" };

describe("modelled traffic", () => {
  it("is divided over the versions by the alias's weights", async () => {
    bench.lambda.setModel("fn", ok);
    await shift(0.1);
    const { versions } = send(5_000);
    expect((versions["1"]?.requests ?? 0) + (versions["2"]?.requests ?? 0)).toBe(5_000);
    expect(versions["2"]?.requests).toBeGreaterThan(420);
    expect(versions["2"]?.requests).toBeLessThan(580);
  });

  it("is the same for the same seed, and another for another", async () => {
    const run = async (seed: number) => {
      const world = new LambdaBench({ seed, realInvocationsPerVersion: 0 });
      await world.release(2);
      world.lambda.setModel("fn", ({ random }) => ({ outcome: random.chance(0.2) ? "error" : "ok", durationMs: 5 }));
      const atMs = Array.from({ length: 200 }, (_, index) => START + index * 50);
      return world.lambda.sendTraffic({ functionName: "fn", qualifier: "live", atMs }).versions["1"]?.failedAtMs;
    };
    expect(await run(3)).toEqual(await run(3));
    expect(await run(3)).not.toEqual(await run(4));
  });

  it("publishes errors and durations of each version", async () => {
    bench.lambda.setModel("fn", ({ version }) =>
      version === "2"
        ? { outcome: "error", durationMs: 40, errorType: "Broken", errorMessage: "canary" }
        : { outcome: "ok", durationMs: 10 },
    );
    await shift(0.5);
    const { versions } = send(400);
    const canary = { ...live, ExecutedVersion: "2" };
    const served = versions["2"]?.requests ?? 0;
    expect(versions["2"]?.errors).toBe(served);
    expect(bench.sum("Errors", canary)).toBe(served);
    expect(bench.sum("Errors", live)).toBe(served);
    expect(bench.sum("Errors", { ...live, ExecutedVersion: "1" })).toBe(0);
    expect(bench.sum("Duration", canary)).toBe(served * 40);
    expect(bench.sum("Invocations", {})).toBe(400);
    expect(bench.messages().at(-1)).toContain('{"errorType":"Broken","errorMessage":"canary"}');
  });

  it("puts each request into the minute of its start", () => {
    bench.lambda.setModel("fn", ok);
    send(3, MINUTE);
    const points = bench.metrics.filter(({ name, dimensions }) => name === "Invocations" && !dimensions.FunctionName);
    expect(points.map(({ timestampMs, visibleAtMs }) => [timestampMs - START, (visibleAtMs ?? 0) - START])).toEqual([
      [0, 2 * MINUTE],
      [MINUTE, 3 * MINUTE],
      [2 * MINUTE, 4 * MINUTE],
    ]);
  });

  it("counts a request that outlasts the timeout as an error of that length", () => {
    bench.lambda.setModel("fn", () => ({ outcome: "ok", durationMs: 5_000 }));
    const { versions } = send(1);
    expect(versions["1"]).toMatchObject({ errors: 1, durationsMs: [3_000], failedAtMs: [START] });
  });

  it("starts cold where no environment is free", () => {
    const seen: [environment: number | undefined, coldStart: boolean][] = [];
    bench.lambda.setModel("fn", ({ environment, coldStart }) => {
      seen.push([environment, coldStart]);
      return { outcome: "ok", durationMs: 150, initMs: coldStart ? 100 : 0 };
    });
    const { versions } = send(5, 100);
    // The first is busy until 250, the second until 350, the third until 450: the fourth and fifth find one free.
    expect(seen).toEqual([
      [1, true],
      [2, true],
      [3, true],
      [1, false],
      [2, false],
    ]);
    expect(versions["1"]?.coldStarts).toBe(3);
  });

  it("is throttled over the reserved concurrency, without a version", async () => {
    await bench.call("PutFunctionConcurrency", { FunctionName: "fn", ReservedConcurrentExecutions: 2 });
    bench.lambda.setModel("fn", () => ({ outcome: "ok", durationMs: 1_000 }));
    const { versions, throttledAtMs } = send(10, 100);
    expect(versions["1"]?.requests).toBe(2);
    expect(throttledAtMs).toHaveLength(8);
    expect(bench.sum("Throttles", live)).toBe(8);
    expect(bench.sum("ConcurrentExecutions", live)).toBe(2);
    expect(bench.metrics.some(({ name, dimensions }) => name === "Throttles" && dimensions.ExecutedVersion)).toBe(
      false,
    );
  });

  it("needs a model, and says so", () => {
    expect(() => send(1)).toThrow("function fn has no model: call setModel before sending traffic to it");
  });
});

describe("real invocations among modelled traffic", () => {
  it("are the first of each version, and no more", async () => {
    bench = new LambdaBench({ realInvocationsPerVersion: 3 });
    await bench.release(2);
    bench.lambda.setModel("fn", ok);
    await shift(0.5);
    const { settled } = send(50);
    await bench.clock.advanceBy(MINUTE);
    await settled;
    const real = bench.occurrences.filter(({ kind }) => kind === "invocation").map(({ detail }) => detail.version);
    expect(real.sort()).toEqual(["1", "1", "1", "2", "2", "2"]);
    expect(bench.sum("Invocations", live)).toBe(50);
  });

  it("that fail against the model's word count as errors", async () => {
    bench = new LambdaBench({ realInvocationsPerVersion: 2 });
    await bench.create(`throw new Error("really broken")`, { Publish: true });
    await bench.call("CreateAlias", { FunctionName: "fn", Name: "live", FunctionVersion: "1" });
    bench.lambda.setModel("fn", ok);
    const { settled, versions } = send(10);
    await bench.clock.advanceBy(MINUTE);
    await settled;
    expect(versions["1"]?.errors).toBe(2);
    expect(bench.sum("Errors", live)).toBe(2);
    expect(bench.sum("Invocations", live)).toBe(10);
  });
});

describe("a direct invocation of a modelled function", () => {
  it("fails when the model says so, after the model's duration", async () => {
    bench.lambda.setModel("fn", ({ payload }) => ({
      outcome: "error",
      durationMs: 700,
      errorType: "Modelled",
      errorMessage: JSON.stringify(payload),
    }));
    const output = await bench.drive(bench.invoke({ Payload: Buffer.from('{"smoke":true}') }), 1);
    expect(output).toMatchObject({
      FunctionError: "Unhandled",
      Payload: { errorType: "Modelled", errorMessage: '{"smoke":true}' },
    });
    expect(bench.clock.now()).toBe(START + 700);
    expect(bench.sum("Duration", { FunctionName: "fn" })).toBe(700);
  });

  it("runs the handler when the model says ok, for the model's duration", async () => {
    bench.lambda.setModel("fn", () => ({ outcome: "ok", durationMs: 400 }));
    expect(await bench.drive(bench.invoke({ Qualifier: "2" }), 1)).toMatchObject({ Payload: 2, ExecutedVersion: "2" });
    expect(bench.clock.now()).toBe(START + 400);
  });

  it("answers what the model answers, where it does", async () => {
    bench.lambda.setModel("fn", () => ({ outcome: "ok", durationMs: 1, response: { wrong: true } }));
    expect((await bench.drive(bench.invoke(), 1)).Payload).toEqual({ wrong: true });
  });

  it.each([
    ["timeout", "Sandbox.Timedout"],
    ["hang", "Sandbox.Timedout"],
    ["exit", "Runtime.ExitError"],
  ] as const)("can %s", async (outcome, errorType) => {
    bench.lambda.setModel("fn", () => ({ outcome, durationMs: 0 }));
    expect((await bench.drive(bench.invoke())).Payload).toMatchObject({ errorType });
  });

  it("works for runtimes that are not run", async () => {
    await bench.create("", { FunctionName: "py", Runtime: "python3.12" });
    bench.lambda.setModel("py", () => ({ outcome: "ok", durationMs: 1, response: "modelled" }));
    expect((await bench.drive(bench.invoke({ FunctionName: "py" }), 1)).Payload).toBe("modelled");
  });
});

describe("the log of modelled traffic", () => {
  const reports = () => bench.messages().filter((message) => /REPORT|platform\.report/.test(message));

  it("has a record of every request while somebody subscribes to it", async () => {
    bench.lambda.setModel("fn", ({ atMs }) => ({
      outcome: atMs === START ? "error" : "ok",
      durationMs: 40,
      ...(atMs === START && { initMs: 300 }),
    }));
    send(5);
    await bench.world.clock.advanceBy(5000);
    expect(reports()).toEqual([]);
    bench.world.install("hasSubscribers", (group) => group === "/aws/lambda/fn");
    send(5, 100, START);
    await bench.world.clock.advanceBy(5000);
    expect(reports()).toHaveLength(5);
    expect(reports()[0]).toMatch(/^REPORT RequestId: \S+\tDuration: 40\.00 ms.*Init Duration: 300\.00 ms/);
    expect(bench.messages().filter((message) => message.includes("Invoke Error"))).toHaveLength(2);
  });
});
