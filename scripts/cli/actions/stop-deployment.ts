import { GoaroundError } from "../../../lib/core/errors.ts";
import { aliasPosition, hasEnded, isManualStop, isUndo } from "../../../lib/core/release/deployment.ts";
import { EXIT } from "../exit-codes.ts";
import { restoreAfterEnd, stopAndRestore } from "../follow.ts";
import { describeAlias, isWhole, type Release, readGuarding, releaseOf } from "../lookup.ts";
import { done, nothingToDo, type Outcome, planned, type Session } from "../session.ts";
import { isOnRecord, noteReason, notRecorded, recordRollback } from "./record.ts";
import { tellStepsThatStay } from "./steps-stay.ts";

export interface StopOptions {
  deploymentId: string;
  force: boolean;
}

/** Stops a deployment with rollback and follows it until all traffic is off its new version. */
export async function stopDeployment(session: Session, options: StopOptions): Promise<Outcome> {
  const release = await releaseOf(session, options.deploymentId);
  if (!release) {
    throw new GoaroundError(
      "appspec-invalid",
      "operator",
      `${options.deploymentId} is not a deployment of a Lambda alias, or its AppSpec cannot be read`,
      { advice: "Stop it with: aws deploy stop-deployment --auto-rollback-enabled --deployment-id …" },
    );
  }
  const { deployment, functionName, alias, baselineVersion, canaryVersion } = release;
  session.banner("stop deployment", {
    deployment: `${deployment.deploymentId} (${deployment.status}, by ${deployment.creator})`,
    function: `${functionName}:${alias}`,
    change: `version ${baselineVersion} → ${canaryVersion}`,
    reason: session.options.reason,
  });
  if (hasEnded(deployment)) return alreadyEnded(session, release);
  if (isUndo(deployment.creator) && !options.force) {
    throw new GoaroundError(
      "refused",
      "operator",
      `${deployment.deploymentId} is itself a rollback (${deployment.creator}); stopping it would undo the undo`,
      { advice: "Let it finish, or insist with --force." },
    );
  }
  if (session.options.dryRun) {
    return planned(`would stop ${deployment.deploymentId} with rollback to version ${baselineVersion}`, facts(release));
  }
  await session.confirm(`Stop ${deployment.deploymentId} and go back to version ${baselineVersion}?`);
  session.step(1, 3, `stop ${deployment.deploymentId} with rollback`);
  const [restored] = await Promise.all([
    stopAndRestore(session, release),
    noteReason(session, deployment.deploymentId),
  ]);
  session.trafficIsBack();
  session.step(2, 3, "verify the alias");
  session.say(`  alias ${alias} of ${functionName} is on ${describeAlias(restored.alias)}`);
  session.step(3, 3, "record it");
  const { isGuarded } = await readGuarding(session, functionName, alias);
  const recorded = isGuarded ? await recordRollback(session, release, undefined, []) : undefined;
  if (isGuarded) await tellStepsThatStay(session, [deployment.deploymentId]);
  const data = { ...facts(release), alias: aliasFacts(restored.alias), restoredBy: restored.by, recorded };
  if (restored.by === "later-release") {
    return {
      ...done(
        `${deployment.deploymentId} has ended; a later change moved the alias to ${describeAlias(restored.alias)}`,
        data,
      ),
      code: "superseded",
    };
  }
  const message = `${deployment.deploymentId} is stopped; all traffic of ${functionName}:${alias} is on version ${restored.alias.functionVersion}`;
  const next =
    deployment.creator === "CloudFormation"
      ? "The stack update that started it fails and rolls back too; wait for UPDATE_ROLLBACK_COMPLETE before the next deploy."
      : undefined;
  return recorded === false ? notRecorded(message, data, next) : done(message, data, next);
}

/**
 * Says how it ended; an alias that a bare stop has left split is made whole all the same, and what an earlier run could
 * not write into the ledger is made up for.
 */
async function alreadyEnded(session: Session, release: Release): Promise<Outcome> {
  const { deployment, functionName, alias, baselineVersion, canaryVersion } = release;
  const versions = { baseline: baselineVersion, canary: canaryVersion };
  let state = await session.ports.functions.getAlias(functionName, alias);
  const how =
    `${deployment.deploymentId} had ended already: ${deployment.status}` +
    (deployment.completedAt ? ` at ${deployment.completedAt.toISOString()}` : "") +
    (deployment.error ? ` (${deployment.error.code}: ${deployment.error.message})` : "");
  const position = aliasPosition(state, versions);
  const left = deployment.status !== "Succeeded" && (position === "split" || position === "on-canary");
  if (left && session.options.dryRun) {
    return planned(`${how}; would take its traffic off version ${canaryVersion}`, facts(release));
  }
  if (left) {
    session.say(`  ${how}; traffic still reaches version ${canaryVersion}`);
    state = (await restoreAfterEnd(session, release)).alias;
  }
  const { isGuarded } = await readGuarding(session, functionName, alias);
  const byHand = isGuarded && (left || (isManualStop(deployment) && position === "restored"));
  const record = byHand ? await isOnRecord(session, release) : "yes";
  let recorded: boolean | undefined;
  if (record !== "yes" && !session.options.dryRun) {
    recorded = record === "no" && (await recordRollback(session, release, undefined, []));
  }
  const data = { ...facts(release), alias: aliasFacts(state), recorded };
  if (recorded === false) return notRecorded(`${how}; alias ${alias} is on ${describeAlias(state)}`, data);
  if (recorded) session.say(`  recorded that ${deployment.deploymentId} was stopped`);
  if (left) return done(`${how}; the alias was left ${position} and is now whole on ${describeAlias(state)}`, data);
  const outcome = nothingToDo(`${how}; alias ${alias} is on ${describeAlias(state)}`, data);
  if (position !== "on-canary" && isWhole(state)) return outcome;
  return {
    ...outcome,
    exitCode: EXIT.done,
    advice: `To leave version ${canaryVersion}: goaround rollback --action rollback-function --function-name ${functionName} --alias ${alias}`,
  };
}

const aliasFacts = (state: { functionVersion: string; weights: Record<string, number> }) => ({
  functionVersion: state.functionVersion,
  weights: state.weights,
});

const facts = ({ deployment, functionName, alias, baselineVersion, canaryVersion }: Release) => ({
  functionName,
  aliasName: alias,
  baselineVersion,
  canaryVersion,
  deployment: {
    id: deployment.deploymentId,
    status: deployment.status,
    creator: deployment.creator,
    rollbackDeploymentId: deployment.rollbackDeploymentId,
    error: deployment.error,
  },
});
