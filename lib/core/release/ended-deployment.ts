import type { AliasState, DeploymentInfo } from "../ports.ts";
import { aliasPosition, hasEnded } from "./deployment.ts";
import type { ReleaseRecord } from "./records.ts";

/** CodeDeploy makes the rollback deployment a while after the end; 10 s were seen in practice [inferred]. */
const ROLLBACK_GRACE_MS = 60_000;

export interface EndedFacts {
  deployment: DeploymentInfo;
  /** The deployment that rolls it back, once there is one. */
  rollback: DeploymentInfo | undefined;
  /** The version that the rollback deployment brought: the group's last successful revision. */
  rolledBackTo?: string | undefined;
  /** Deployments of the group that have not ended, whoever started them. */
  open: readonly string[];
  alias: Pick<AliasState, "functionVersion" | "weights">;
  versions: { baseline: string; canary: string };
  /** Since the deployment was first seen to have ended. */
  waitedMs: number;
}

/**
 * What to do about the alias of a failed or stopped deployment. The alias is never written while a deployment of its
 * group is open, because CodeDeploy writes it then.
 *
 * - `wait`: not settled; `restored`: all traffic is on the baseline; `leave`: a later release has taken over
 * - `repair`: everything has ended, and traffic still reaches the canary or is on another version than before
 */
export type EndedResponse =
  | { kind: "wait"; why: string }
  | { kind: "repair"; why: string }
  | { kind: "restored" }
  | { kind: "leave" };

export function respondToEnd(facts: EndedFacts): EndedResponse {
  const { deployment, rollback, rolledBackTo, open, alias, versions, waitedMs } = facts;
  if (!hasEnded(deployment)) return { kind: "wait", why: `${deployment.deploymentId} is ${deployment.status}` };
  if (rollback && !hasEnded(rollback)) return { kind: "wait", why: `${rollback.deploymentId} is rolling back` };
  if (open.length > 0) return { kind: "wait", why: `deployment ${open[0]} of the group is running` };
  const position = aliasPosition(alias, versions);
  if (position === "restored") return { kind: "restored" };
  if (position === "elsewhere") {
    // CodeDeploy goes to the group's last successful revision. Where the alias was moved past CodeDeploy since (a
    // rollback in the guard time, an operator's), that is the very version which was left.
    if (rollback && alias.functionVersion === rolledBackTo && Object.keys(alias.weights).length === 0) {
      const why = `the rollback ${rollback.deploymentId} went to version ${rolledBackTo}, the group's last successful one`;
      return { kind: "repair", why: `${why}; version ${versions.baseline} served before` };
    }
    return { kind: "leave" };
  }
  if (position === "settling") return { kind: "wait", why: "Lambda is moving provisioned concurrency" };
  if (!rollback && waitedMs < ROLLBACK_GRACE_MS) return { kind: "wait", why: "CodeDeploy has not rolled back yet" };
  const outcome = rollback
    ? `its rollback ${rollback.deploymentId} ended ${rollback.status}`
    : "CodeDeploy did not roll back";
  return { kind: "repair", why: `the alias is ${position} although ${outcome}` };
}

/** Whether the version itself was found bad, and by what. Crashed hooks, manual stops and throttling say nothing of it. */
export function judgedBad(deployment: Pick<DeploymentInfo, "error">, record: ReleaseRecord | undefined) {
  // Pre-traffic has written down itself what it found bad; a refusal says nothing of the version.
  if (record?.outcome === "blocked") return undefined;
  if (record?.verdict?.kind === "rollback") return record.verdict.reasons[0]?.code ?? "verdict";
  return deployment.error?.code === "ALARM_ACTIVE" ? "alarm" : undefined;
}
