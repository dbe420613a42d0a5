import {
  type AppConfigClient,
  type DeploymentSummary,
  GetDeploymentCommand,
  type GetDeploymentCommandOutput,
  GetHostedConfigurationVersionCommand,
  paginateListDeployments,
} from "@aws-sdk/client-appconfig";
import { GoaroundError } from "../core/errors.ts";
import type { FlagContent, FlagTarget } from "../core/ports.ts";
import { calling, toGoaroundError } from "./errors.ts";
import { flagHashes } from "./flag-hashes.ts";

export const environmentOf = (target: FlagTarget) => ({
  ApplicationId: target.applicationId,
  EnvironmentId: target.environmentId,
});

/** Reads deployments of flags and what they deployed. All throw GoaroundError. */
export function flagDeployments(client: () => AppConfigClient, abortSignal: AbortSignal | undefined) {
  const http = { abortSignal };

  async function read(target: FlagTarget, number: number): Promise<GetDeploymentCommandOutput> {
    return calling(
      {
        operation: "appconfig GetDeployment",
        subject: `flag deployment ${number} of environment ${target.environmentId}`,
        missing: "flags-missing",
      },
      client().send(new GetDeploymentCommand({ ...environmentOf(target), DeploymentNumber: number }), http),
    );
  }

  /** Newest first; reads no further page once a state of the page before is enough. */
  async function list(target: FlagTarget, isEnough: (state: string) => boolean): Promise<DeploymentSummary[]> {
    const all: DeploymentSummary[] = [];
    try {
      const pages = paginateListDeployments({ client: client(), pageSize: 50 }, environmentOf(target), http);
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

  /** Those of the profile that went through, newest first. */
  async function* completed(target: FlagTarget) {
    for (const summary of await list(target, () => false)) {
      if (summary.State !== "COMPLETE") continue;
      const { DeploymentNumber: number = 0, ConfigurationProfileId: known } = summary;
      if (known !== undefined && known !== target.profileId) continue;
      // Older services leave the profile's id out of the summary; then the deployment itself has it.
      const found = known === undefined ? await read(target, number) : summary;
      if (found.ConfigurationProfileId !== target.profileId) continue;
      const { StartedAt: startedAt, CompletedAt: completedAt } = found;
      yield { number, version: Number(found.ConfigurationVersion), startedAt, completedAt };
    }
  }

  async function document(target: FlagTarget, version: number): Promise<FlagContent> {
    const { Content, ContentType = "" } = await calling(
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
    const parsed = parseDocument(target, version, Content);
    return { contentType: ContentType, document: parsed, hashes: flagHashes(parsed) };
  }

  return { read, list, completed, document };
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
