import {
  AppConfigClient,
  CreateHostedConfigurationVersionCommand,
  GetDeploymentCommand,
  type GetDeploymentCommandOutput,
  GetEnvironmentCommand,
  GetHostedConfigurationVersionCommand,
  paginateListApplications,
  paginateListConfigurationProfiles,
  paginateListDeploymentStrategies,
  paginateListDeployments,
  paginateListEnvironments,
  StartDeploymentCommand,
  StopDeploymentCommand,
} from "@aws-sdk/client-appconfig";
import { GoaroundError } from "../core/errors.ts";
import type { FlagDeployment, FlagsPort, FlagTarget } from "../core/ports.ts";
import { calling, errorName, toGoaroundError } from "./errors.ts";
import { type AdapterOptions, clientConfig, lazy, watched } from "./options.ts";

interface Named {
  Id?: string | undefined;
  Name?: string | undefined;
}

/** States in which an AppConfig deployment still holds its environment (AppConfig API reference, 2026). */
const UNFINISHED = new Set(["DEPLOYING", "BAKING", "VALIDATING", "ROLLING_BACK"]);
const MAX_DESCRIPTION = 1024;

export function createFlags(options: AdapterOptions = {}): FlagsPort {
  const client = lazy(() => watched(new AppConfigClient(clientConfig(options)), options));
  const http = { abortSignal: options.signal };
  const deploymentOf = (target: FlagTarget) => ({
    ApplicationId: target.applicationId,
    EnvironmentId: target.environmentId,
  });

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

  async function read(target: FlagTarget, number: number): Promise<GetDeploymentCommandOutput> {
    return calling(
      {
        operation: "appconfig GetDeployment",
        subject: `flag deployment ${number} of environment ${target.environmentId}`,
        missing: "flags-missing",
      },
      client().send(new GetDeploymentCommand({ ...deploymentOf(target), DeploymentNumber: number }), http),
    );
  }

  async function summaries(target: FlagTarget, isEnough: (state: string) => boolean) {
    const all = [];
    try {
      const pages = paginateListDeployments({ client: client(), pageSize: 50 }, deploymentOf(target), http);
      for await (const page of pages) {
        all.push(...(page.Items ?? []));
        if ((page.Items ?? []).some((item) => isEnough(item.State ?? ""))) break;
      }
    } catch (error) {
      throw toGoaroundError(error, {
        operation: "appconfig ListDeployments",
        subject: `environment ${target.environmentId} of application ${target.applicationId}`,
        missing: "flags-missing",
      });
    }
    // The order of the answer is not documented: numbers rise with time.
    return all.sort((a, b) => (b.DeploymentNumber ?? 0) - (a.DeploymentNumber ?? 0));
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
      const completed = (await summaries(target, () => false)).filter((item) => item.State === "COMPLETE");
      for (const summary of completed) {
        // Older services leave the profile's id out of the summary; then the deployment itself has it.
        const known = summary.ConfigurationProfileId;
        if (known !== undefined && known !== target.profileId) continue;
        const found = known === undefined ? await read(target, summary.DeploymentNumber ?? 0) : summary;
        if (found.ConfigurationProfileId !== target.profileId) continue;
        const version = Number(found.ConfigurationVersion);
        const answer = await calling(
          {
            operation: "appconfig GetHostedConfigurationVersion",
            subject: `version ${version} of profile ${target.profileId}`,
            missing: "flags-missing",
          },
          client().send(
            new GetHostedConfigurationVersionCommand({
              ApplicationId: target.applicationId,
              ConfigurationProfileId: target.profileId,
              VersionNumber: version,
            }),
            http,
          ),
        );
        return {
          version,
          contentType: answer.ContentType ?? "",
          document: parseDocument(target, version, answer.Content),
          deployedAt: found.StartedAt,
        };
      }
      return undefined;
    },

    async activeDeployment(target) {
      const newestFirst = await summaries(target, () => true);
      const active = newestFirst.find((item) => UNFINISHED.has(item.State ?? ""));
      return active ? toFlagDeployment(await read(target, active.DeploymentNumber ?? 0)) : undefined;
    },

    getDeployment: async (target, number) => toFlagDeployment(await read(target, number)),

    async stopDeployment(target, number) {
      const stop = (AllowRevert: boolean) =>
        client().send(
          new StopDeploymentCommand({
            ...deploymentOf(target),
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
        const { State } = await read(target, number);
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
            ...deploymentOf(target),
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
        client().send(new GetEnvironmentCommand(deploymentOf(target)), http),
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

function parseDocument(target: FlagTarget, version: number, content: Uint8Array | undefined): Record<string, unknown> {
  const problem = (why: string, cause?: unknown) =>
    new GoaroundError("flags-missing", "operator", `version ${version} of profile ${target.profileId} ${why}`, {
      advice: "Name a profile of type AWS.AppConfig.FeatureFlags.",
      cause,
    });
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(content));
  } catch (error) {
    throw problem("is not JSON", error);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw problem("is not a flag document");
  return value as Record<string, unknown>;
}
