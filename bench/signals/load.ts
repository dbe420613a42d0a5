import { gunzipSync, gzipSync } from "node:zlib";
import { createSignals } from "../../lambdas/signals/signals.ts";
import { createSignalBooks } from "../../lib/adapters/signal-books.ts";
import type { SignalPlan } from "../../lib/core/signals/count.ts";
import { SeededRandom } from "../../lib/local/kernel/random.ts";
import { logStreamName, platformLines } from "../../lib/local/services/lambda/invocation-log.ts";
import { MemoryTable } from "../faults/memory-table.ts";
import { silent } from "../faults/programs.ts";

/** DynamoDB answers in about so long [assumed]. Milliseconds. */
export const DYNAMO_MS = 10;
/** Each request takes so long, and an environment handles one at a time. Milliseconds. */
const DURATION_MS = 50;
/** Environments beyond those that are needed on average. */
const SPARE = 2;
const CANARY_SHARE = 0.1;
const ERROR_RATE = 0.01;
const START_MS = Date.parse("2026-03-02T12:00:00.000Z");
const LOG_GROUP = "/aws/lambda/busy";
const FUNCTION = { settings: { MemorySize: 128, LoggingConfig: { LogFormat: "JSON" as const } } };

export interface Traffic {
  requestsPerSecond: number;
  seconds: number;
  /** A stream's batch leaves so long after its first event. */
  batchSeconds: number;
  sampleOneIn?: number;
}

/** What counting one function's log took. */
export interface Load extends Traffic {
  streams: number;
  batches: number;
  /** Kilobytes of a batch as it comes, packed, on average. */
  batchKb: number;
  /** Processor's time of a batch, milliseconds: median and p99. */
  cpuMs: { median: number; p99: number };
  /** Invocations at once, at most; each takes its processor's time and two calls of the table. */
  inFlight: number;
  /** Most of the heap that was used, beyond what the batches to come take; garbage included. Megabytes. */
  heapMb: number;
  writes: number;
  /** Write request units of the busiest second, and of all. */
  busiestUnits: number;
  units: number;
  /** Requests that were counted. */
  counted: number;
}

interface Sent {
  atMs: number;
  event: object;
}

/** The signals Lambda's own code with its adapter, over a table in memory: one batch after the other, timed. */
export async function measureLoad(traffic: Traffic): Promise<Load> {
  const table = new MemoryTable();
  const units = new Map<number, number>();
  let nowMs = START_MS;
  let writes = 0;
  const answer = async ({ command, input }: { command: string; input: object }) => {
    const operation = command.replace(/Command$/, "");
    const output = table.call(operation, input);
    if (operation === "UpdateItem") {
      writes += 1;
      const second = Math.floor(nowMs / 1000);
      const { Key } = input as { Key: object };
      units.set(second, (units.get(second) ?? 0) + Math.ceil(sizeOf(table.call("GetItem", { Key })) / 1024));
    }
    return output;
  };
  const books = createSignalBooks("ledger", { region: "us-east-1", answer }, () => new Date(nowMs));
  await books.open(LOG_GROUP, planOf(traffic));
  const { sent, streams } = batchesOf(traffic);
  const signals = createSignals(
    {
      books,
      unpack: (data) => gunzipSync(Buffer.from(data, "base64")).toString("utf8"),
      now: () => new Date(nowMs),
    },
    silent,
  );
  const spent: number[] = [];
  let heapMb = 0;
  writes = 0;
  units.clear();
  const heapBefore = process.memoryUsage().heapUsed;
  for (const { atMs, event } of sent) {
    nowMs = atMs;
    const before = process.cpuUsage();
    await signals(event);
    const { user, system } = process.cpuUsage(before);
    spent.push((user + system) / 1000);
    heapMb = Math.max(heapMb, (process.memoryUsage().heapUsed - heapBefore) / 1e6);
  }
  const known = await books.read("d-1", 0, nowMs + 1);
  const bytes = sent.reduce((sum, { event }) => sum + JSON.stringify(event).length, 0);
  return {
    ...traffic,
    streams,
    batches: sent.length,
    batchKb: bytes / sent.length / 1000,
    cpuMs: { median: quantile(spent, 0.5), p99: quantile(spent, 0.99) },
    inFlight: mostAtOnce(sent.map(({ atMs }, i) => [atMs, atMs + spent[i]! + 2 * DYNAMO_MS])),
    heapMb,
    writes,
    busiestUnits: Math.max(...units.values()),
    units: [...units.values()].reduce((sum, one) => sum + one, 0),
    counted: known.reduce((sum, { counts }) => sum + counts.requests, 0),
  };
}

