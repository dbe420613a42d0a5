import type { FlagReference, Policy } from "../../contract/policy.ts";
import type { Reason, Verdict } from "../judge/types.ts";

/** One flag profile's part in a rollback. */
export interface FlagResult {
  applicationId: string;
  environmentId: string;
  profileId: string;
  switchedOff: string[];
  alreadyOff: string[];
  /** Seconds from the decision until AppConfig had deployed the change. */
  seconds: number | undefined;
  /** Why it failed, when it did. */
  failure: string | undefined;
}

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
  /** What was noted before the release and did not stop it. */
  admissionFindings?: Reason[];
  /** What each hook decided, kept so that a repeated event gets the same answer. */
  preTrafficStatus?: "Succeeded" | "Failed";
  postTrafficStatus?: "Succeeded" | "Failed";
  /** What became of the release's flags, once they were to be switched off. */
  flagResults?: FlagResult[];
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
  /** Deployment that brought the version that serves; its guard time is what alarms count against. */
  lastReleaseId?: string;
  /** `codeSha256/configurationHash` → why. */
  knownBad: Record<string, { version: string; at: string; reason: string; deploymentId: string }>;
}

export const artifactKey = (codeSha256: string, configurationHash: string) => `${codeSha256}/${configurationHash}`;
