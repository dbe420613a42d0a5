import { type LogBatch, type LogEvent, parseStreamName } from "../../lib/core/signals/batch.ts";
import {
  type Addition,
  countBatch,
  environmentKey,
  intervalOf,
  noSignals,
  type SignalPlan,
} from "../../lib/core/signals/count.ts";
import type { SeededRandom } from "../../lib/local/kernel/random.ts";
import { type Disturbance, Disturbances } from "../../lib/local/services/eventbridge/disturbance.ts";
import { logStreamName, platformLines } from "../../lib/local/services/lambda/invocation-log.ts";
import type { SignalBook } from "./book.ts";
import { LAGS } from "./lags.ts";
import { type DrawnRequest, type Second, type SecondCounts, SIDES, type Side, VERSIONS } from "./traffic.ts";

const SECOND_MS = 1000;
const LOG_GROUP = "/aws/lambda/released";
/** As much of a version as its log's format depends on. */
const FUNCTION = { settings: { MemorySize: 128, LoggingConfig: { LogFormat: "JSON" as const } } };

/** Of an execution environment; `open` and `counted` wait for more until they leave. */
interface Stream {
  name: string;
  open: LogBatch | undefined;
  counted: { addition: Addition; atMs: number }[];
}

/** What a batch adds, when it has arrived. */
type Count = (nowMs: number) => Addition[];

/**
 * CloudWatch Logs and the signals Lambda: what was requested becomes counts in the book, late by the lag. A stream's batch
 * leaves a lag after its first event, as in the local AWS; batches may be lost, doubled, held up and overtake each other.
 */
export class LogFeed {
  /** Batches that have arrived, the second ones of the same included. */
  batches = 0;
  /** Writes to the book. */
  writes = 0;
  private readonly plan: SignalPlan;
  private readonly book: SignalBook;
  private readonly disturbances: Disturbances;
  private readonly names: SeededRandom;
  private readonly streams = new Map<string, Stream>();
  /** By the second in which they are due, milliseconds. */
  private readonly lines = new Map<number, { stream: Stream; event: LogEvent }[]>();
  private readonly leaving = new Map<number, Stream[]>();
  private arriving: { atMs: number; additions: Count }[] = [];
  private ids = 0;

  constructor(plan: SignalPlan, book: SignalBook, disturbed: readonly Disturbance[], random: SeededRandom) {
    this.plan = plan;
    this.book = book;
    this.disturbances = new Disturbances(random.fork("disturbances"));
    for (const one of disturbed) this.disturbances.add(one);
    this.names = random.fork("streams");
  }

  /** What began in the second from `fromMs` on, and everything that is due at its end. */
  take(fromMs: number, { requests = [], streams }: Second): void {
    const endMs = fromMs + SECOND_MS;
    for (const request of requests) this.write(request);
    for (const side of SIDES) {
      for (const [i, counts] of (streams?.[side] ?? []).entries()) this.count(side, i + 1, fromMs, counts);
    }
    this.writeDue(endMs);
    for (const stream of this.leaving.get(endMs) ?? []) {
      const { open: batch, counted } = stream;
      stream.open = undefined;
      stream.counted = [];
      this.arrive(endMs, (nowMs) =>
        batch ? countBatch(batch, this.plan, nowMs).additions : counted.map((one) => counting(one, nowMs)),
      );
    }
    this.leaving.delete(endMs);
  }

  /** Counts all that has arrived by now. */
  countUntil(nowMs: number): void {
    const due = this.arriving.filter(({ atMs }) => atMs <= nowMs);
    if (due.length === 0) return;
    this.arriving = this.arriving.filter(({ atMs }) => atMs > nowMs);
    for (const { atMs, additions } of due.sort((a, b) => a.atMs - b.atMs)) {
      this.batches += 1;
      for (const addition of additions(atMs)) {
        this.writes += 1;
        this.book.put(addition);
      }
    }
  }

  private write({ side, atMs, durationMs, initMs, status, environment }: DrawnRequest): void {
    const endMs = atMs + (initMs ?? 0) + durationMs;
    const stream = this.stream(side, environment, atMs, initMs !== undefined);
    this.ids += 1;
    const message = platformLines(FUNCTION, `request-${this.ids}`, { durationMs, initMs, status }, endMs)[0]!;
    const writtenMs = (Math.floor(endMs / SECOND_MS) + 1) * SECOND_MS;
    const lines = this.lines.get(writtenMs) ?? [];
    this.lines.set(writtenMs, lines);
    lines.push({ stream, event: { id: String(this.ids), timestamp: Math.round(endMs), message } });
  }

  /** What a batch's records would have been counted to. */
  private count(side: Side, environment: number, fromMs: number, counts: SecondCounts): void {
    if (counts.requests === 0) return;
    const { requests, errors, coldStarts, durationMs, slow } = counts;
    const stream = this.stream(side, environment, fromMs, false);
    if (stream.counted.length === 0) this.leaveLater(stream, fromMs + SECOND_MS);
    const none = noSignals(slow.length);
    const environments = { [environmentKey(parseStreamName(stream.name)!.environment)]: { requests, errors } };
    const signals = { ...none, requests, coldStarts, durationMs, slow, environments };
    this.ids += 1;
    const addition = {
      version: VERSIONS[side],
      fromMs: intervalOf(fromMs),
      batchId: String(this.ids),
      part: "0",
      counts: { ...signals, errors: { ...none.errors, thrown: errors } },
    };
    stream.counted.push({ addition, atMs: fromMs });
  }

  private stream(side: Side, environment: number, atMs: number, isNew: boolean): Stream {
    const key = `${side}/${environment}`;
    const known = this.streams.get(key);
    if (known && !isNew) return known;
    const name = logStreamName(atMs, VERSIONS[side], this.names.text(32, "0123456789abcdef"));
    const stream: Stream = { name, open: undefined, counted: [] };
    this.streams.set(key, stream);
    return stream;
  }

  private leaveLater(stream: Stream, nowMs: number): void {
    const leavesMs = nowMs + LAGS.logsMs;
    const others = this.leaving.get(leavesMs) ?? [];
    this.leaving.set(leavesMs, others);
    others.push(stream);
  }

  private writeDue(nowMs: number): void {
    for (const { stream, event } of this.lines.get(nowMs) ?? []) {
      if (!stream.open) {
        stream.open = { logGroup: LOG_GROUP, logStream: stream.name, filters: [], events: [] };
        this.leaveLater(stream, nowMs);
      }
      stream.open.events.push(event);
    }
    this.lines.delete(nowMs);
  }

  private arrive(atMs: number, additions: Count): void {
    for (const delayMs of this.disturbances.arrivals(LOG_GROUP))
      this.arriving.push({ atMs: atMs + delayMs, additions });
  }
}

/** As late as the first request of its second. */
const counting = ({ addition, atMs }: { addition: Addition; atMs: number }, nowMs: number): Addition => ({
  ...addition,
  counts: { ...addition.counts, lagSeconds: Math.ceil((nowMs - atMs) / SECOND_MS) },
});