const planOf = ({ sampleOneIn }: Traffic): SignalPlan => ({
  deploymentId: "d-1",
  functionName: "busy",
  filterName: "goaround-dev-d-1",
  versions: ["1", "2"],
  slowThresholdsMs: [40, 80, 200],
  ownRequests: [],
  ...(sampleOneIn === undefined ? {} : { sampleOneIn }),
});

interface Batch {
  stream: string;
  leavesMs: number;
  logEvents: object[];
}

/** What CloudWatch Logs sends, in order, and from how many streams. */
function batchesOf({ requestsPerSecond, seconds, batchSeconds }: Traffic): { sent: Sent[]; streams: number } {
  const random = new SeededRandom(`load/${requestsPerSecond}`);
  const digits = () => random.text(32, "0123456789abcdef");
  const busy = Math.ceil((requestsPerSecond * DURATION_MS * SPARE) / 1000);
  const of = (version: string, share: number) =>
    Array.from({ length: Math.max(1, Math.round(busy * share)) }, () => logStreamName(START_MS, version, digits()));
  const streams = { "1": of("1", 1 - CANARY_SHARE), "2": of("2", CANARY_SHARE) };
  // In the order in which they leave: that is the order in which they were begun.
  const open = new Map<string, Batch>();
  const sent: Sent[] = [];
  const leave = (untilMs: number) => {
    for (const [key, batch] of open) {
      if (batch.leavesMs > untilMs) return;
      open.delete(key);
      sent.push({ atMs: batch.leavesMs, event: pack(batch) });
    }
  };
  for (let n = 0; n < requestsPerSecond * seconds; n += 1) {
    const endedMs = START_MS + Math.floor((1000 * n) / requestsPerSecond);
    leave(endedMs);
    const candidates = streams[random.chance(CANARY_SHARE) ? "2" : "1"];
    const stream = candidates[random.integer(0, candidates.length - 1)]!;
    const batch = open.get(stream) ?? { stream, leavesMs: endedMs + 1000 * batchSeconds, logEvents: [] };
    open.set(stream, batch);
    const status = random.chance(ERROR_RATE) ? "error" : "success";
    const figures = { durationMs: DURATION_MS * (0.5 + random.next()), initMs: undefined, status } as const;
    const [message] = platformLines(FUNCTION, random.uuid(), figures, endedMs);
    // Ids of events are 56 digits.
    batch.logEvents.push({ id: String(n).padStart(56, "0"), timestamp: endedMs, message });
  }
  leave(Number.POSITIVE_INFINITY);
  return { sent, streams: streams["1"].length + streams["2"].length };
}

function pack({ stream: logStream, logEvents }: Batch): object {
  const document = { messageType: "DATA_MESSAGE", logGroup: LOG_GROUP, logStream, logEvents };
  return { awslogs: { data: gzipSync(JSON.stringify(document)).toString("base64") } };
}

/** As DynamoDB counts an item: names and values in UTF-8, a number by its digits (developer guide, 2026). Bytes. */
function sizeOf(output: object): number {
  const { Item = {} } = output as { Item?: Record<string, { S?: string; N?: string; SS?: string[]; NS?: string[] }> };
  const number = (text: string) => Math.ceil(text.replace(/\D/g, "").length / 2) + 1;
  return Object.entries(Item).reduce((sum, [name, { S = "", N, SS = [], NS = [] }]) => {
    const sets = SS.reduce((all, one) => all + one.length + 1, 0) + NS.reduce((all, one) => all + number(one) + 1, 0);
    return sum + name.length + S.length + (N === undefined ? 0 : number(N)) + sets;
  }, 0);
}

function mostAtOnce(runs: readonly (readonly [number, number])[]): number {
  const changes = runs.flatMap(([from, to]) => [[from, 1] as const, [to, -1] as const]);
  let [running, most] = [0, 0];
  for (const [, change] of changes.sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    running += change;
    most = Math.max(most, running);
  }
  return most;
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)]!;
}
