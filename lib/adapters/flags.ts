import {
  AppConfigClient,
  CreateHostedConfigurationVersionCommand,
  type GetDeploymentCommandOutput,
  GetEnvironmentCommand,
  paginateListApplications,
  paginateListConfigurationProfiles,
  paginateListDeploymentStrategies,
  paginateListEnvironments,
  StartDeploymentCommand,
  StopDeploymentCommand,
} from "@aws-sdk/client-appconfig";
import { GoaroundError } from "../core/errors.ts";
import type { FlagDeployment, FlagsPort } from "../core/ports.ts";
import { calling, errorName, toGoaroundError } from "./errors.ts";
import { environmentOf, flagDeployments } from "./flag-deployments.ts";
import { type AdapterOptions, connect, lazy } from "./options.ts";

interface Named {
  Id?: string | undefined;
  Name?: string | undefined;
}

/** States in which an AppConfig deployment still holds its environment (AppConfig API reference, 2026). */
const UNFINISHED = new Set(["DEPLOYING", "BAKING", "VALIDATING", "ROLLING_BACK"]);
const MAX_DESCRIPTION = 1024;

export function createFlags(options: AdapterOptions = {}): FlagsPort {
  const client = lazy(() => connect(AppConfigClient, options));
  const http = { abortSignal: options.signal };
  const deployments = flagDeployments(client, options.signal);

  async function items<T extends Named>(what: string, pages: AsyncIterable<{ Items?: T[] }>): Promise<T[]> {
    const all: T[] = [];
    try {
      for await (const page of pages) all.push(...(page.Items ?? []));
    } catch (error) {
      throw toGoaroundError(error, { operation: "appconfig List", subject: what, missing: "flags-missing" });
    }
    return all;
  }

  /** An id wins over a name, so that a name that looks like another one's id cannot mislead. */
  function pick(kind: string, wanted: string, all: readonly Named[]): string {
    const byName = all.filter((entry) => entry.Name === wanted);
    const found = all.find((entry) => entry.Id === wanted) ?? byName[0];
    if (found?.Id !== undefined && (found.Id === wanted || byName.length === 1)) return found.Id;
    const ambiguous = byName.length > 1;
    throw new GoaroundError(
      "flags-missing",
      "operator",
      ambiguous
        ? `${byName.length} AppConfig ${kind}s are named "${wanted}"`
        : `there is no AppConfig ${kind} "${wanted}"`,
      {
        advice: ambiguous
          ? `Give the id instead: ${byName.map((entry) => entry.Id).join(", ")}.`
          : all.length > 0
            ? `There are: ${all.map((entry) => `${entry.Name} (${entry.Id})`).join(", ")}.`
            : `There is no ${kind} at all: check --region, --profile and the names above it.`,
      },
    );
  }

  return {
    async resolve({ application, environment, profile }) {
      const applications = await items("applications", paginateListApplications({ client: client() }, {}, http));
      const applicationId = pick("application", application, applications);
      const within = { ApplicationId: applicationId };
      const [environments, profiles] = await Promise.all([
        items(`environments of ${application}`, paginateListEnvironments({ client: client() }, within, http)),
        items(`profiles of ${application}`, paginateListConfigurationProfiles({ client: client() }, within, http)),
      ]);
      return {
        applicationId,
        environmentId: pick("environment", environment, environments),
        profileId: pick("configuration profile", profile, profiles),
      };
    },

    async deployed(target) {
      for await (const { number, version, startedAt } of deployments.completed(target)) {
        const content = await deployments.document(target, version);
        return { ...content, version, deploymentNumber: number, deployedAt: startedAt };
      }
      return undefined;
    },

    async activeDeployment(target) {
      const newestFirst = await deployments.list(target, () => true);
      const active = newestFirst.find((item) => UNFINISHED.has(item.State ?? ""));
      return active ? toFlagDeployment(await deployments.read(target, active.DeploymentNumber ?? 0)) : undefined;
    },

    getDeployment: async (target, number) => toFlagDeployment(await deployments.read(target, number)),

    async stopDeployment(target, number) {
      const stop = (AllowRevert: boolean) =>
        client().send(
          new StopDeploymentCommand({
            ...environmentOf(target),
            DeploymentNumber: number,
            ...(AllowRevert ? { AllowRevert } : {}),
          }),
          http,
        );
      try {
        await stop(false);
      } catch (error) {
        const context = {
          operation: "appconfig StopDeployment",
          subject: `flag deployment ${number} of environment ${target.environmentId}`,
          missing: "flags-missing",
        } as const;
        if (errorName(error) !== "BadRequestException") throw toGoaroundError(error, context);
        // One that bakes is stopped only with AllowRevert (API reference, StopDeployment, 2026). Asked for only then: on
        // a deployment that is complete it would undo what nobody asked to undo.
        const { State } = await deployments.read(target, number);
        if (State === "BAKING") await calling(context, stop(true));
        else if (UNFINISHED.has(State ?? "") && State !== "ROLLING_BACK") throw toGoaroundError(error, context);
      }
    },

    async createVersion(target, document, description) {
      const answer = await calling(
        {
          operation: "appconfig CreateHostedConfigurationVersion",
          subject: `profile ${target.profileId}`,
          missing: "flags-missing",
        },
        client().send(
          new CreateHostedConfigurationVersionCommand({
            ApplicationId: target.applicationId,
            ConfigurationProfileId: target.profileId,
            Content: new TextEncoder().encode(JSON.stringify(document)),
            ContentType: "application/json",
            Description: description.slice(0, MAX_DESCRIPTION),
          }),
          http,
        ),
      );
      return answer.VersionNumber ?? 0;
    },

    async deploy(target, version, strategy, description) {
      const answer = await calling(
        {
          operation: "appconfig StartDeployment",
          subject: `version ${version} of profile ${target.profileId}`,
          missing: "flags-missing",
        },
        client().send(
          new StartDeploymentCommand({
            ...environmentOf(target),
            ConfigurationProfileId: target.profileId,
            ConfigurationVersion: String(version),
            DeploymentStrategyId: await strategyId(strategy),
            Description: description.slice(0, MAX_DESCRIPTION),
          }),
          http,
        ),
      );
      return answer.DeploymentNumber ?? 0;
    },

    async monitors(target) {
      const answer = await calling(
        {
          operation: "appconfig GetEnvironment",
          subject: `environment ${target.environmentId}`,
          missing: "flags-missing",
        },
        client().send(new GetEnvironmentCommand(environmentOf(target)), http),
      );
      return (answer.Monitors ?? []).flatMap((monitor) => monitor.AlarmArn?.split(":alarm:")[1] ?? []);
    },
  };

  async function strategyId(wanted: string): Promise<string> {
    if (wanted.startsWith("AppConfig.")) return wanted;
    const pages = paginateListDeploymentStrategies({ client: client() }, {}, http);
    return pick("deployment strategy", wanted, await items("deployment strategies", pages));
  }
}

function toFlagDeployment(found: GetDeploymentCommandOutput): FlagDeployment {
  return {
    number: found.DeploymentNumber ?? 0,
    state: found.State ?? "",
    description: found.Description ?? "",
    profileId: found.ConfigurationProfileId ?? "",
    configurationVersion: found.ConfigurationVersion ?? "",
    startedAt: found.StartedAt,
  };
}
