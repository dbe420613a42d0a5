import type { Policy } from "../../contract/policy.ts";
import type { Reason, Verdict } from "../judge/types.ts";
import type { AliasState } from "../ports.ts";
import { notTheRelease } from "./attribution.ts";
import { isBaselineUnhealthy } from "./conclusion.ts";
import { METRIC_LAG_MS } from "./look.ts";
import type { GuardTrial, ReleaseRecord } from "./records.ts";
import type { Shift, StepsTaken } from "./shift.ts";

const MINUTE_MS = 60_000;

type Versions = Pick<ReleaseRecord, "baselineVersion" | "canaryVersion">;

/** The version that serves has shared its traffic with the one it replaced, and nobody has changed that since. */
export function isTrialSplit(
  { functionVersion, weights }: Pick<AliasState, "functionVersion" | "weights">,
  { baselineVersion, canaryVersion }: Versions,
): boolean {
  const given = Object.entries(weights).filter(([, weight]) => weight > 0 && weight < 1);
  return functionVersion === canaryVersion && given.length === 1 && given[0]![0] === baselineVersion;
}

/** One that no verdict has ended: whoever answers an alarm now goes on with it. */
export const isTrialOpen = ({ trial }: Pick<ReleaseRecord, "trial">): boolean =>
  trial !== undefined && trial.clearedAt === undefined;

/** What of the trial is compared: whole minutes, the first of them after the split. */
export function trialShift(
  { percent, startedAt }: GuardTrial,
  { minutes }: NonNullable<Policy["guardTrial"]>,
): { shift: Shift & { endedAt: Date }; routing: StepsTaken } {
  const start = new Date(startedAt);
  const first = Math.ceil(start.getTime() / MINUTE_MS) * MINUTE_MS;
  return {
    shift: { startedAt: start, endedAt: new Date(first + minutes * MINUTE_MS) },
    // The version that is suspected is the canary of the comparison.
    routing: { kind: "steps", steps: [{ percent: 100 - percent, at: start }] },
  };
}

export type TrialAnswer =
  /** It goes back; without reasons where the evidence does not tell: going back is the safer mistake. */
  | { kind: "blamed"; reasons: Reason[] }
  /** It fails no more than the version that served before, or both are over their limits. */
  | { kind: "cleared"; cause: Reason };

/** Undefined while the trial goes on. */
export function answerOf(
  verdict: Verdict | undefined,
  { endedAt }: { endedAt: Date },
  { baselineVersion, canaryVersion }: Versions,
  now: Date,
): TrialAnswer | undefined {
  if (verdict?.kind === "rollback") return { kind: "blamed", reasons: verdict.reasons };
  if (now.getTime() < endedAt.getTime() + METRIC_LAG_MS) return undefined;
  const isShared = isBaselineUnhealthy(verdict);
  if (verdict?.kind !== "promote" && !isShared) return { kind: "blamed", reasons: [] };
  const both = `side by side version ${canaryVersion}, which serves, and version ${baselineVersion}, which served before,`;
  const message = isShared ? `${both} were both over their limits` : `${both} did alike`;
  return { kind: "cleared", cause: notTheRelease("known-good-alike", message) };
}
