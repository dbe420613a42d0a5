import type { DeploymentOverview, TriggerEventType } from "@aws-sdk/client-codedeploy";
import { AwsError } from "../../kernel/errors.ts";
import type { World } from "../../kernel/service.ts";
import type { DeploymentRecord } from "./model.ts";
import { serviceRolePrincipal } from "./service-role.ts";
import type { CodeDeployStore } from "./store.ts";

/** EventBridge's words for a deployment's states (CodeDeploy events reference, 2025). Created has none. */
const EVENT_STATES: Partial<Record<string, string>> = {
  InProgress: "START",
  Succeeded: "SUCCESS",
  Failed: "FAILURE",
  Stopped: "STOP",
  Ready: "READY",
};

/** The status words of trigger messages, as recorded 2022-10-14. */
const TRIGGER_STATES: Record<string, string> = { InProgress: "IN_PROGRESS" };

/** Tells the world that a deployment has a new status: observers, the default event bus, the group's SNS triggers. */
export function announceStatus(world: World, store: CodeDeployStore, deployment: DeploymentRecord): void {
  const { group } = deployment;
  world.announce("deployment-status", {
    deploymentId: deployment.id,
    application: deployment.applicationName,
    group: deployment.groupName,
    status: deployment.status,
    creator: deployment.creator,
    ...(deployment.appSpec.ok
      ? {
          functionName: deployment.appSpec.spec.functionName,
          alias: deployment.appSpec.spec.alias,
          currentVersion: deployment.appSpec.spec.currentVersion,
          targetVersion: deployment.appSpec.spec.targetVersion,
        }
      : {}),
    ...(deployment.error ? { error: deployment.error } : {}),
    ...(deployment.rollbackInfo ? { rollbackInfo: deployment.rollbackInfo } : {}),
  });
  const state = EVENT_STATES[deployment.status];
  if (state) {
    world.links.emitEvent({
      source: "aws.codedeploy",
      detailType: "CodeDeploy Deployment State-change Notification",
      resources: [
        store.applicationArn(deployment.applicationName),
        store.groupArn(deployment.applicationName, deployment.groupName),
      ],
      detail: {
        instanceGroupId: group.id,
        region: world.region,
        application: deployment.applicationName,
        deploymentId: deployment.id,
        state,
        deploymentGroup: deployment.groupName,
      },
    });
  }
  for (const event of triggerEvents(deployment)) void publish(world, deployment, event);
}

/** A rollback is announced when it gets under way (recorded 2022-10-14); the other events follow the status. */
function triggerEvents(deployment: DeploymentRecord): TriggerEventType[] {
  switch (deployment.status) {
    case "Created":
      return ["DeploymentStart"];
    case "InProgress":
      return deployment.creator === "codeDeployRollback" ? ["DeploymentRollback"] : [];
    case "Succeeded":
      return ["DeploymentSuccess"];
    case "Failed":
      return ["DeploymentFailure"];
    case "Stopped":
      return ["DeploymentStop"];
    default:
      return [];
  }
}

/** Publishes as the service role. A role without sns:Publish cannot, and nobody is told (managed policy reference, 2025). */
async function publish(world: World, deployment: DeploymentRecord, event: TriggerEventType): Promise<void> {
  const { settings } = deployment.group;
  const principal = serviceRolePrincipal(world, deployment);
  const status = TRIGGER_STATES[deployment.status] ?? deployment.status.toUpperCase();
  for (const trigger of settings.triggerConfigurations ?? []) {
    if (!trigger.triggerEvents?.includes(event)) continue;
    const subject = `${status}: AWS CodeDeploy ${deployment.id} in ${world.region} to ${deployment.applicationName}`;
    try {
      await world.call(
        "sns",
        "Publish",
        {
          TopicArn: trigger.triggerTargetArn,
          Subject: subject.slice(0, 100),
          Message: triggerMessage(world, deployment, trigger.triggerName ?? "", status),
        },
        principal,
      );
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      world.announce("deployment-trigger-failed", {
        deploymentId: deployment.id,
        trigger: trigger.triggerName,
        error: `${error.code}: ${error.message}`,
      });
    }
  }
}

/** Flat JSON whose nested parts are JSON texts again; times as java.util.Date writes them (recorded 2022-10-14). */
function triggerMessage(world: World, deployment: DeploymentRecord, triggerName: string, status: string): string {
  const ended = deployment.completeTime !== undefined;
  const { Succeeded, Failed, Skipped, InProgress, Pending } = overviewOf(deployment);
  const { rollbackInfo } = deployment;
  return JSON.stringify({
    region: world.region,
    accountId: world.accountId,
    eventTriggerName: triggerName,
    applicationName: deployment.applicationName,
    deploymentId: deployment.id,
    deploymentGroupName: deployment.groupName,
    createTime: javaDate(deployment.createTime),
    completeTime: deployment.completeTime ? javaDate(deployment.completeTime) : null,
    ...(ended ? { deploymentOverview: JSON.stringify({ Succeeded, Failed, Skipped, InProgress, Pending }) } : {}),
    status,
    ...(deployment.error
      ? {
          errorInformation: JSON.stringify({
            ErrorCode: deployment.error.code,
            ErrorMessage: deployment.error.message,
          }),
        }
      : {}),
    ...(rollbackInfo
      ? {
          rollbackInformation: JSON.stringify({
            RollbackMessage: rollbackInfo.rollbackMessage,
            RollbackTriggeringDeploymentId: rollbackInfo.rollbackTriggeringDeploymentId,
            RollbackDeploymentId: rollbackInfo.rollbackDeploymentId,
          }),
        }
      : {}),
  });
}

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `Thu Oct 13 15:50:45 UTC 2022` */
function javaDate(date: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const time = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(":");
  return `${DAYS[date.getUTCDay()]} ${MONTHS[date.getUTCMonth()]} ${two(date.getUTCDate())} ${time} UTC ${date.getUTCFullYear()}`;
}

/** A Lambda deployment has one target; a stopped one counts as failed (CircleCI-Archived/circleci-orbs#167). */
export function overviewOf(deployment: DeploymentRecord): Required<DeploymentOverview> {
  const count = (...statuses: string[]) => (statuses.includes(deployment.status) ? 1 : 0);
  return {
    Pending: count("Created", "Queued"),
    InProgress: count("InProgress", "Baking"),
    Succeeded: count("Succeeded"),
    Failed: count("Failed", "Stopped"),
    Skipped: 0,
    Ready: count("Ready"),
  };
}
