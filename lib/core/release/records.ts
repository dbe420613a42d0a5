import type { FlagReference, Policy } from "../../contract/policy.ts";
import type { Verdict } from "../judge/types.ts";

export type ReleaseOutcome = "promoted" | "rolled-back" | "flags-off" | "blocked" | "failed" | "open";

/** One release (one CodeDeploy deployment), as the ledger keeps it. Frozen before traffic moves. */
export interface ReleaseRecord {
  deploymentId: string;
  functionName: string;
  alias: string;
  application: string;
  group: string;
  creator: string;
  /** The rollback point: what served before. */
  baselineVersion: string;
  canaryVersion: string;
  canaryCodeSha256: string;
  canaryConfigurationHash: string;
  policy: Policy;
  flags: FlagReference[];
  /** Percent errors on the canary given by `deploy --rollback-threshold`. */
  rollbackThresholdPercent: number | undefined;
  temporaryAlarms: string[];
  openedAt: string;
  shiftStartedAt: string | undefined;
  closedAt: string | undefined;
  outcome: ReleaseOutcome;
  verdict: Verdict | undefined;
  /** Why and by whom it was stopped or rolled back. */
  reason: string | undefined;
  actor: string | undefined;
  /** What each hook decided, kept so that a repeated event gets the same answer. */
  preTrafficStatus?: "Succeeded" | "Failed";
  postTrafficStatus?: "Succeeded" | "Failed";
  /** Alarms whose actions a flag kill has disabled and not yet enabled again. */
  disabledAlarms?: string[];
}

/** What is known about one alias. */
export interface AliasRecord {
  functionName: string;
  alias: string;
  lastKnownGood:
    | { version: string; codeSha256: string; configurationHash: string; at: string; deploymentId: string }
    | undefined;
  /** `codeSha256/configurationHash` → why. */
  knownBad: Record<string, { version: string; at: string; reason: string; deploymentId: string }>;
}

export const artifactKey = (codeSha256: string, configurationHash: string) => `${codeSha256}/${configurationHash}`;
