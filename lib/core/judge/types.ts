import type { Policy } from "../../contract/policy.ts";

/** Percentiles of durations that triggers may name, besides the 99th. */
export type TestedPercentile = 50 | 90 | 95;

/** What happened on one version over one interval. */
export interface SideCounts {
  invocations: number;
  errors: number;
  throttles: number;
  /** Milliseconds; undefined when nothing ran. */
  averageDurationMs: number | undefined;
  p99DurationMs: number | undefined;
  /** Further percentiles of the durations, milliseconds, by their number. */
  percentilesMs?: Partial<Record<TestedPercentile, number>> | undefined;
  /** Metrics that the policy declares, by their names there; absent where nothing was published. */
  metrics?: Record<string, number> | undefined;
  /** Requests slower than each of the thresholds that were fixed before the shift, the lowest first. */
  slow?: number[] | undefined;
  /** Requests that waited for a new execution environment. */
  coldStarts?: number | undefined;
  /** The same requests and errors by execution environment, as far as they are known; by the log stream's name, say. */
  environments?: Record<string, EnvironmentCounts> | undefined;
}

/** Nothing ran. */
export const NO_COUNTS: SideCounts = {
  invocations: 0,
  errors: 0,
  throttles: 0,
  averageDurationMs: undefined,
  p99DurationMs: undefined,
};

export interface EnvironmentCounts {
  requests: number;
  errors: number;
}

/** Both versions over the same minutes. */
export interface Look {
  /** Seconds since the shift began, at the end of the interval. */
  elapsedSeconds: number;
  /** Length of the interval. */
  seconds: number;
  /** Share of traffic the canary should get over the interval, 0 to 1. */
  expectedShare: number;
  /** False when monitoring could not be read: counts are then meaningless. */
  observed: boolean;
  /** Counts are of one request in so many, of both versions alike; throttles are of all. Default 1. */
  sampleOneIn?: number | undefined;
  /** The thresholds behind `slow`, milliseconds, lowest first. */
  slowThresholdsMs?: readonly number[] | undefined;
  /** Metrics of the policy that could not be read, and why. */
  unreadable?: Readonly<Record<string, string>> | undefined;
  canary: SideCounts;
  baseline: SideCounts;
}

export type VerdictKind = "promote" | "rollback" | "hold" | "inconclusive";

/** One reason, with everything a person needs to recompute it. */
export interface Reason {
  /** `error-rate`, `p99-duration`, `baseline-unhealthy`, `too-few-samples` … */
  code: string;
  message: string;
  observed: number | null;
  limit: number | null;
  baseline: number | null;
  samples: number;
  /** False-rollback probability that the test behind the reason has spent so far. */
  spent?: number;
  /** The alarm that was in ALARM, where that is what it says. */
  alarm?: string;
}

export interface Verdict {
  kind: VerdictKind;
  reasons: Reason[];
  /** Findings that are no reason to act: `baseline-unhealthy`, `own-alarm-red` … */
  findings: Reason[];
}

/** Serialisable; opaque to callers. */
export interface JudgeState {
  version: number;
  [key: string]: unknown;
}

export type Judge = (
  state: JudgeState | undefined,
  look: Look,
  policy: Policy,
) => { state: JudgeState; verdict: Verdict };
