import type {
  AlarmConfiguration,
  AutoRollbackConfiguration,
  BatchGetDeploymentGroupsCommandInput,
  BatchGetDeploymentGroupsOutput,
  CreateDeploymentGroupCommandInput,
  CreateDeploymentGroupOutput,
  DeleteDeploymentGroupCommandInput,
  DeleteDeploymentGroupOutput,
  DeploymentGroupInfo,
  GetDeploymentGroupCommandInput,
  GetDeploymentGroupOutput,
  LastDeploymentInfo,
  ListDeploymentGroupsCommandInput,
  ListDeploymentGroupsOutput,
  UpdateDeploymentGroupCommandInput,
  UpdateDeploymentGroupOutput,
} from "@aws-sdk/client-codedeploy";
import type { OperationHandler, World } from "../../kernel/service.ts";
import { BATCH_LIMIT, moveTags } from "./applications.ts";
import { checkGroupName, invalid, noConfiguration, page, required } from "./errors.ts";
import type { ApplicationRecord, DeploymentRecord, GroupRecord } from "./model.ts";
import type { CodeDeployStore } from "./store.ts";

/** The service model's text says 10; the quota has been raised since for some accounts (terraform-provider-aws#39971). */
const MAX_ALARMS = 10;
const MAX_TRIGGERS = 10;
const ROLLBACK_EVENTS = ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"];

export function groupOperations(world: World, store: CodeDeployStore): Record<string, OperationHandler> {
  const random = world.random.fork("codedeploy/groups");
  return {
    CreateDeploymentGroup(input: CreateDeploymentGroupCommandInput): CreateDeploymentGroupOutput {
      const application = store.application(input.applicationName);
      const name = checkGroupName(input.deploymentGroupName);
      if (application.groups.has(name)) {
        throw invalid(
          "DeploymentGroupAlreadyExistsException",
          `Deployment group already exists, with specified name: ${name}`,
        );
      }
      const { applicationName: _a, deploymentGroupName: _g, tags, ...given } = input;
      const settings = checkSettings(store, application, {
        ...given,
        deploymentConfigName: given.deploymentConfigName ?? "CodeDeployDefault.OneAtATime",
      });
      const id = random.uuid();
      application.groups.set(name, {
        id,
        application,
        name,
        settings,
        targetRevision: undefined,
        lastSuccessful: undefined,
        lastAttempted: undefined,
      });
      if (tags?.length) store.tags.set(store.groupArn(application.name, name), [...tags]);
      return { deploymentGroupId: id };
    },
    GetDeploymentGroup(input: GetDeploymentGroupCommandInput): GetDeploymentGroupOutput {
      return { deploymentGroupInfo: groupView(store.group(input.applicationName, input.deploymentGroupName)) };
    },
    /** Names that do not exist are told in errorMessage, the others still come back. [inferred] */
    BatchGetDeploymentGroups(input: BatchGetDeploymentGroupsCommandInput): BatchGetDeploymentGroupsOutput {
      const application = store.application(input.applicationName);
      const names = input.deploymentGroupNames ?? [];
      if (names.length === 0)
        throw required("DeploymentGroupNameRequiredException", "At least one deployment group name");
      if (names.length > BATCH_LIMIT) {
        throw invalid("BatchLimitExceededException", `At most ${BATCH_LIMIT} deployment group names are allowed`);
      }
      const missing = names.filter((name) => !application.groups.has(name));
      return {
        deploymentGroupsInfo: names.flatMap((name) => {
          const group = application.groups.get(name);
          return group ? [groupView(group)] : [];
        }),
        ...(missing.length ? { errorMessage: `No Deployment Group found for name: ${missing.join(", ")}` } : {}),
      };
    },
    ListDeploymentGroups(input: ListDeploymentGroupsCommandInput): ListDeploymentGroupsOutput {
      const application = store.application(input.applicationName);
      const { items, nextToken } = page([...application.groups.keys()], input.nextToken);
      return { applicationName: application.name, deploymentGroups: items, nextToken };
    },
    UpdateDeploymentGroup(input: UpdateDeploymentGroupCommandInput): UpdateDeploymentGroupOutput {
      const group = store.group(input.applicationName, input.currentDeploymentGroupName);
      const { applicationName: _a, currentDeploymentGroupName: _c, newDeploymentGroupName, ...changes } = input;
      const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
      const settings = checkSettings(store, group.application, { ...group.settings, ...given });
      if (newDeploymentGroupName !== undefined && newDeploymentGroupName !== group.name) {
        const newName = checkGroupName(newDeploymentGroupName);
        const { groups, name } = group.application;
        if (groups.has(newName)) {
          throw invalid(
            "DeploymentGroupAlreadyExistsException",
            `Deployment group already exists, with specified name: ${newName}`,
          );
        }
        groups.delete(group.name);
        groups.set(newName, group);
        moveTags(store, store.groupArn(name, group.name), store.groupArn(name, newName));
        group.name = newName;
      }
      group.settings = settings;
      return { hooksNotCleanedUp: [] };
    },
    /** The model knows no error for a group that does not exist. */
    DeleteDeploymentGroup(input: DeleteDeploymentGroupCommandInput): DeleteDeploymentGroupOutput {
      const application = store.applications.get(input.applicationName ?? "");
      const name = checkGroupName(input.deploymentGroupName);
      application?.groups.delete(name);
      if (application) store.tags.delete(store.groupArn(application.name, name));
      return { hooksNotCleanedUp: [] };
    },
  };
}

