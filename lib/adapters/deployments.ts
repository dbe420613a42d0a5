import { createHash } from "node:crypto";
import {
  type AlarmConfiguration,
  CodeDeployClient,
  CreateDeploymentCommand,
  CreateDeploymentConfigCommand,
  GetApplicationRevisionCommand,
  GetDeploymentCommand,
  type GetDeploymentCommandOutput,
  GetDeploymentConfigCommand,
  GetDeploymentGroupCommand,
  GetDeploymentTargetCommand,
  ListDeploymentTargetsCommand,
  PutLifecycleEventHookExecutionStatusCommand,
  paginateListDeployments,
  type RevisionLocation,
  StopDeploymentCommand,
} from "@aws-sdk/client-codedeploy";
import { GoaroundError } from "../core/errors.ts";
import type { DeploymentsPort, DeploymentTarget } from "../core/ports.ts";
import { calling, errorName, toGoaroundError } from "./errors.ts";
import { type AdapterOptions, connect, lazy } from "./options.ts";
import { fromRouting, toRouting } from "./traffic-routing.ts";

/** Descriptions are at most 256 characters (CodeDeploy user guide, limits, 2023). */
const MAX_DESCRIPTION = 256;

export function createDeployments(options: AdapterOptions = {}): DeploymentsPort {
  const client = lazy(() => connect(CodeDeployClient, options));
  const http = { abortSignal: options.signal };
  const about = (operation: string, deploymentId: string) =>
    ({
      operation: `codedeploy ${operation}`,
      subject: `deployment ${deploymentId}`,
      missing: "deployment-missing",
      missingAdvice: "Check the id, --region and --profile; ids look like d-ABCDEF123.",
    }) as const;

  /** An AppSpec never changes under its hash, and a deployment that is followed is read many times. */
  let lastAppSpec: { key: string; content: string } | undefined;

  async function readAppSpec(application: string, revision: RevisionLocation | undefined): Promise<string> {
    const inline = revision?.appSpecContent?.content ?? revision?.string?.content;
    if (inline !== undefined) return inline;
    const sha256 = revision?.appSpecContent?.sha256 ?? revision?.string?.sha256;
    if (revision === undefined || sha256 === undefined) return "";
    const key = `${application}/${sha256}`;
    if (lastAppSpec?.key === key) return lastAppSpec.content;
    const answer = await calling(
      { operation: "codedeploy GetApplicationRevision", subject: `AppSpec ${sha256} of application ${application}` },
      client().send(new GetApplicationRevisionCommand({ applicationName: application, revision }), http),
    );
    const content = answer.revision?.string?.content ?? answer.revision?.appSpecContent?.content ?? "";
    lastAppSpec = { key, content };
    return content;
  }

  return {
    async get(deploymentId) {
      let answer: GetDeploymentCommandOutput;
      try {
        answer = await client().send(new GetDeploymentCommand({ deploymentId }), http);
      } catch (error) {
        // An id that is not even well formed cannot exist either.
        if (errorName(error) === "InvalidDeploymentIdException") {
          throw new GoaroundError("deployment-missing", "operator", `${deploymentId} is not a deployment id`, {
            advice: about("", "").missingAdvice,
            cause: error,
          });
        }
        throw toGoaroundError(error, about("GetDeployment", deploymentId));
      }
      const found = answer.deploymentInfo ?? {};
      const failure = found.errorInformation;
      return {
        deploymentId,
        application: found.applicationName ?? "",
        group: found.deploymentGroupName ?? "",
        configuration: found.deploymentConfigName,
        status: found.status ?? "Created",
        creator: found.creator ?? "",
        appSpec: await readAppSpec(found.applicationName ?? "", found.revision),
        description: found.description,
        createdAt: found.createTime,
        completedAt: found.completeTime,
        error: failure?.code ? { code: failure.code, message: failure.message ?? "" } : undefined,
        rollbackDeploymentId: found.rollbackInfo?.rollbackDeploymentId,
        rollbackTriggeringDeploymentId: found.rollbackInfo?.rollbackTriggeringDeploymentId,
        externalId: found.externalId,
      };
    },

    async target(deploymentId) {
      try {
        // The form of a Lambda target's id is not documented: ask for it.
        const { targetIds } = await client().send(new ListDeploymentTargetsCommand({ deploymentId }), http);
        const targetId = targetIds?.[0];
        if (targetId === undefined) return undefined;
        const answer = await client().send(new GetDeploymentTargetCommand({ deploymentId, targetId }), http);
        const target = answer.deploymentTarget?.lambdaTarget;
        const lambda = target?.lambdaFunctionInfo;
        if (!target || !lambda) return undefined;
        return {
          targetId,
          functionName: lambda.functionName ?? "",
          alias: lambda.functionAlias ?? "",
          currentVersion: lambda.currentVersion ?? "",
          targetVersion: lambda.targetVersion ?? "",
          // A share from 0 to 1 on the wire, as in Lambda's routing configuration [inferred].
          targetVersionWeightPercent:
            lambda.targetVersionWeight === undefined ? undefined : Math.round(lambda.targetVersionWeight * 1e6) / 1e4,
          lifecycleEvents: (target.lifecycleEvents ?? []).map((event) => ({
            name: event.lifecycleEventName ?? "",
            status: event.status ?? "Unknown",
            startedAt: event.startTime,
            endedAt: event.endTime,
          })),
        } satisfies DeploymentTarget;
      } catch (error) {
        const name = errorName(error);
        if (name === "DeploymentNotStartedException" || name === "DeploymentTargetDoesNotExistException")
          return undefined;
        throw toGoaroundError(error, about("GetDeploymentTarget", deploymentId));
      }
    },

    async list({ application, group, statuses }) {
      const ids: string[] = [];
      try {
        const pages = paginateListDeployments(
          { client: client() },
          { applicationName: application, deploymentGroupName: group, includeOnlyStatuses: statuses },
          http,
        );
        for await (const page of pages) ids.push(...(page.deployments ?? []));
      } catch (error) {
        throw toGoaroundError(error, {
          operation: "codedeploy ListDeployments",
          subject: `group ${group} of application ${application}`,
          missing: "group-missing",
        });
      }
      return ids;
    },

    async reportHook({ deploymentId, executionId, status }) {
      try {
        await client().send(
          new PutLifecycleEventHookExecutionStatusCommand({
            deploymentId,
            lifecycleEventHookExecutionId: executionId,
            status,
          }),
          http,
        );
        return "reported";
      } catch (error) {
        if (errorName(error) === "LifecycleEventAlreadyCompletedException") return "already-completed";
        throw toGoaroundError(error, about("PutLifecycleEventHookExecutionStatus", deploymentId));
      }
    },

    async stopWithRollback(deploymentId) {
      try {
        await client().send(new StopDeploymentCommand({ deploymentId, autoRollbackEnabled: true }), http);
        return "stopping";
      } catch (error) {
        if (errorName(error) === "DeploymentAlreadyCompletedException") return "already-completed";
        throw toGoaroundError(error, about("StopDeployment", deploymentId));
      }
    },

    async group(application, group) {
      try {
        const answer = await client().send(
          new GetDeploymentGroupCommand({ applicationName: application, deploymentGroupName: group }),
          http,
        );
        const found = answer.deploymentGroupInfo;
        if (!found) return undefined;
        return {
          configuration: found.deploymentConfigName ?? "",
          alarms: found.alarmConfiguration?.enabled ? alarmNames(found.alarmConfiguration) : [],
          serviceRoleArn: found.serviceRoleArn ?? "",
        };
      } catch (error) {
        const name = errorName(error);
        if (name === "DeploymentGroupDoesNotExistException" || name === "ApplicationDoesNotExistException")
          return undefined;
        throw toGoaroundError(error, {
          operation: "codedeploy GetDeploymentGroup",
          subject: `group ${group} of application ${application}`,
        });
      }
    },

    async routing(configuration) {
      try {
        const answer = await client().send(
          new GetDeploymentConfigCommand({ deploymentConfigName: configuration }),
          http,
        );
        return toRouting(answer.deploymentConfigInfo?.trafficRoutingConfig);
      } catch (error) {
        if (errorName(error) === "DeploymentConfigDoesNotExistException") return undefined;
        throw toGoaroundError(error, {
          operation: "codedeploy GetDeploymentConfig",
          subject: `configuration ${configuration}`,
        });
      }
    },

    async createConfiguration(name, routing) {
      try {
        await client().send(
          new CreateDeploymentConfigCommand({
            deploymentConfigName: name,
            computePlatform: "Lambda",
            trafficRoutingConfig: fromRouting(routing),
          }),
          http,
        );
        return "created";
      } catch (error) {
        if (errorName(error) === "DeploymentConfigAlreadyExistsException") return "exists";
        throw toGoaroundError(error, {
          operation: "codedeploy CreateDeploymentConfig",
          subject: `configuration ${name}`,
        });
      }
    },

    async create({ application, group, configuration, appSpec, description, alarms, autoRollback }) {
      const answer = await calling(
        {
          operation: "codedeploy CreateDeployment",
          subject: `group ${group} of application ${application}`,
          missing: "group-missing",
        },
        client().send(
          new CreateDeploymentCommand({
            applicationName: application,
            deploymentGroupName: group,
            deploymentConfigName: configuration,
            description: description.slice(0, MAX_DESCRIPTION),
            revision: {
              revisionType: "AppSpecContent",
              appSpecContent: { content: appSpec, sha256: createHash("sha256").update(appSpec).digest("hex") },
            },
            ...(autoRollback === false ? { autoRollbackConfiguration: { enabled: false } } : {}),
            ...(alarms === undefined
              ? {}
              : {
                  overrideAlarmConfiguration: {
                    enabled: alarms.length > 0,
                    alarms: alarms.map((name) => ({ name })),
                  },
                }),
          }),
          http,
        ),
      );
      return answer.deploymentId ?? "";
    },
  };
}

const alarmNames = (configuration: AlarmConfiguration) =>
  (configuration.alarms ?? []).flatMap((alarm) => (alarm.name === undefined ? [] : [alarm.name]));
