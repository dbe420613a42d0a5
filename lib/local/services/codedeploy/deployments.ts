import type {
  BatchGetDeploymentsCommandInput,
  BatchGetDeploymentsOutput,
  ContinueDeploymentCommandInput,
  CreateDeploymentCommandInput,
  CreateDeploymentOutput,
  DeploymentCreator,
  DeploymentInfo,
  DeploymentStatus,
  GetDeploymentCommandInput,
  GetDeploymentOutput,
  ListDeploymentsCommandInput,
  ListDeploymentsOutput,
  RevisionLocation,
  StopDeploymentCommandInput,
  StopDeploymentOutput,
} from "@aws-sdk/client-codedeploy";
import { notImplemented } from "../../kernel/errors.ts";
import type { OperationHandler, World } from "../../kernel/service.ts";
import { activeDeployment, BATCH_LIMIT } from "./applications.ts";
import { checkGroupName, groupIsBusy, invalid, noConfiguration, page, required } from "./errors.ts";
import { checkAlarms, checkAutoRollback } from "./groups.ts";
import { type DeploymentRecord, isTerminal } from "./model.ts";
import { overviewOf } from "./notifications.ts";
import { registerRevision, resolveRevision, withoutContent } from "./revisions.ts";
import { type DeploymentRunner, rollsBackOn } from "./runner.ts";
import type { CodeDeployStore } from "./store.ts";

const MAX_DESCRIPTION = 256;
const STATUSES: DeploymentStatus[] = [
  "Created",
  "Queued",
  "InProgress",
  "Baking",
  "Succeeded",
  "Failed",
  "Stopped",
  "Ready",
];

export interface Creation {
  creator: DeploymentCreator;
  /** The CloudFormation stack behind the deployment. */
  externalId?: string;
}

/** Creates a deployment for whoever asks: a user through the API, or CloudFormation. */
export function createDeployment(
  world: World,
  store: CodeDeployStore,
  runner: DeploymentRunner,
  input: CreateDeploymentCommandInput,
  { creator, externalId }: Creation,
): DeploymentRecord {
  const application = store.application(input.applicationName);
  if (!input.deploymentGroupName) throw required("DeploymentGroupNameRequiredException", "Deployment group name");
  const group = store.group(application.name, input.deploymentGroupName);
  if (application.computePlatform !== "Lambda") {
    throw notImplemented("codedeploy", "CreateDeployment", `compute platform ${application.computePlatform}`);
  }
  if (input.fileExistsBehavior !== undefined) {
    // Text recorded in aws/aws-toolkit-azure-devops#288.
    throw invalid(
      "InvalidFileExistsBehaviorException",
      "For Lambda and ECS deployment, fileExistsBehavior can not be specified",
    );
  }
  if ((input.description?.length ?? 0) > MAX_DESCRIPTION) {
    throw invalid("DescriptionTooLongException", `The description is longer than ${MAX_DESCRIPTION} characters`);
  }
  checkAlarms(input.overrideAlarmConfiguration);
  checkAutoRollback(input.autoRollbackConfiguration);
  const configurationName = input.deploymentConfigName ?? group.settings.deploymentConfigName;
  const configuration = store.configurations.get(configurationName);
  if (!configuration) throw noConfiguration(configurationName);
  if (configuration.computePlatform !== "Lambda") {
    throw invalid(
      "InvalidTrafficRoutingConfigurationException",
      `The deployment configuration ${configurationName} is not for the Lambda platform`,
    );
  }
  const resolved = resolveRevision(world, input.revision);
  const busy = activeDeployment(store, application.name, group.name);
  if (busy) throw groupIsBusy(group.name, busy.id);
  registerRevision(application, { ...resolved, now: store.now(), group: group.name });
  return runner.start({
    group,
    configuration,
    revision: storedRevision(input.revision ?? {}, resolved),
    content: resolved.content,
    creator,
    externalId,
    description: input.description,
    autoRollbackConfiguration: input.autoRollbackConfiguration,
    overrideAlarmConfiguration: input.overrideAlarmConfiguration,
  });
}

/** The revision with the hash that CodeDeploy adds when the caller left it out. */
function storedRevision(given: RevisionLocation, raw: { content: string; sha256: string }): RevisionLocation {
  if (given.revisionType === "S3") return given;
  return given.revisionType === "String"
    ? { revisionType: "String", string: raw }
    : { revisionType: "AppSpecContent", appSpecContent: raw };
}

