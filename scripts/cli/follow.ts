import { GoaroundError, isConflict } from "../../lib/core/errors.ts";
import type { AliasState, DeploymentInfo, DeploymentTarget } from "../../lib/core/ports.ts";
import { aliasPosition, hasEnded, OPEN_STATUSES } from "../../lib/core/release/deployment.ts";
import { respondToEnd } from "../../lib/core/release/ended-deployment.ts";
import { describeAlias, type Release } from "./lookup.ts";
import type { Session } from "./session.ts";

/** A deployment that is followed for hours must survive a bad minute of the API. */
const MAX_FAILED_LOOKS = 20;
/** How often a lost race for the alias is run again. */
const MAX_MOVES = 3;

/** Repeats `look` until it answers something, riding out throttling and AWS faults. */
async function watch<T>(session: Session, look: () => Promise<T | undefined>): Promise<T> {
  const pause = session.pauses();
  for (let failed = 0; ; ) {
    session.throwIfInterrupted();
    try {
      const found = await look();
      if (found !== undefined) return found;
      failed = 0;
    } catch (error) {
      failed += 1;
      if (!isPassing(error) || failed >= MAX_FAILED_LOOKS) throw error;
      session.detail(`${(error as Error).message}; looking again`);
    }
    await pause();
  }
}

/** Whether the same call may work a moment later. */
export const isPassing = (error: unknown) =>
  error instanceof GoaroundError && (error.code === "throttled" || error.code === "aws-fault");

/** Prints what changes about a deployment until it has ended. */
export async function followDeployment(session: Session, deploymentId: string): Promise<DeploymentInfo> {
  const seen = new Set<string>();
  const tell = (line: string) => {
    if (!seen.has(line)) session.say(`  ${clockTime(session)} ${line}`);
    seen.add(line);
  };
  return watch(session, async () => {
    const info = await session.ports.deployments.get(deploymentId);
    // What led to a status comes before it.
    if (!hasEnded(info)) tell(`${deploymentId} ${info.status}`);
    for (const line of progress(await session.ports.deployments.target(deploymentId))) tell(line);
    tell(`${deploymentId} ${info.status}`);
    return hasEnded(info) ? info : undefined;
  });
}

function progress(target: DeploymentTarget | undefined): string[] {
  if (!target) return [];
  const events = target.lifecycleEvents
    .filter((event) => event.status !== "Pending" && event.status !== "Unknown")
    .map((event) => `${event.name} ${event.status}`);
  const weight = target.targetVersionWeightPercent;
  return weight === undefined || weight === 0
    ? events
    : [...events, `${weight} % of the traffic on version ${target.targetVersion}`];
}

export const clockTime = (session: Session) => session.clock.now().toISOString().slice(11, 19);

export interface Restored {
  /** How the stopped deployment ended. */
  deployment: DeploymentInfo;
  alias: AliasState;
  /** Who brought the alias back. */
  by: "codedeploy" | "goaround" | "later-release";
}

/** Stops a deployment with rollback and waits until all traffic is off its new version. */
export async function stopAndRestore(session: Session, release: Release): Promise<Restored> {
  const id = release.deployment.deploymentId;
  const answer = await session.ports.deployments.stopWithRollback(id);
  session.state = `deployment ${id} was told to stop and roll back; CodeDeploy goes on with that by itself`;
  session.say(answer === "stopping" ? `  stopping ${id} with rollback` : `  ${id} had ended already`);
  return restoreAfterEnd(session, release);
}

/**
 * Waits for a failed or stopped deployment and its rollback. The alias is written by us only when every deployment of
 * the group has ended and traffic still reaches the new version.
 */
export async function restoreAfterEnd(session: Session, release: Release): Promise<Restored> {
  const { deployments, functions } = session.ports;
  const { functionName, alias, baselineVersion: baseline, canaryVersion: canary } = release;
  let endedAtMs: number | undefined;
  let lastReason = "";
  let moves = 0;
  return watch(session, async () => {
    const deployment = await deployments.get(release.deployment.deploymentId);
    const rollback =
      deployment.rollbackDeploymentId === undefined
        ? undefined
        : await deployments.get(deployment.rollbackDeploymentId);
    const rolledBackTo = rollback && (await deployments.target(rollback.deploymentId))?.targetVersion;
    const { application, group } = deployment;
    const open = hasEnded(deployment) ? await deployments.list({ application, group, statuses: OPEN_STATUSES }) : [];
    if (hasEnded(deployment)) endedAtMs ??= session.clock.now().getTime();
    const state = await functions.getAlias(functionName, alias);
    if (deployment.status === "Succeeded" && aliasPosition(state, { baseline, canary }) === "on-canary") {
      throw new GoaroundError(
        "conflict",
        "operator",
        `${deployment.deploymentId} succeeded before it could be stopped`,
        {
          advice: `Go back with: goaround rollback --action rollback-function --function-name ${functionName} --alias ${alias}`,
        },
      );
    }
    const response = respondToEnd({
      deployment,
      rollback,
      rolledBackTo,
      open,
      alias: state,
      versions: { baseline, canary },
      waitedMs: session.clock.now().getTime() - (endedAtMs ?? session.clock.now().getTime()),
    });
    if (response.kind === "restored") return { deployment, alias: state, by: moves > 0 ? "goaround" : "codedeploy" };
    if (!("why" in response)) return { deployment, alias: state, by: "later-release" };
    if (response.why !== lastReason) session.say(`  ${clockTime(session)} ${response.why}`);
    lastReason = response.why;
    if (response.kind === "repair") {
      moves += 1;
      await moveAlias(session, { functionName, alias, version: baseline });
    }
    return undefined;
  });
}

/**
 * Moves an alias, weights cleared, against the revision just read. A conflict is looked at again: an answer that was
 * lost after its effect shows as one too.
 */
export async function moveAlias(
  session: Session,
  move: { functionName: string; alias: string; version: string },
): Promise<AliasState> {
  for (let attempt = 1; ; attempt++) {
    const before = await session.ports.functions.getAlias(move.functionName, move.alias);
    if (before.functionVersion === move.version && Object.keys(before.weights).length === 0) return before;
    try {
      return await session.ports.functions.moveAlias({ ...move, revisionId: before.revisionId });
    } catch (error) {
      if (!isConflict(error) || attempt >= MAX_MOVES) throw error;
      session.warn(`alias ${move.alias} changed meanwhile (it was ${describeAlias(before)}); looking again`);
    }
  }
}
