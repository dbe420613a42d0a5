import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { batchId, type LogEvent, parseBatch, parseStreamName } from "../../../lib/core/signals/batch.ts";
import { countBatch, errorCount, INTERVAL_MS, type SignalPlan } from "../../../lib/core/signals/count.ts";
import { readRecord } from "../../../lib/core/signals/records.ts";

const START = Date.parse("2026-03-01T12:00:00.000Z");
const PLAN: SignalPlan = {
  deploymentId: "d-1",
  functionName: "orders",
  filterName: "goaround-dev-d-1",
  versions: ["1", "2"],
  slowThresholdsMs: [50, 200],
  ownRequests: [],
};
/** Batches come so much later than their records. */
const NOW = START + 4200;
const STREAM = "2026/03/01/[2]0123456789abcdef0123456789abcdef";

let ids = 0;
const event = (message: string, timestamp = START): LogEvent => ({ id: String(ids++), timestamp, message });

const report = (requestId: string, status = "success", metrics: object = {}, atMs = START) =>
  event(
    JSON.stringify({
      time: new Date(atMs).toISOString(),
      type: "platform.report",
      record: {
        requestId,
        metrics: { durationMs: 10, billedDurationMs: 10, memorySizeMB: 128, maxMemoryUsedMB: 64, ...metrics },
        status,
      },
    }),
    atMs,
  );

const textReport = (requestId: string, more = "") =>
  event(
    `REPORT RequestId: ${requestId}\tDuration: 12.50 ms\tBilled Duration: 13 ms\tMemory Size: 128 MB\tMax Memory Used: 90 MB\t${more}`,
  );

const count = (events: LogEvent[], plan = PLAN, logStream = STREAM) =>
  countBatch({ logGroup: "/aws/lambda/orders", logStream, filters: [plan.filterName], events }, plan, NOW);

/** All of a batch that lies in one interval. */
const whole = (...events: LogEvent[]) => count(events).additions[0]?.counts;

describe("a log event", () => {
  it.each([
    ["a success", report("a").message, { error: undefined, durationMs: 10, memoryMb: 64 }],
    ["a failed handler", report("a", "error").message, { error: "thrown" }],
    ["an environment that ended", report("a", "failure").message, { error: "exit" }],
    ["a time-out", report("a", "timeout").message, { error: "timeout" }],
    ["a cold start", report("a", "success", { initDurationMs: 397.68 }).message, { initMs: 397.68 }],
    [
      "too much memory",
      '{"time":"2026-03-01T12:00:00.000Z","type":"platform.report","record":{"requestId":"a","status":"error","errorType":"Runtime.OutOfMemory","metrics":{"durationMs":5}}}',
      { error: "out-of-memory" },
    ],
    ["a text report", textReport("a").message, { requestId: "a", durationMs: 12.5, error: undefined, memoryMb: 90 }],
    ["a text report of a time-out", textReport("a", "Status: timeout").message, { error: "timeout" }],
    [
      "a text report of an exit",
      textReport("a", "Status: error\tError Type: Runtime.ExitError").message,
      { error: "exit" },
    ],
    ["a text report of a cold start", textReport("a", "Init Duration: 140.10 ms").message, { initMs: 140.1 }],
  ])("is read as a report: %s", (_, message, expected) => {
    expect(readRecord(event(message))).toMatchObject({ kind: "report", ...expected });
  });

  it.each([
    ['2026-03-01T12:00:00.000Z\tr-1\tERROR\tInvoke Error \t{"errorType":"Error"}', "thrown", "r-1"],
    ["2026-03-01T12:00:00.000Z r-1 Task timed out after 3.00 seconds", "timeout", "r-1"],
    ["RequestId: r-1 Error: Runtime exited with error: signal: killed", "out-of-memory", "r-1"],
    ["RequestId: r-1 Error: Runtime exited with error: exit status 1", "exit", "r-1"],
    ["[ERROR] ValueError: no\nTraceback (most recent call last):\n", "thrown", undefined],
  ])("is read as a failure: %s", (message, error, requestId) => {
    expect(readRecord(event(message))).toMatchObject({ kind: "error", error, requestId });
  });

  it.each([
    '{"time":"2026-03-01T12:00:00.000Z","type":"platform.start","record":{"requestId":"a","version":"2"}}',
    "START RequestId: a Version: 2",
    '{"level":"ERROR","message":"REPORT RequestId: made up"}',
    "[ERROR]\t2026-03-01T12:00:00Z\ta\tlogged, not raised",
    "",
  ])("is none of ours: %s", (message) => {
    expect(readRecord(event(message))).toEqual({ kind: "other" });
  });

  it.each([
    '{"type":"platform.report","record":',
    '{"type":"platform.report","record":{"requestId":"a","metrics":{"durationMs":-1}}}',
    '{"type":"platform.report","record":{"metrics":{"durationMs":1}}}',
    "REPORT RequestId: a\tDuration: soon",
    "REPORT RequestId:",
  ])("is malformed: %s", (message) => {
    expect(readRecord(event(message))).toEqual({ kind: "malformed" });
  });

  it.each([
    '{"type":"platform.initReport","record":{"status":"error","phase":"init"}}',
    "INIT_REPORT Init Duration: 488.22 ms\tPhase: init\tStatus: error\tError Type: Runtime.ExitError",
  ])("tells of an environment that could not start: %s", (message) => {
    expect(readRecord(event(message))).toEqual({ kind: "init-failure" });
  });
});

