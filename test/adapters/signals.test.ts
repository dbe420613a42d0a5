import { afterAll, describe, expect, it } from "vitest";
import { createLogSubscriptions } from "../../lib/adapters/log-subscriptions.ts";
import { createSignalBooks } from "../../lib/adapters/signal-books.ts";
import { type Addition, noSignals } from "../../lib/core/signals/count.ts";
import type { SignalBooksPort } from "../../lib/core/signals/ports.ts";
import type { LocalAws } from "../../lib/local/index.ts";
import { FakeSignalBooks } from "../fakes/signals.ts";
import { adapterOptions, call, LocalScene, ledgerTable, publish } from "./local-scene.ts";

const START = Date.parse("2026-03-02T12:03:00.000Z");
const GROUP = "/aws/lambda/checkout";
const SIGNALS = "arn:aws:lambda:us-east-1:111122223333:function:goaround-dev-signals";
const scene = new LocalScene("2026-03-02T12:03:00.000Z");
afterAll(() => scene.close());

const plan = (deploymentId: string) => ({
  deploymentId,
  functionName: "checkout",
  filterName: `goaround-dev-${deploymentId}`,
  versions: ["1", "2"],
  slowThresholdsMs: [40, 200],
  ownRequests: ["smoke-1"],
});

const addition = (batchId: string, environment: string, memoryMb: number, fromMs = START): Addition => ({
  version: "2",
  fromMs,
  batchId,
  part: "0",
  counts: {
    ...noSignals(2),
    requests: 10,
    errors: { thrown: 2, timeout: 1, "out-of-memory": 0, exit: 0 },
    coldStarts: 1,
    durationMs: 512.5,
    slow: [3, 1],
    memoryMb,
    lagSeconds: memoryMb / 10,
    environments: { [environment]: { requests: 10, errors: 3 } },
  },
});

describe.each<[string, () => Promise<SignalBooksPort>]>([
  ["fake", async () => new FakeSignalBooks()],
  [
    "DynamoDB, on the local AWS",
    async () => {
      const aws = await scene.open();
      await ledgerTable(aws, "goaround-dev-ledger");
      return createSignalBooks("goaround-dev-ledger", adapterOptions(aws), () => new Date(START));
    },
  ],
])("signal books: %s", (_, makePort) => {
  it("keep the plan of a log group until its release closes it, and no other", async () => {
    const books = await makePort();
    expect(await books.planOf(GROUP)).toBeUndefined();
    await books.open(GROUP, plan("d-1"));
    await books.open(GROUP, plan("d-2"));
    await books.close(GROUP, "d-1");
    expect(await books.planOf(GROUP)).toEqual(plan("d-2"));
    await books.close(GROUP, "d-2");
    await books.close(GROUP, "d-2");
    expect(await books.planOf(GROUP)).toBeUndefined();
  });

  it("leave further requests out, and undo nothing that happens meanwhile", async () => {
    const books = await makePort();
    await books.leaveOut(GROUP, "d-1", ["probe-0"]);
    expect(await books.planOf(GROUP)).toBeUndefined();
    await books.open(GROUP, plan("d-1"));
    const probes = ["probe-1", "probe-2", "probe-3", "probe-4"];
    await Promise.all(probes.map((probe) => books.leaveOut(GROUP, "d-1", [probe])));
    expect((await books.planOf(GROUP))?.ownRequests.toSorted()).toEqual([...probes, "smoke-1"]);
    await Promise.all([books.leaveOut(GROUP, "d-1", ["probe-5"]), books.close(GROUP, "d-1")]);
    expect(await books.planOf(GROUP)).toBeUndefined();
    await books.open(GROUP, plan("d-1"));
    await Promise.all([books.leaveOut(GROUP, "d-1", ["probe-6"]), books.open(GROUP, plan("d-2"))]);
    expect(await books.planOf(GROUP)).toEqual(plan("d-2"));
  });

  it("add what many writers bring at once, each batch once", async () => {
    const books = await makePort();
    const batches = Array.from({ length: 8 }, (__, i) => addition(`batch-${i}`, `environment-${i % 3}`, 60 + i));
    const outcomes = await Promise.all([...batches, ...batches].map((batch) => books.add("d-1", batch)));
    expect(outcomes.filter((outcome) => outcome === "known")).toHaveLength(8);
    const [only, ...others] = await books.read("d-1", START, START + 10_000);
    expect(others).toEqual([]);
    expect(only).toMatchObject({ version: "2", fromMs: START });
    expect(only!.counts).toEqual({
      requests: 80,
      errors: { thrown: 16, timeout: 8, "out-of-memory": 0, exit: 0 },
      initFailures: 0,
      coldStarts: 8,
      durationMs: 4100,
      slow: [24, 8],
      memoryMb: 67,
      lagSeconds: 6.7,
      environments: {
        "environment-0": { requests: 30, errors: 9 },
        "environment-1": { requests: 30, errors: 9 },
        "environment-2": { requests: 20, errors: 6 },
      },
    });
  });

  it("are read by time, of one release", async () => {
    const books = await makePort();
    for (const at of [0, 10_000, 20_000]) await books.add("d-1", addition("a", "e", 1, START + at));
    await books.add("d-2", addition("a", "e", 1, START));
    const found = await books.read("d-1", START, START + 20_000);
    expect(found.map(({ fromMs }) => fromMs - START)).toEqual([0, 10_000]);
  });
});

