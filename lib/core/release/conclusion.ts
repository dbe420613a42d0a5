import type { Policy } from "../../contract/policy.ts";
import { errorPercent, format } from "../judge/rules.ts";
import type { Reason, SideCounts, Verdict } from "../judge/types.ts";
import type { ReleaseRecord } from "./records.ts";

export interface Conclusion {
  /** What the AfterAllowTraffic hook tells CodeDeploy. */
  status: "Succeeded" | "Failed";
  /** Whether the version may be taken as a rollback target later. */
  knownGood: boolean;
  /** Whether the artifact is refused from now on: only when the version itself was judged bad. */
  knownBad: boolean;
  /** Whether people must be told although the release goes on. */
  notify: boolean;
}

/** Reason code: the alias is not at 100 % on the new version when it should be. */
export const ALIAS_NOT_SHIFTED = "alias-not-shifted";

/** What the end of a shift means. What is still undecided then is what the policy says of it. */
export function conclude(verdict: Verdict, policy: Policy): Conclusion {
  // Whatever the policy says: a deployment that has not moved its alias has not succeeded.
  if (verdict.reasons.some((reason) => reason.code === ALIAS_NOT_SHIFTED)) {
    return { status: "Failed", knownGood: false, knownBad: false, notify: true };
  }
  const bad = verdict.kind === "rollback";
  if (bad && !policy.automaticRollback) return { status: "Succeeded", knownGood: false, knownBad: false, notify: true };
  if (bad) return { status: "Failed", knownGood: false, knownBad: true, notify: true };
  const decided = verdict.kind === "promote";
  if (!decided && policy.onInconclusive === "rollback" && policy.automaticRollback) {
    return { status: "Failed", knownGood: false, knownBad: false, notify: true };
  }
  return { status: "Succeeded", knownGood: true, knownBad: false, notify: !decided || verdict.findings.length > 0 };
}

/** The frozen policy with what was given for this one release. */
export function judgingPolicy({ policy, rollbackThresholdPercent }: ReleaseRecord): Policy {
  if (rollbackThresholdPercent === undefined) return policy;
  return { ...policy, checks: { ...policy.checks, rollbackThresholdPercent } };
}

const BASELINE_UNHEALTHY = "baseline-unhealthy";

/** Both versions are over a limit: the release's code is not to blame, what they share may be. */
export const isBaselineUnhealthy = (verdict: Verdict | undefined) =>
  verdict?.findings.some((finding) => finding.code === BASELINE_UNHEALTHY) ?? false;

/** The same, seen on the baseline alone: it is over the limits that the canary is held to. */
export function baselineUnhealthy(baseline: SideCounts, checks: Policy["checks"]): Reason | undefined {
  if (baseline.invocations < checks.minSamples) return undefined;
  const finding = (what: string, unit: string, observed: number | undefined, limit: number): Reason[] => {
    if (observed === undefined || observed <= limit) return [];
    const message = `the baseline itself is over the limit for ${what}: ${format(observed)} ${unit} (limit ${format(limit)}, ${baseline.invocations} requests), so the release is not to blame`;
    return [{ code: BASELINE_UNHEALTHY, message, observed, limit, baseline: observed, samples: baseline.invocations }];
  };
  return [
    ...finding("errors", "%", errorPercent(baseline), checks.maxErrorRatePercent),
    ...finding("average duration", "ms", baseline.averageDurationMs, checks.maxAverageDurationMs),
  ][0];
}
