import type {
  BatchGetDeploymentTargetsCommandInput,
  BatchGetDeploymentTargetsOutput,
  DeploymentTarget,
  GetDeploymentTargetCommandInput,
  GetDeploymentTargetOutput,
  ListDeploymentTargetsCommandInput,
  ListDeploymentTargetsOutput,
  PutLifecycleEventHookExecutionStatusCommandInput,
  PutLifecycleEventHookExecutionStatusOutput,
} from "@aws-sdk/client-codedeploy";
import type { OperationHandler, World } from "../../kernel/service.ts";
import { invalid, required } from "./errors.ts";
import type { DeploymentRecord } from "./model.ts";
import type { CodeDeployStore } from "./store.ts";

/** Targets of deployments, and the answers of their hooks. */
export function targetOperations(world: World, store: CodeDeployStore): Record<string, OperationHandler> {
  const started = (id: string | undefined): DeploymentRecord => {
    const deployment = store.deployment(id);
    if (deployment.status === "Created" || deployment.status === "Queued") {
      throw invalid("DeploymentNotStartedException", `The deployment ${deployment.id} has not started.`);
    }
    return deployment;
  };
  const target = (deployment: DeploymentRecord, targetId: string | undefined): DeploymentTarget => {
    if (!targetId) throw required("DeploymentTargetIdRequiredException", "A deployment target ID");
    if (targetIdOf(deployment) !== targetId) {
      throw invalid(
        "DeploymentTargetDoesNotExistException",
        `The target ${targetId} does not belong to the deployment ${deployment.id}.`,
      );
    }
    return targetView(world, deployment, targetId);
  };
  return {
    ListDeploymentTargets(input: ListDeploymentTargetsCommandInput): ListDeploymentTargetsOutput {
      const deployment = started(input.deploymentId);
      const wanted = input.targetFilters?.TargetStatus;
      const id = targetIdOf(deployment);
      return { targetIds: id && (!wanted?.length || wanted.includes(deployment.targetStatus)) ? [id] : [] };
    },
    GetDeploymentTarget(input: GetDeploymentTargetCommandInput): GetDeploymentTargetOutput {
      return { deploymentTarget: target(started(input.deploymentId), input.targetId) };
    },
    BatchGetDeploymentTargets(input: BatchGetDeploymentTargetsCommandInput): BatchGetDeploymentTargetsOutput {
      const deployment = started(input.deploymentId);
      const ids = input.targetIds ?? [];
      if (ids.length === 0) throw required("DeploymentTargetIdRequiredException", "At least one deployment target ID");
      // Lambda deployments have exactly one target (service model).
      if (ids.length > 1) {
        throw invalid("DeploymentTargetListSizeExceededException", "A Lambda deployment has exactly one target");
      }
      return { deploymentTargets: ids.map((id) => target(deployment, id)) };
    },
    PutLifecycleEventHookExecutionStatus(
      input: PutLifecycleEventHookExecutionStatusCommandInput,
    ): PutLifecycleEventHookExecutionStatusOutput {
      const deployment = store.deployment(input.deploymentId);
      const { lifecycleEventHookExecutionId: id, status } = input;
      const execution = deployment.hooks.find((hook) => hook.id === id);
      if (!execution) {
        throw invalid(
          "InvalidLifecycleEventHookExecutionIdException",
          "The lifecycle event hook execution ID is not valid for this deployment.",
        );
      }
      // Every status of the enumeration may be sent, only two are accepted (API reference, 2025).
      if (status !== "Succeeded" && status !== "Failed") {
        throw invalid(
          "InvalidLifecycleEventHookExecutionStatusException",
          `The lifecycle event hook execution status ${status} is not valid; only Succeeded and Failed are.`,
        );
      }
      const event = deployment.events.get(execution.event);
      const answered = execution.answered;
      if (answered || event?.status !== "InProgress") {
        throw invalid(
          "LifecycleEventAlreadyCompletedException",
          `The lifecycle event ${execution.event} of the deployment ${deployment.id} has already completed.`,
        );
      }
      execution.answered = true;
      execution.answer(status);
      return { lifecycleEventHookExecutionId: execution.id };
    },
  };
}

/** `function:alias`, as another emulator has it; AWS's own format is not known. [unverified] */
function targetIdOf(deployment: DeploymentRecord): string | undefined {
  if (!deployment.appSpec.ok) return undefined;
  const { functionName, alias } = deployment.appSpec.spec;
  return `${functionName.split(":function:").at(-1)}:${alias}`;
}

function targetView(world: World, deployment: DeploymentRecord, targetId: string): DeploymentTarget {
  const { appSpec } = deployment;
  return {
    deploymentTargetType: "LambdaTarget",
    lambdaTarget: {
      deploymentId: deployment.id,
      targetId,
      targetArn: `arn:${world.partition}:lambda:${world.region}:${world.accountId}:function:${targetId}`,
      status: deployment.targetStatus,
      lastUpdatedAt: deployment.lastUpdatedAt,
      lifecycleEvents: [...deployment.events.values()].map((event) => ({ ...event })),
      lambdaFunctionInfo: appSpec.ok
        ? {
            functionName: appSpec.spec.functionName,
            functionAlias: appSpec.spec.alias,
            currentVersion: appSpec.spec.currentVersion,
            targetVersion: appSpec.spec.targetVersion,
            targetVersionWeight: deployment.targetWeight,
          }
        : {},
    },
  };
}