export function deploymentOperations(
  world: World,
  store: CodeDeployStore,
  runner: DeploymentRunner,
): Record<string, OperationHandler> {
  return {
    CreateDeployment(input: CreateDeploymentCommandInput): CreateDeploymentOutput {
      return { deploymentId: createDeployment(world, store, runner, input, { creator: "user" }).id };
    },
    GetDeployment(input: GetDeploymentCommandInput): GetDeploymentOutput {
      return { deploymentInfo: deploymentView(store.deployment(input.deploymentId)) };
    },
    BatchGetDeployments(input: BatchGetDeploymentsCommandInput): BatchGetDeploymentsOutput {
      const ids = input.deploymentIds ?? [];
      if (ids.length === 0) throw required("DeploymentIdRequiredException", "At least one deployment ID");
      if (ids.length > BATCH_LIMIT) {
        throw invalid("BatchLimitExceededException", `At most ${BATCH_LIMIT} deployment IDs are allowed`);
      }
      return { deploymentsInfo: ids.map((id) => deploymentView(store.deployment(id))) };
    },
    /** Newest first. */
    ListDeployments(input: ListDeploymentsCommandInput): ListDeploymentsOutput {
      checkListFilter(store, input);
      const { applicationName, deploymentGroupName, externalId, includeOnlyStatuses, createTimeRange } = input;
      const matching = [...store.deployments.values()].filter(
        (deployment) =>
          (!applicationName || deployment.group.application.name === applicationName) &&
          (!deploymentGroupName || deployment.group.name === deploymentGroupName) &&
          (!externalId || deployment.externalId === externalId) &&
          (!includeOnlyStatuses?.length || includeOnlyStatuses.includes(deployment.status)) &&
          (!createTimeRange?.start || deployment.createTime >= createTimeRange.start) &&
          (!createTimeRange?.end || deployment.createTime <= createTimeRange.end),
      );
      const { items, nextToken } = page(matching.map((deployment) => deployment.id).reverse(), input.nextToken);
      return { deployments: items, nextToken };
    },
    StopDeployment(input: StopDeploymentCommandInput): StopDeploymentOutput {
      const deployment = store.deployment(input.deploymentId);
      if (isTerminal(deployment)) {
        throw invalid("DeploymentAlreadyCompletedException", `The deployment ${deployment.id} is already complete.`);
      }
      const rollBack = input.autoRollbackEnabled === true || rollsBackOn(deployment, "DEPLOYMENT_STOP_ON_REQUEST");
      const status = runner.stop(deployment, rollBack);
      return {
        status,
        statusMessage:
          status === "Succeeded"
            ? "No further deployment lifecycle events will run."
            : "The deployment is being stopped.",
      };
    },
    /** Continuing is for blue/green deployments that reroute traffic by hand. */
    ContinueDeployment(input: ContinueDeploymentCommandInput): never {
      const deployment = store.deployment(input.deploymentId);
      throw invalid(
        "UnsupportedActionForDeploymentTypeException",
        `ContinueDeployment is not supported for the deployment ${deployment.id} with the compute platform Lambda.`,
      );
    },
  };
}

function checkListFilter(store: CodeDeployStore, input: ListDeploymentsCommandInput): void {
  const { applicationName, deploymentGroupName, includeOnlyStatuses, createTimeRange } = input;
  if (applicationName && !deploymentGroupName) {
    throw invalid(
      "DeploymentGroupNameRequiredException",
      "If applicationName is specified, then deploymentGroupName must be specified.",
    );
  }
  if (deploymentGroupName && !applicationName) {
    throw invalid(
      "ApplicationNameRequiredException",
      "If deploymentGroupName is specified, applicationName must be specified.",
    );
  }
  if (applicationName) store.group(applicationName, checkGroupName(deploymentGroupName));
  for (const status of includeOnlyStatuses ?? []) {
    if (!STATUSES.includes(status)) {
      throw invalid("InvalidDeploymentStatusException", `The deployment status ${status} does not exist`);
    }
  }
  if (createTimeRange?.start && createTimeRange.end && createTimeRange.start > createTimeRange.end) {
    throw invalid("InvalidTimeRangeException", "The start of the time range is after its end");
  }
}

function deploymentView(deployment: DeploymentRecord): DeploymentInfo {
  return {
    applicationName: deployment.applicationName,
    deploymentGroupName: deployment.groupName,
    deploymentConfigName: deployment.configuration.deploymentConfigName,
    deploymentId: deployment.id,
    previousRevision: withoutContent(deployment.previousRevision),
    revision: withoutContent(deployment.revision),
    status: deployment.status,
    errorInformation: deployment.error,
    createTime: deployment.createTime,
    startTime: deployment.startTime,
    completeTime: deployment.completeTime,
    deploymentOverview: overviewOf(deployment),
    description: deployment.description,
    creator: deployment.creator,
    ignoreApplicationStopFailures: false,
    autoRollbackConfiguration:
      deployment.autoRollbackConfiguration ?? deployment.group.settings.autoRollbackConfiguration,
    updateOutdatedInstancesOnly: false,
    rollbackInfo: deployment.rollbackInfo,
    deploymentStyle: deployment.group.settings.deploymentStyle,
    instanceTerminationWaitTimeStarted: false,
    fileExistsBehavior: "DISALLOW",
    deploymentStatusMessages: [],
    computePlatform: "Lambda",
    externalId: deployment.externalId,
    overrideAlarmConfiguration: deployment.overrideAlarmConfiguration,
  };
}
