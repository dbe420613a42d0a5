import type { AliasState, DeploymentInfo, DeploymentStatus, DeploymentTarget } from "../ports.ts";
import type { AppSpec } from "./appspec.ts";

/** Statuses in which a deployment holds its group and may still write the alias. */
export const OPEN_STATUSES: DeploymentStatus[] = ["Created", "Queued", "InProgress", "Baking", "Ready"];

export const hasEnded = ({ status }: Pick<DeploymentInfo, "status">) => !OPEN_STATUSES.includes(status);

/** Deployments that put something back. They are never refused and never judged: refusing one strands a stack. */
export const isUndo = (creator: string) => creator === "codeDeployRollback" || creator === "CloudFormationRollback";

/** Stopped by a request, a person's or the guard's, and not by an alarm. */
export const isManualStop = ({ status, error }: Pick<DeploymentInfo, "status" | "error">) =>
  status === "Stopped" && (error === undefined || error.code === "MANUAL_STOP");

/**
 * Where an alias stands towards a release.
 *
 * - `restored`: all traffic on the baseline; `on-canary`: all of it on the canary
 * - `split`: traffic reaches the canary beside another version
 * - `settling`: Lambda itself holds a weight of 1.0 while provisioned concurrency moves; not ours to repair
 * - `elsewhere`: another version serves: a later release has taken over
 */
export type AliasPosition = "restored" | "on-canary" | "split" | "settling" | "elsewhere";

export function aliasPosition(
  alias: Pick<AliasState, "functionVersion" | "weights">,
  versions: { baseline: string; canary: string },
): AliasPosition {
  const weights = Object.entries(alias.weights).filter(([, weight]) => weight > 0);
  if (weights.some(([, weight]) => weight === 1)) return "settling";
  const involved = [alias.functionVersion, ...weights.map(([version]) => version)];
  if (!involved.every((version) => version === versions.baseline || version === versions.canary)) return "elsewhere";
  if (weights.length > 0) return "split";
  return alias.functionVersion === versions.baseline ? "restored" : "on-canary";
}

/** Whether any request can have reached the new version: the shift has begun. */
export function trafficReached(target: DeploymentTarget | undefined): boolean {
  const shift = target?.lifecycleEvents.find((event) => event.name === "AllowTraffic");
  return shift !== undefined && shift.status !== "Pending" && shift.status !== "Skipped";
}

/**
 * What the AppSpec said, as CodeDeploy reads it out itself: for whoever only asks after the fact, without a parser for
 * YAML in its bundle.
 */
export const appSpecOf = ({ functionName, alias, currentVersion, targetVersion }: DeploymentTarget): AppSpec => ({
  functionName,
  alias,
  currentVersion,
  targetVersion,
  hooks: {},
});
