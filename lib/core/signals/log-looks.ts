import { fact } from "../judge/reason.ts";
import type { EnvironmentCounts, Reason, SideCounts } from "../judge/types.ts";
import type { MinuteCounts } from "../ports.ts";
import type { LookWindow } from "../release/shift.ts";
import { errorCount, noSignals, type SignalCounts } from "./count.ts";
import type { Failures } from "./failures.ts";
import { LATE_MS, readFrom } from "./look-schedule.ts";
import type { KnownInterval } from "./ports.ts";
import { sampleError } from "./sample.ts";

const MINUTE_MS = 60_000;

/** Requests of one version that have been taken, by minute, epoch seconds. Bounded by `LATE_MS`. */
export type TakenMinutes = Record<string, number>;

/** Requests and errors of one version, by its log and by Lambda's metrics, over the same whole minutes. */
export interface Compared {
  requests: { logs: number; metrics: number };
  errors: { logs: number; metrics: number };
}

/** What the looks at a log remember; part of the release record. */
export interface LogJudging {
  canary: TakenMinutes;
  baseline: TakenMinutes;
  /** Minutes before it have been held against the metrics. */
  reconciledUntil?: string;
  compared: { canary: Compared; baseline: Compared };
  arrived?: { canary: Arrived; baseline: Arrived };
  /** Of the canary, over all looks. */
  failures?: Failures;
  /** From this time on metrics are judged instead. */
  left?: { at: string; reason: Reason };
}

const nothingCompared: Compared = { requests: { logs: 0, metrics: 0 }, errors: { logs: 0, metrics: 0 } };

export const nothingLooked: LogJudging = {
  canary: {},
  baseline: {},
  compared: { canary: nothingCompared, baseline: nothingCompared },
};

const floorTo = (ms: number, step: number) => Math.floor(ms / step) * step;
const ceilTo = (ms: number, step: number) => Math.ceil(ms / step) * step;

/** Nothing of a minute that was judged by the log, wholly or in part, is judged again. */
export function metricsSince({ judgedUntil, logs }: { judgedUntil: string; logs?: LogJudging }): Date | undefined {
  return logs && new Date(ceilTo(Date.parse(logs.left?.at ?? judgedUntil), MINUTE_MS));
}

/**
 * What one version did in the intervals of a look. `thresholds`: how many durations slow requests are counted above. Of a
 * version without a request none were slow, and the other's count all the same.
 */
export function sideOf(intervals: readonly KnownInterval[], version: string, thresholds = 0): SideCounts {
  const sums = tally(noSignals(thresholds));
  for (const { counts } of intervals.filter((interval) => interval.version === version)) addTo(sums, tally(counts));
  const [requests = 0, errors = 0, coldStarts = 0, durationMs = 0, ...slow] = sums;
  // A failure may be written in a batch ahead of its request.
  const atMost = (count: number) => Math.min(count, requests);
  return {
    invocations: requests,
    errors: atMost(errors),
    throttles: 0,
    averageDurationMs: requests > 0 ? durationMs / requests : undefined,
    p99DurationMs: undefined,
    slow: slow.length > 0 ? slow.map(atMost) : undefined,
    coldStarts: atMost(coldStarts),
  };
}

/** With the requests of a look's intervals, which are compared. */
export function take(before: TakenMinutes, intervals: readonly KnownInterval[], version: string): TakenMinutes {
  const taken = { ...before };
  for (const [minute, requests] of Object.entries(byMinute(intervals, version))) {
    taken[minute] = (taken[minute] ?? 0) + requests;
  }
  const newest = Math.max(0, ...Object.keys(taken).map(Number));
  return Object.fromEntries(Object.entries(taken).filter(([minute]) => Number(minute) >= newest - LATE_MS / 1000));
}

/**
 * What intervals that earlier looks were at hold by now beyond what was taken then; read from whole minutes on. It counts
 * as taken and is not compared: it tells of another time than the other version's, and of an outage that has begun in
 * between, whoever's batch was held up would be accused.
 */
export function takeLate(
  before: TakenMinutes,
  earlier: readonly KnownInterval[],
  version: string,
): { taken: TakenMinutes; late: number } {
  const taken = { ...before };
  let late = 0;
  for (const [minute, requests] of Object.entries(byMinute(earlier, version))) {
    const more = Math.max(0, requests - (taken[minute] ?? 0));
    taken[minute] = (taken[minute] ?? 0) + more;
    late += more;
  }
  return { taken, late };
}

function byMinute(intervals: readonly KnownInterval[], version: string): TakenMinutes {
  const sums: TakenMinutes = {};
  for (const { fromMs, counts } of intervals.filter((interval) => interval.version === version)) {
    const minute = String(floorTo(fromMs, MINUTE_MS) / 1000);
    sums[minute] = (sums[minute] ?? 0) + counts.requests;
  }
  return sums;
}

/** Requests of one version that were compared, and those that came too late for it. */
export interface Arrived {
  compared: number;
  late: number;
}

/** A log of which more comes late tells too little; a few requests say nothing about that. */
const MOST_LATE = 0.2;
const ENOUGH_LATE = 20;

