import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { countBatch, errorCount, type SignalPlan } from "../../../lib/core/signals/count.ts";
import { type Compared, disagreement } from "../../../lib/core/signals/log-looks.ts";
import { isSampled, sampleOneIn } from "../../../lib/core/signals/sample.ts";

const AT = Date.parse("2026-03-01T12:00:00.000Z");
/** Looks like the ids that Lambda gives. */
const idOf = (n: number) =>
  createHash("sha256")
    .update(String(n))
    .digest("hex")
    .slice(0, 32)
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
const IDS = Array.from({ length: 4000 }, (_, n) => idOf(n));
const PLAN: SignalPlan = {
  deploymentId: "d-1",
  functionName: "orders",
  filterName: "goaround-dev-d-1",
  versions: ["1", "2"],
  slowThresholdsMs: [],
  ownRequests: [],
  sampleOneIn: 4,
};

const count = (messages: string[], plan = PLAN) => {
  const events = messages.map((message, n) => ({ id: `event-${n}`, timestamp: AT, message }));
  const stream = "2026/03/01/[2]0123456789abcdef0123456789abcdef";
  const { additions } = countBatch(
    { logGroup: "/aws/lambda/orders", logStream: stream, filters: [], events },
    plan,
    AT,
  );
  return { requests: additions[0]?.counts.requests ?? 0, errors: additions[0] ? errorCount(additions[0].counts) : 0 };
};
const json = (requestId: string, status = "success") =>
  JSON.stringify({
    time: new Date(AT).toISOString(),
    type: "platform.report",
    record: { requestId, status, metrics: { durationMs: 0 } },
  });
const text = (requestId: string) => `REPORT RequestId: ${requestId}\tDuration: 0.00 ms\tBilled Duration: 1 ms\t`;

describe("a sample of requests", () => {
  it("is taken above the policy's limit only, and is a power of two", () => {
    expect(sampleOneIn(1000, undefined)).toBeUndefined();
    expect(sampleOneIn(1000, 1000)).toBeUndefined();
    expect([sampleOneIn(1001, 1000), sampleOneIn(1000, 250), sampleOneIn(1001, 250)]).toEqual([2, 4, 8]);
  });

  it.each([2, 8, 64])("is one in %i, whatever the ids", (oneIn) => {
    const expected = IDS.length / oneIn;
    const seen = IDS.filter((id) => isSampled(id, oneIn)).length;
    expect(Math.abs(seen - expected)).toBeLessThan(4 * Math.sqrt(expected));
  });

  it.each([
    ["JSON", json],
    ["text", text],
  ])("is what is counted of a log in %s", (_, report) => {
    expect(count(IDS.map((id) => report(id))).requests).toBe(IDS.filter((id) => isSampled(id, 4)).length);
  });

  it("has the errors of its requests, and no others", () => {
    const errors = IDS.slice(0, 400).map((id) => json(id, "error"));
    expect(count(errors).errors).toBe(count(errors).requests);
    const lines = IDS.slice(0, 400).flatMap((id) => [
      `2026-03-01T12:00:00.000Z\t${id}\tERROR\tInvoke Error \t{}`,
      text(id),
    ]);
    expect(count(lines).errors).toBe(count(lines).requests);
  });

  it("does not give the nameless failure of another request to one of its own", () => {
    const [out, own] = [IDS.find((id) => !isSampled(id, 4))!, IDS.find((id) => isSampled(id, 4))!];
    const failed = "[ERROR] ValueError: no\nTraceback (most recent call last):";
    expect(count([failed, text(out), text(own)])).toEqual({ requests: 1, errors: 0 });
    expect(count([failed, text(own), text(out)])).toEqual({ requests: 1, errors: 1 });
  });

  it("is held against the metrics of all, and may be off by chance", () => {
    const of = (logs: number, metrics: number): Compared => ({
      requests: { logs, metrics },
      errors: { logs: 0, metrics: 0 },
    });
    const seen = (logs: number) => disagreement({ canary: of(1000, 1000), baseline: of(logs, 10_000) }, 4);
    const whole = disagreement({ canary: of(1000, 1000), baseline: of(9700, 10_000) });
    expect(whole?.code).toBe("signals-from-metrics");
    expect(disagreement({ canary: of(250, 1000), baseline: of(2500, 10_000) }, 4)).toBeUndefined();
    expect(disagreement({ canary: of(250, 1000), baseline: of(2300, 10_000) }, 4)).toBeUndefined();
    expect(seen(1500)?.code).toBe("signals-from-metrics");
  });
});
