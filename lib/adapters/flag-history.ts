import {
  AppConfigClient,
  type DeploymentSummary,
  GetHostedConfigurationVersionCommand,
  paginateListDeployments,
  StopDeploymentCommand,
} from "@aws-sdk/client-appconfig";
import type { FlagTarget } from "../core/ports.ts";
import type { FlagHistoryPort } from "../core/release/configuration-rollback.ts";
import { calling, toGoaroundError } from "./errors.ts";
import { type AdapterOptions, clientConfig, lazy, watched } from "./options.ts";

/** What AppConfig keeps of earlier flag deployments. */
export function createFlagHistory(options: AdapterOptions = {}): FlagHistoryPort {
  const client = lazy(() => watched(new AppConfigClient(clientConfig(options)), options));
  const http = { abortSignal: options.signal };
  const within = (target: FlagTarget) => ({
    ApplicationId: target.applicationId,
    EnvironmentId: target.environmentId,
  });
  return {
    async completed(target) {
      const all: DeploymentSummary[] = [];
      try {
        for await (const page of paginateListDeployments({ client: client() }, within(target), http)) {
          all.push(...(page.Items ?? []));
        }
      } catch (error) {
        throw toGoaroundError(error, {
          operation: "appconfig ListDeployments",
          subject: `environment ${target.environmentId}`,
          missing: "flags-missing",
        });
      }
      return all
        .filter((item) => item.State === "COMPLETE" && item.ConfigurationProfileId === target.profileId)
        .map((item) => ({
          number: item.DeploymentNumber ?? 0,
          version: Number(item.ConfigurationVersion),
          completedAt: item.CompletedAt,
        }))
        .sort((a, b) => b.number - a.number);
    },

    async content(target, version) {
      const { Content } = await calling(
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
      return JSON.parse(new TextDecoder().decode(Content)) as Record<string, unknown>;
    },

    async revert(target, DeploymentNumber) {
      await calling(
        {
          operation: "appconfig StopDeployment",
          subject: `flag deployment ${DeploymentNumber} of environment ${target.environmentId}`,
          missing: "flags-missing",
        },
        client().send(new StopDeploymentCommand({ ...within(target), DeploymentNumber, AllowRevert: true }), http),
      );
    },
  };
}
