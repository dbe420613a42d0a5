import { guardFunctionName } from "../../../lib/contract/names.ts";
import { GoaroundError } from "../../../lib/core/errors.ts";
import type { DeploymentInfo } from "../../../lib/core/ports.ts";
import { EXIT } from "../exit-codes.ts";
import { followDeployment, restoreAfterEnd } from "../follow.ts";
import { describeAlias, isWhole } from "../lookup.ts";
import { done, type Outcome, type Session } from "../session.ts";

/** Why a deployment did not succeed: what the guard or a person wrote down, else CodeDeploy's word, which names no cause. */
async function whyEnded(session: Session, { deploymentId, error }: DeploymentInfo) {
  const record = await session.attempt(
    "the ledger does not answer; what the guard decided is left out",
    session.ports.ledger.getRelease(deploymentId),
  );
  if (record?.reason !== undefined) return { known: true, text: ` (${record.actor ?? "the guard"}: ${record.reason})` };
  return { known: false, text: error ? ` (${error.code}: ${error.message})` : "" };
}

/** Follows a deployment to its end, its rollback included, and verifies the alias. */
export async function followRelease(
  session: Session,
  deploymentId: string,
  known: Record<string, unknown> = {},
): Promise<Outcome> {
  const deployment = await followDeployment(session, deploymentId);
  const target = await session.ports.deployments.target(deploymentId);
  if (!target) {
    throw new GoaroundError(
      "appspec-invalid",
      "operator",
      `${deploymentId} never had a target: ${deployment.error?.message ?? deployment.status}`,
    );
  }
  const { functionName, alias, currentVersion, targetVersion } = target;
  const data = {
    ...known,
    deployment: {
      id: deploymentId,
      status: deployment.status,
      rollbackDeploymentId: deployment.rollbackDeploymentId,
      error: deployment.error,
    },
  };
  if (deployment.status === "Succeeded") {
    const state = await session.ports.functions.getAlias(functionName, alias);
    const message = `${deploymentId} succeeded: ${functionName}:${alias} is on ${describeAlias(state)}`;
    const end = { ...data, alias: { functionVersion: state.functionVersion, weights: state.weights } };
    if (state.functionVersion === targetVersion && isWhole(state)) return done(message, end);
    return {
      exitCode: EXIT.notAsExpected,
      code: "alias-moved",
      message: `${message}, not on ${targetVersion}`,
      data: end,
    };
  }
  const restored = await restoreAfterEnd(session, {
    deployment,
    functionName,
    alias,
    baselineVersion: currentVersion,
    canaryVersion: targetVersion,
  });
  const why = await whyEnded(session, deployment);
  return {
    exitCode: EXIT.notAsExpected,
    code: "rolled-back",
    message: `${deploymentId} ended as ${deployment.status}${why.text}; ${functionName}:${alias} is on ${describeAlias(restored.alias)}`,
    advice: why.known
      ? "Remove the cause, then release again."
      : `Look why: aws deploy get-deployment --deployment-id ${deploymentId}, and aws logs filter-log-events --log-group-name /aws/lambda/${guardFunctionName(session.environment, "pre-traffic")}. Then release a version that fixes it.`,
    data: {
      ...data,
      deployment: { ...data.deployment, rollbackDeploymentId: restored.deployment.rollbackDeploymentId },
      alias: { functionVersion: restored.alias.functionVersion, weights: restored.alias.weights },
    },
  };
}
