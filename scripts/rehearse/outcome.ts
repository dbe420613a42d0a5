import type { Outcome, StepEnd } from "../../lib/contract/scenario.ts";
import type { Evidence } from "./result.ts";

/** What a release looked like from outside, once it was over. */
export interface ReleaseObservation {
  baselineVersion: string;
  canaryVersion: string | undefined;
  alias: { functionVersion: string; weights: Record<string, number> };
  /** Undefined when no request could reach the canary. */
  shiftStartMs: number | undefined;
  /** What the guard itself wrote down about the release; undefined when it never got to. */
  recordedOutcome: string | undefined;
  flagsSwitchedOff: string[];
}

/**
 * Names the outcome. Traffic decides, not what anyone claims: a release that reached users and is gone was rolled
 * back, whatever the record says; one that never reached them was blocked (a decision) or failed (no decision).
 */
export function classify(release: ReleaseObservation): Outcome {
  const whole = Object.keys(release.alias.weights).length === 0;
  const onCanary =
    whole && release.canaryVersion !== undefined && release.alias.functionVersion === release.canaryVersion;
  if (onCanary) return release.flagsSwitchedOff.length > 0 ? "flags-off" : "promoted";
  const onBaseline = whole && release.alias.functionVersion === release.baselineVersion;
  if (release.shiftStartMs !== undefined && onBaseline) return "rolled-back";
  if (release.shiftStartMs === undefined && onBaseline && release.recordedOutcome === "blocked") return "blocked";
  return "failed";
}

export interface ReleaseTimes {
  faultAtSeconds: number | null;
  /** The first request that failed on the canary from then on. */
  firstFailureAtSeconds: number | null;
  detectedAtSeconds: number | null;
  decidedAtSeconds: number | null;
  restoredAtSeconds: number | null;
}

/** Times in seconds from the start of the shift, one decimal; null where it did not happen. */
export function timesOf(marks: {
  shiftStartMs: number | undefined;
  faultAtMs: number | undefined;
  firstFailureAtMs: number | undefined;
  detectedAtMs: number | undefined;
  decidedAtMs: number | undefined;
  restoredAtMs: number | undefined;
}): ReleaseTimes {
  const since = (at: number | undefined) =>
    at === undefined || marks.shiftStartMs === undefined ? null : Math.round((at - marks.shiftStartMs) / 100) / 10;
  return {
    faultAtSeconds: since(marks.faultAtMs),
    firstFailureAtSeconds: since(marks.firstFailureAtMs),
    detectedAtSeconds: since(marks.detectedAtMs),
    decidedAtSeconds: since(marks.decidedAtMs),
    restoredAtSeconds: since(marks.restoredAtMs),
  };
}

/** From the fault to the decision against the release. */
export const decidedAfter = ({ faultAtSeconds, decidedAtSeconds }: ReleaseTimes) =>
  faultAtSeconds === null || decidedAtSeconds === null ? null : decidedAtSeconds - faultAtSeconds;

export interface Expectation {
  outcome: Outcome;
  findings: string[];
  evidence?: Evidence | undefined;
  flagsOff: string[];
  stackStatus?: string | undefined;
  notifications?: number | undefined;
  openAtMostSeconds?: number | undefined;
  decidedWithinSeconds?: number | undefined;
}

/** What differs from the expectation, in words; empty when all is as expected. */
export function differences(
  expected: Expectation,
  seen: {
    outcome: Outcome;
    findings: string[];
    evidence: Evidence;
    flagsOff: string[];
    stackStatus: string;
    notifications: number;
    openSeconds: number | null;
    /** From the fault to the decision; null where there was none. */
    decidedAfterSeconds: number | null;
  },
): string[] {
  const problems: string[] = [];
  if (seen.outcome !== expected.outcome) problems.push(`outcome is ${seen.outcome}, expected ${expected.outcome}`);
  for (const finding of expected.findings) {
    if (!seen.findings.includes(finding)) problems.push(`no notification names the finding ${finding}`);
  }
  if (expected.evidence !== undefined && seen.evidence !== expected.evidence) {
    problems.push(`judged by ${seen.evidence ?? "nothing"}, expected ${expected.evidence}`);
  }
  for (const flag of expected.flagsOff) if (!seen.flagsOff.includes(flag)) problems.push(`flag ${flag} is still on`);
  if (expected.stackStatus && seen.stackStatus !== expected.stackStatus) {
    problems.push(`stack is in ${seen.stackStatus}, expected ${expected.stackStatus}`);
  }
  if (expected.notifications !== undefined && seen.notifications !== expected.notifications) {
    problems.push(`${seen.notifications} notifications were sent, expected ${expected.notifications}`);
  }
  const { openAtMostSeconds: limit } = expected;
  if (limit !== undefined && (seen.openSeconds ?? Number.POSITIVE_INFINITY) > limit) {
    problems.push(`the deployment was open for ${seen.openSeconds ?? "ever, not"} s, expected at most ${limit} s`);
  }
  const { decidedWithinSeconds: within } = expected;
  if (within !== undefined && (seen.decidedAfterSeconds ?? Number.POSITIVE_INFINITY) > within) {
    problems.push(
      `decided ${seen.decidedAfterSeconds ?? "never, not"} s after the fault, expected at most ${within} s`,
    );
  }
  return problems;
}

/** Steps that have not ended as a release has them end. */
export const stepDifferences = (expected: Record<string, StepEnd>, seen: Record<string, StepEnd>): string[] =>
  Object.entries(expected).flatMap(([step, end]) => {
    const ended = seen[step] ?? "not-run";
    return ended === end ? [] : [`step ${step} is ${ended}, expected ${end}`];
  });
