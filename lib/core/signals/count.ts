import type { EnvironmentCounts } from "../judge/types.ts";
import { batchId, type LogBatch, type LogEvent, parseStreamName } from "./batch.ts";
import { ERROR_KINDS, type ErrorKind, type LogRecord, readRecord, reportedRequest } from "./records.ts";
import { isSampled } from "./sample.ts";

/** Counts are kept by intervals of so many milliseconds, in which the requests began: a look takes whole ones. */
export const INTERVAL_MS = 2000;

export const intervalOf = (atMs: number) => Math.floor(atMs / INTERVAL_MS) * INTERVAL_MS;

/** What is counted of a release's requests; fixed before traffic moves. */
export interface SignalPlan {
  deploymentId: string;
  functionName: string;
  /** Two may be on the log group, one of them left over or another release's: what comes by this one is counted. */
  filterName: string;
  /** Baseline and canary. */
  versions: string[];
  /** Milliseconds, lowest first. */
  slowThresholdsMs: number[];
  /** The guard's own requests, which are not counted. */
  ownRequests: string[];
  /** Only one in so many requests is counted, of both versions alike. */
  sampleOneIn?: number;
}

/** Of a plan: those forgotten are older than batches come late, unless very many probes are asked for. */
const MOST_OWN_REQUESTS = 500;

/** Requests beyond those that are left out already. */
export const leavingOut = (plan: SignalPlan, requests: readonly string[]): SignalPlan => ({
  ...plan,
  ownRequests: [...plan.ownRequests, ...requests].slice(-MOST_OWN_REQUESTS),
});

/** What one version did in one interval. */
export interface SignalCounts {
  requests: number;
  /** By kind. */
  errors: Record<ErrorKind, number>;
  /** Environments that could not be started; their requests fail as well and are among the errors. */
  initFailures: number;
  coldStarts: number;
  /** Sum over all requests. */
  durationMs: number;
  /** Requests slower than each of the plan's thresholds. */
  slow: number[];
  /** Highest use, megabytes; undefined where nothing is said. */
  memoryMb: number | undefined;
  /** Longest time from a request's end until it was counted, in half seconds; unit: seconds. */
  lagSeconds: number | undefined;
  /**
   * The same requests and errors by execution environment, as `environmentKey` tells them apart: 256 at most, whatever the
   * traffic. Where more serve, some share a key and are one environment for the judge.
   */
  environments: Record<string, EnvironmentCounts>;
}

/**
 * Which environment a log stream belongs to: the first two of the 32 random hexadecimal digits at the end of its name. Of
 * two environments one in 256 pairs cannot be told apart.
 */
export const environmentKey = (environment: string) => environment.slice(0, 2);

/** What a batch adds to one version's interval. */
export interface Addition {
  version: string;
  fromMs: number;
  counts: SignalCounts;
  /** The same when the batch comes again. */
  batchId: string;
  /** Which of sixteen parts of the counts it is kept with, the same for all of a stream: smaller items cost less. */
  part: string;
}

export interface CountedBatch {
  additions: Addition[];
  /** Records that could not be read. */
  malformed: number;
}

const NOTHING: CountedBatch = { additions: [], malformed: 0 };

export const noSignals = (thresholds: number): SignalCounts => ({
  requests: 0,
  errors: Object.fromEntries(ERROR_KINDS.map((kind) => [kind, 0])) as Record<ErrorKind, number>,
  initFailures: 0,
  coldStarts: 0,
  durationMs: 0,
  slow: Array.from({ length: thresholds }, () => 0),
  memoryMb: undefined,
  lagSeconds: undefined,
  environments: {},
});

export const errorCount = ({ errors }: SignalCounts) => ERROR_KINDS.reduce((sum, kind) => sum + errors[kind], 0);

