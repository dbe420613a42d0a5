import { OWN_FLAG_DEPLOYMENT_PREFIX } from "../../contract/names.ts";
import type { CompletedFlagDeployment } from "../operator-ports.ts";
import type { FlagTarget } from "../ports.ts";
import { allOff, setFlags } from "./flag-document.ts";
import { killedButOn } from "./flag-merge.ts";

/** AppConfig reverts a deployment up to 72 hours after it has completed (API reference, StopDeployment, 2026). */
const REVERT_MS = 72 * 3_600_000;
/** Clocks differ, and the call comes a moment later. Milliseconds. */
const MARGIN_MS = 10 * 60_000;

/** How descriptions of deployments begin that bring a whole content back. */
export const BACK_TO = `${OWN_FLAG_DEPLOYMENT_PREFIX} back to`;

/** The action in the environment's history. */
export const CONFIGURATION_ORDER = "rollback-configuration";

/** What the history says it was done to; a profile is named as the operator has named it. */
export const configurationSubject = (
  { applicationId, environmentId, profileId }: FlagTarget,
  versions: string,
): string => `${applicationId}/${environmentId}/${profileId} ${versions}`;

export type ConfigurationRollback =
  | { kind: "revert"; number: number; version: number }
  | { kind: "redeploy"; version: number; document: Record<string, unknown>; heldOff: string[]; why: string };

/**
 * How to get back to `version`. A revert asks no validator and waits for nobody, so it is taken only where it leads to that
 * version and switches no killed flag on; otherwise the content is deployed again, with killed flags off.
 */
export function planConfigurationRollback(facts: {
  /** Newest first. */
  completed: readonly CompletedFlagDeployment[];
  version: number;
  content: Record<string, unknown>;
  killed: readonly string[];
  now: Date;
}): ConfigurationRollback {
  const { completed, version, content, killed, now } = facts;
  const [latest, before] = completed;
  const wrong = killedButOn(content, killed);
  const age = now.getTime() - (latest?.completedAt?.getTime() ?? 0);
  if (latest && before?.version === version && wrong.length === 0 && age < REVERT_MS - MARGIN_MS) {
    return { kind: "revert", number: latest.number, version };
  }
  const { document } = setFlags(content, allOff(wrong));
  const why =
    wrong.length > 0
      ? `killed flags are on in it (${wrong.join(", ")}) and stay off`
      : before?.version === version
        ? "the last deployment is older than 72 hours"
        : "it is not the version before";
  return { kind: "redeploy", version, document, heldOff: wrong, why };
}