/** Undefined while the log comes in time. */
export function comesLate(arrived: NonNullable<LogJudging["arrived"]>): Reason | undefined {
  for (const [side, { compared, late }] of Object.entries(arrived)) {
    const all = compared + late;
    if (late < ENOUGH_LATE || late <= MOST_LATE * all) continue;
    const message = `${late} of ${all} requests of the ${side}'s log came too late to be compared, so the versions are compared by metrics`;
    return leaving(message, { observed: late, limit: MOST_LATE * all, samples: all });
  }
  return undefined;
}

/** One version's environments over the same intervals. */
export function environmentsOf(
  intervals: readonly KnownInterval[],
  version: string,
): Record<string, EnvironmentCounts> {
  const sums: Record<string, EnvironmentCounts> = {};
  for (const { counts } of intervals.filter((one) => one.version === version)) {
    for (const [id, { requests, errors }] of Object.entries(counts.environments)) {
      const known = sums[id] ?? { requests: 0, errors: 0 };
      sums[id] = { requests: known.requests + requests, errors: known.errors + errors };
    }
  }
  return sums;
}

function addTo(sum: number[], more: readonly number[]): void {
  for (let i = 0; i < more.length; i += 1) sum[i] = (sum[i] ?? 0) + more[i]!;
}

const tally = (counts: SignalCounts) => [
  counts.requests,
  errorCount(counts),
  counts.coldStarts,
  Math.round(counts.durationMs),
  ...counts.slow,
];

/**
 * Whole minutes of the shift that are published and not compared yet. `firstMs`: the first interval of which the log tells
 * anything; a filter that takes effect late is no disagreement.
 */
export function minutesToCompare(
  logs: LogJudging | undefined,
  window: LookWindow,
  publishedUntil: Date,
  firstMs = 0,
): { from: Date; to: Date } | undefined {
  const begin = logs?.reconciledUntil ? Date.parse(logs.reconciledUntil) : Math.max(window.since.getTime(), firstMs);
  // While metrics cannot be read minutes pass that are not read again.
  const from = ceilTo(Math.max(begin, readFrom(window)), MINUTE_MS);
  const to = floorTo(Math.min(publishedUntil.getTime(), window.to.getTime()), MINUTE_MS);
  return to > from ? { from: new Date(from), to: new Date(to) } : undefined;
}

/** Adds the same minutes of log and metrics to what was compared before. */
export function compare(
  before: Compared,
  version: string,
  intervals: readonly KnownInterval[],
  minutes: readonly Pick<MinuteCounts, "at" | "invocations" | "errors">[],
  { from, to }: { from: Date; to: Date },
): Compared {
  const within = (ms: number) => ms >= from.getTime() && ms < to.getTime();
  const own = intervals.filter((interval) => interval.version === version && within(interval.fromMs));
  const published = minutes.filter(({ at }) => within(at.getTime()));
  const sum = <T>(of: readonly T[], value: (one: T) => number) => of.reduce((total, one) => total + value(one), 0);
  return {
    requests: {
      logs: before.requests.logs + sum(own, ({ counts }) => counts.requests),
      metrics: before.requests.metrics + sum(published, ({ invocations }) => invocations),
    },
    errors: {
      logs: before.errors.logs + sum(own, ({ counts }) => errorCount(counts)),
      metrics: before.errors.metrics + sum(published, ({ errors }) => errors),
    },
  };
}

/** Log and metrics of the same requests may differ by so much, and by so many requests that begin at a minute's edge. */
const TOLERANCE = 0.02;
const TOLERATED_REQUESTS = 3;

/** Undefined while log and metrics agree; `oneIn`: the log tells of one request in so many. */
export function disagreement(compared: LogJudging["compared"], oneIn = 1): Reason | undefined {
  for (const [side, of] of Object.entries(compared)) {
    for (const [what, { logs: counted, metrics }] of Object.entries(of as Compared)) {
      const logs = counted * oneIn;
      const limit = Math.max(TOLERANCE * metrics, TOLERATED_REQUESTS) + sampleError(metrics, oneIn);
      if (Math.abs(logs - metrics) <= limit) continue;
      const message = `the ${side}'s log tells of ${logs} ${what} where Lambda's metrics count ${metrics}: more than 2 % apart, so the versions are compared by metrics`;
      return leaving(message, { observed: logs, limit, samples: metrics });
    }
  }
  return undefined;
}

/** A log that nothing has been held against for so long is told of: twice the usual. Milliseconds. */
const LONGEST_DOUBT_MS = 180_000;

/** That the log is judged by while `due` minutes could not be held against metrics; undefined while that may still be done. */
export function notCompared(
  due: { from: Date; to: Date },
  { to, last }: Pick<LookWindow, "to" | "last">,
): Reason | undefined {
  if (to.getTime() - due.from.getTime() < LONGEST_DOUBT_MS && !last) return undefined;
  const minutes = (due.to.getTime() - due.from.getTime()) / MINUTE_MS;
  return fact(
    "log-not-compared",
    `Lambda's metrics could not be read: the last ${minutes} min of the log were held against nothing, and what only metrics tell (throttles, percentiles of durations) was not evaluated`,
  );
}

/** Code of the finding that a release is not judged by its log. */
export const FROM_METRICS = "signals-from-metrics";

export const leaving = (message: string, figures: Partial<Reason> = {}): Reason => fact(FROM_METRICS, message, figures);