function groupView(group: GroupRecord): DeploymentGroupInfo {
  const { settings } = group;
  return {
    applicationName: group.application.name,
    deploymentGroupId: group.id,
    deploymentGroupName: group.name,
    deploymentConfigName: settings.deploymentConfigName,
    ec2TagFilters: [],
    onPremisesInstanceTagFilters: [],
    autoScalingGroups: [],
    serviceRoleArn: settings.serviceRoleArn,
    targetRevision: group.targetRevision,
    triggerConfigurations: settings.triggerConfigurations ?? [],
    alarmConfiguration: settings.alarmConfiguration,
    autoRollbackConfiguration: settings.autoRollbackConfiguration,
    deploymentStyle: settings.deploymentStyle,
    outdatedInstancesStrategy: settings.outdatedInstancesStrategy ?? "UPDATE",
    blueGreenDeploymentConfiguration: settings.blueGreenDeploymentConfiguration,
    lastSuccessfulDeployment: lastDeployment(group.lastSuccessful),
    lastAttemptedDeployment: lastDeployment(group.lastAttempted),
    computePlatform: group.application.computePlatform,
    terminationHookEnabled: false,
  };
}

function lastDeployment(deployment: DeploymentRecord | undefined): LastDeploymentInfo | undefined {
  return (
    deployment && {
      deploymentId: deployment.id,
      status: deployment.status,
      createTime: deployment.createTime,
      ...(deployment.completeTime ? { endTime: deployment.completeTime } : {}),
    }
  );
}

function checkSettings(
  store: CodeDeployStore,
  application: ApplicationRecord,
  settings: Omit<CreateDeploymentGroupCommandInput, "applicationName" | "deploymentGroupName"> & {
    deploymentConfigName: string;
  },
): GroupRecord["settings"] {
  const { serviceRoleArn, deploymentConfigName } = settings;
  if (!serviceRoleArn) throw required("RoleRequiredException", "The service role ARN");
  if (!/^arn:[^:]+:iam::\d{12}:role\/.+/.test(serviceRoleArn)) {
    throw invalid(
      "InvalidRoleException",
      `AWS CodeDeploy does not have the permissions required to assume the role ${serviceRoleArn}.`,
    );
  }
  if (!store.configurations.has(deploymentConfigName)) throw noConfiguration(deploymentConfigName);
  checkAlarms(settings.alarmConfiguration);
  checkAutoRollback(settings.autoRollbackConfiguration);
  const triggers = settings.triggerConfigurations ?? [];
  if (triggers.length > MAX_TRIGGERS) {
    throw invalid("TriggerTargetsLimitExceededException", `At most ${MAX_TRIGGERS} triggers are allowed`);
  }
  for (const trigger of triggers) {
    if (!trigger.triggerName || !trigger.triggerTargetArn || !trigger.triggerEvents?.length) {
      throw invalid("InvalidTriggerConfigException", "A trigger needs a name, a target ARN and at least one event");
    }
  }
  const style = settings.deploymentStyle;
  const shifts = style?.deploymentType === "BLUE_GREEN" && style.deploymentOption === "WITH_TRAFFIC_CONTROL";
  if (application.computePlatform === "Lambda" && style && !shifts) {
    throw invalid(
      "InvalidDeploymentStyleException",
      "Lambda deployments must have the deployment type BLUE_GREEN and the deployment option WITH_TRAFFIC_CONTROL",
    );
  }
  return { ...settings, serviceRoleArn, deploymentStyle: style ?? defaultStyle(application) };
}

const defaultStyle = (application: ApplicationRecord) =>
  application.computePlatform === "Server"
    ? ({ deploymentType: "IN_PLACE", deploymentOption: "WITHOUT_TRAFFIC_CONTROL" } as const)
    : ({ deploymentType: "BLUE_GREEN", deploymentOption: "WITH_TRAFFIC_CONTROL" } as const);

export function checkAlarms(configuration: AlarmConfiguration | undefined): void {
  const names = (configuration?.alarms ?? []).map((alarm) => alarm.name);
  if (names.length > MAX_ALARMS) {
    throw invalid(
      "AlarmsLimitExceededException",
      `The maximum number of alarms for a deployment group (${MAX_ALARMS}) was exceeded.`,
    );
  }
  if (configuration?.enabled && names.length === 0) {
    throw invalid("InvalidAlarmConfigException", "The alarm list is empty while the alarm configuration is enabled");
  }
  if (names.some((name) => !name || name.length > 255) || new Set(names).size !== names.length) {
    throw invalid("InvalidAlarmConfigException", "Alarm names must be 1 to 255 characters long and must not repeat");
  }
}

export function checkAutoRollback(configuration: AutoRollbackConfiguration | undefined): void {
  const events = configuration?.events ?? [];
  const unknown = events.some((event) => !ROLLBACK_EVENTS.includes(event));
  if (unknown || (configuration?.enabled && events.length === 0)) {
    throw invalid(
      "InvalidAutoRollbackConfigException",
      "Automatic rollback is enabled, but an invalid triggering event type or no event types were listed.",
    );
  }
}