describe("a batch", () => {
  it("is counted by kind of error, slow requests, cold starts, memory and environment", () => {
    const counts = whole(
      report("a"),
      report("b", "error", { durationMs: 60 }),
      report("c", "timeout", { durationMs: 300, maxMemoryUsedMB: 100 }),
      report("d", "success", { initDurationMs: 200 }),
    );
    expect(counts).toEqual({
      requests: 4,
      errors: { thrown: 1, timeout: 1, "out-of-memory": 0, exit: 0 },
      initFailures: 0,
      coldStarts: 1,
      durationMs: 380,
      slow: [2, 1],
      memoryMb: 100,
      lagSeconds: 4.5,
      environments: { "01": { requests: 4, errors: 2 } },
    });
  });

  it("has a failure that its next batch reports among the errors of its environment", () => {
    expect(whole(event("2026-03-01T12:00:00.000Z\tr-2\tERROR\tInvoke Error \t{}"))?.environments).toEqual({
      "01": { requests: 0, errors: 1 },
    });
  });

  it("tells at most 256 environments apart, however many serve", () => {
    const digits = (i: number) => (0x9e3779b1 * (i + 1)).toString(16).slice(-8).padStart(32, "0");
    const keys = Array.from({ length: 2000 }, (_, i) => {
      const stream = `2026/03/01/[2]${[...digits(i)].reverse().join("")}`;
      return Object.keys(count([report("a")], PLAN, stream).additions[0]!.counts.environments)[0];
    });
    expect(new Set(keys).size).toBeLessThanOrEqual(256);
    expect(new Set(keys).size).toBeGreaterThan(200);
  });

  it("counts a text failure once, whichever of its lines tell of it", () => {
    const counts = whole(
      event("2026-03-01T12:00:00.000Z r-1 Task timed out after 3.00 seconds"),
      textReport("r-1", "Status: timeout"),
      event("2026-03-01T12:00:00.000Z\tr-2\tERROR\tInvoke Error \t{}"),
      textReport("r-2"),
      event("[ERROR] KeyError: 'a'\nTraceback (most recent call last):"),
      textReport("r-3"),
      textReport("r-4"),
    );
    expect(counts).toMatchObject({ requests: 4, errors: { thrown: 2, timeout: 1 } });
  });

  it("keeps a failure whose report comes with the next batch, unless that will say so itself", () => {
    expect(whole(event("2026-03-01T12:00:00.000Z\tr-2\tERROR\tInvoke Error \t{}"))).toMatchObject({
      requests: 0,
      errors: { thrown: 1 },
    });
    expect(whole(event("2026-03-01T12:00:00.000Z r-1 Task timed out after 3.00 seconds"))).toBeUndefined();
  });

  it("books each request in the interval in which it began", () => {
    const { additions } = count([
      report("a", "success", { durationMs: 100 }, START + 50),
      report("b", "success", { durationMs: 100, initDurationMs: INTERVAL_MS }, START + INTERVAL_MS + 50),
      report("c", "success", { durationMs: 100 }, START + INTERVAL_MS + 150),
    ]);
    expect(additions.map(({ fromMs, counts }) => [fromMs - START, counts.requests])).toEqual([
      [-INTERVAL_MS, 2],
      [INTERVAL_MS, 1],
    ]);
  });

  it("leaves out the guard's own requests, other versions and other functions of the log group", () => {
    expect(count([report("a"), report("b")], { ...PLAN, ownRequests: ["a"] }).additions[0]?.counts.requests).toBe(1);
    expect(count([report("a")], PLAN, STREAM.replace("[2]", "[3]")).additions).toEqual([]);
    expect(count([report("a")], PLAN, STREAM.replace("[2]", "[$LATEST]")).additions).toEqual([]);
    expect(count([report("a")], PLAN, STREAM.replace("[2]", "invoices[2]")).additions).toEqual([]);
    expect(count([report("a")], PLAN, STREAM.replace("[2]", "orders[2]")).additions).toHaveLength(1);
  });

  it("is left out where it comes by another filter than the plan's: the same events come by that one as well", () => {
    const by = (...filters: string[]) =>
      countBatch({ logGroup: "/aws/lambda/orders", logStream: STREAM, filters, events: [report("a")] }, PLAN, NOW);
    expect(by("goaround-dev-always").additions).toEqual([]);
    expect(by("goaround-dev-always", PLAN.filterName).additions).toHaveLength(1);
    expect(by().additions).toHaveLength(1);
  });

  it("counts what cannot be read, and goes on", () => {
    const { additions, malformed } = count([event("REPORT RequestId: x"), report("a")]);
    expect(malformed).toBe(1);
    expect(additions[0]?.counts.requests).toBe(1);
  });

  it("has the same id when it comes again, and another when it is another", () => {
    const events = [report("a"), report("b")];
    expect(batchId(events)).toBe(batchId([...events]));
    expect(batchId(events)).not.toBe(batchId([...events].reverse()));
    expect(batchId(events)).not.toBe(batchId(events.slice(1)));
  });

  it("has the same id when the plan has learnt of one of its requests in between", () => {
    const events = [report("probe"), report("a"), report("b", "success", {}, START + INTERVAL_MS)];
    const ids = (plan: SignalPlan) => count(events, plan).additions.map(({ fromMs, batchId: id }) => [fromMs, id]);
    expect(ids({ ...PLAN, ownRequests: ["probe"] })).toEqual(ids(PLAN));
  });

  it("is counted without ever throwing, and never has more errors than its lines tell of", () => {
    const line = fc.oneof(
      fc.string(),
      fc.json(),
      fc.constantFrom(report("a").message, report("b", "error").message, textReport("c", "Status: timeout").message),
      fc.string().map((text) => `REPORT RequestId: ${text}`),
      fc.string().map((text) => `{"type":"platform.report","record":${text}}`),
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const { additions, malformed } = count(lines.map((message) => event(message)));
        const errors = additions.reduce((sum, { counts }) => sum + errorCount(counts), 0);
        const requests = additions.reduce((sum, { counts }) => sum + counts.requests, 0);
        expect(errors + malformed).toBeLessThanOrEqual(lines.length);
        expect(requests + malformed).toBeLessThanOrEqual(lines.length);
      }),
    );
  });

  it("counts the same however its reports are cut into batches", () => {
    const status = fc.constantFrom("success", "error", "timeout", "failure");
    fc.assert(
      fc.property(fc.array(fc.tuple(status, fc.integer({ min: 0, max: 60_000 }))), fc.nat(), (requests, cut) => {
        const events = requests.map(([how, afterMs], i) => report(String(i), how, {}, START + afterMs));
        const at = events.length === 0 ? 0 : cut % events.length;
        const total = (parts: LogEvent[][]) =>
          parts
            .flatMap((part) => count(part).additions)
            .reduce<Record<string, number[]>>((sums, { fromMs, counts }) => {
              const [seen = 0, failed = 0] = sums[fromMs] ?? [];
              sums[fromMs] = [seen + counts.requests, failed + errorCount(counts)];
              return sums;
            }, {});
        expect(total([events.slice(0, at), events.slice(at)])).toEqual(total([events]));
      }),
    );
  });
});

describe("a subscription's document", () => {
  it("is read, a trial is told apart, and anything else is a problem", () => {
    const document = { messageType: "DATA_MESSAGE", logGroup: "g", logStream: STREAM, logEvents: [report("a"), null] };
    const read = { logGroup: "g", logStream: STREAM, events: [{ timestamp: START }] };
    expect(parseBatch(document)).toMatchObject({ ...read, filters: [] });
    expect(parseBatch({ ...document, subscriptionFilters: ["f"] })).toMatchObject({ ...read, filters: ["f"] });
    expect(parseBatch({ messageType: "CONTROL_MESSAGE" })).toBe("control");
    for (const wrong of [null, "text", {}, { messageType: "DATA_MESSAGE" }]) {
      expect(parseBatch(wrong)).toHaveProperty("problem");
    }
  });

  it("names version and environment in its stream", () => {
    expect(parseStreamName("2026/03/01/[$LATEST]ab")).toEqual({
      functionName: "",
      version: "$LATEST",
      environment: "ab",
    });
    expect(parseStreamName("states/machine/2026-03-01")).toBeUndefined();
  });
});