/** Counts a batch by interval, at `nowMs`. Never throws: what cannot be read is counted as malformed. */
export function countBatch(batch: LogBatch, plan: SignalPlan, nowMs: number): CountedBatch {
  const stream = parseStreamName(batch.logStream);
  if (!stream || !plan.versions.includes(stream.version)) return NOTHING;
  if (stream.functionName !== "" && stream.functionName !== plan.functionName) return NOTHING;
  if (batch.filters.length > 0 && !batch.filters.includes(plan.filterName)) return NOTHING;
  const own = new Set(plan.ownRequests);
  const intervals = new Map<number, SignalCounts>();
  const at = (atMs: number): SignalCounts => {
    const fromMs = intervalOf(atMs);
    const counts = intervals.get(fromMs) ?? noSignals(plan.slowThresholdsMs.length);
    intervals.set(fromMs, counts);
    return counts;
  };

  const failures = new Failures();
  let malformed = 0;
  const isCounted = (id: string) => !own.has(id) && isSampled(id, plan.sampleOneIn);
  for (const event of batch.events) {
    const early = plan.sampleOneIn === undefined ? undefined : reportedRequest(event.message);
    if (early !== undefined && !isCounted(early)) {
      failures.of(early);
      continue;
    }
    const record = readRecord(event);
    if (record.kind === "malformed") malformed += 1;
    else if (record.kind === "init-failure") at(event.timestamp).initFailures += 1;
    else if (record.kind === "error") failures.note(record, event);
    else if (record.kind === "report") {
      const error = failures.of(record.requestId) ?? record.error;
      if (!isCounted(record.requestId)) continue;
      const counts = at(record.endedMs - record.durationMs - (record.initMs ?? 0));
      add(counts, record, error, plan.slowThresholdsMs);
      counts.lagSeconds = Math.max(counts.lagSeconds ?? 0, Math.ceil((nowMs - record.endedMs) / 500) / 2);
    }
  }
  for (const { error, event, requestId } of failures.left()) {
    if (isCounted(requestId ?? event.id)) at(event.timestamp).errors[error] += 1;
  }
  // A stream is written by one environment.
  const key = environmentKey(stream.environment);
  const id = batchId(batch.events);
  const additions = [...intervals].map(([fromMs, counts]) => ({
    version: stream.version,
    fromMs,
    counts: { ...counts, environments: { [key]: { requests: counts.requests, errors: errorCount(counts) } } },
    batchId: id,
    part: key.slice(0, 1),
  }));
  return { additions, malformed };
}

function add(
  counts: SignalCounts,
  { durationMs, initMs, memoryMb }: LogRecord & { kind: "report" },
  error: ErrorKind | undefined,
  slowThresholdsMs: readonly number[],
): void {
  counts.requests += 1;
  counts.durationMs += durationMs;
  if (error) counts.errors[error] += 1;
  if (initMs !== undefined) counts.coldStarts += 1;
  slowThresholdsMs.forEach((threshold, i) => {
    if (durationMs > threshold) counts.slow[i]! += 1;
  });
  if (memoryMb !== undefined) counts.memoryMb = Math.max(memoryMb, counts.memoryMb ?? 0);
}

type ErrorRecord = LogRecord & { kind: "error" };

/** Lines about failures, until the report of their request says so as well. */
class Failures {
  private readonly named = new Map<string, { record: ErrorRecord; event: LogEvent }>();
  private readonly unnamed: { record: ErrorRecord; event: LogEvent }[] = [];

  note(record: ErrorRecord, event: LogEvent): void {
    if (record.requestId === undefined) this.unnamed.push({ record, event });
    // Whatever is written first about a request is its cause.
    else if (!this.named.has(record.requestId)) this.named.set(record.requestId, { record, event });
  }

  /** What was written about a request that ends now. An environment handles one at a time: a nameless line is its own. */
  of(requestId: string): ErrorKind | undefined {
    const found = this.named.get(requestId) ?? this.unnamed.shift();
    this.named.delete(requestId);
    return found?.record.error;
  }

  /** Failures whose reports are in another batch and will not say so. */
  left(): { error: ErrorKind; event: LogEvent; requestId: string | undefined }[] {
    return [...this.named.values(), ...this.unnamed]
      .filter(({ record }) => record.alone)
      .map(({ record, event }) => ({ error: record.error, event, requestId: record.requestId }));
  }
}