describe("log subscriptions, on the local AWS", () => {
  async function open(principal = "logs.amazonaws.com"): Promise<{ aws: LocalAws; port: ReturnType<typeof create> }> {
    const aws = await scene.open();
    await publish(aws, "goaround-dev-signals", ["return 1"]);
    await call(aws, "lambda", "AddPermission", {
      FunctionName: "goaround-dev-signals",
      StatementId: "logs",
      Action: "lambda:InvokeFunction",
      Principal: principal,
      SourceAccount: "111122223333",
      SourceArn: "arn:aws:logs:us-east-1:111122223333:log-group:/aws/lambda/check*:*",
    });
    await call(aws, "cloudwatch-logs", "CreateLogGroup", { logGroupName: GROUP });
    return { aws, port: create(aws) };
  }
  const create = (aws: LocalAws) => createLogSubscriptions(SIGNALS, adapterOptions(aws));

  it("are put, listed by prefix, and removed; twice is once", async () => {
    const { port } = await open();
    expect(await port.put(GROUP, "goaround-dev-d-1")).toBe("subscribed");
    expect(await port.put(GROUP, "goaround-dev-d-1")).toBe("subscribed");
    expect(await port.list(GROUP, "goaround-dev-")).toEqual(["goaround-dev-d-1"]);
    expect(await port.list(GROUP, "goaround-prod-")).toEqual([]);
    await port.remove(GROUP, "goaround-dev-d-1");
    await port.remove(GROUP, "goaround-dev-d-1");
    expect(await port.list(GROUP, "goaround-dev-")).toEqual([]);
    await port.remove("/no/such/group", "goaround-dev-d-1");
    expect(await port.list("/no/such/group", "goaround-dev-")).toEqual([]);
  });

  it("say why they are refused", async () => {
    const { aws, port } = await open();
    expect(await port.put("/no/such/group", "f")).toMatchObject({ refused: "no-log-group" });
    const rare = { logGroupName: "/aws/lambda/check-rare", logGroupClass: "INFREQUENT_ACCESS" };
    await call(aws, "cloudwatch-logs", "CreateLogGroup", rare);
    expect(await port.put("/aws/lambda/check-rare", "f")).toMatchObject({ refused: "not-supported" });
    await port.put(GROUP, "one");
    await port.put(GROUP, "two");
    expect(await port.put(GROUP, "three")).toMatchObject({ refused: "taken" });
  });

  it("are refused where CloudWatch Logs may not call the signals Lambda", async () => {
    const { port } = await open("events.amazonaws.com");
    const refused = await port.put(GROUP, "goaround-dev-d-1");
    expect(refused).toMatchObject({ refused: "not-supported", why: expect.stringContaining("Could not execute") });
  });
});
