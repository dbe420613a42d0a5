import {
  AppConfigClient,
  DeleteHostedConfigurationVersionCommand,
  paginateListHostedConfigurationVersions,
} from "@aws-sdk/client-appconfig";
import type { FlagTarget } from "../core/ports.ts";
import { calling, isNotFound, toGoaroundError } from "./errors.ts";
import { type AdapterOptions, connect, lazy } from "./options.ts";

/** Clears a profile: AppConfig deletes none that has hosted versions (API reference, DeleteConfigurationProfile, 2026). */
export function createHostedVersions(options: AdapterOptions = {}) {
  const client = lazy(() => connect(AppConfigClient, options));
  const http = { abortSignal: options.signal };
  return {
    async deleteAll({ applicationId, profileId }: FlagTarget): Promise<void> {
      const of = { ApplicationId: applicationId, ConfigurationProfileId: profileId };
      const about = { operation: "appconfig DeleteHostedConfigurationVersion", subject: `profile ${profileId}` };
      const numbers: number[] = [];
      try {
        for await (const page of paginateListHostedConfigurationVersions({ client: client() }, of, http)) {
          for (const { VersionNumber } of page.Items ?? [])
            if (VersionNumber !== undefined) numbers.push(VersionNumber);
        }
      } catch (error) {
        if (isNotFound(error)) return;
        throw toGoaroundError(error, about);
      }
      for (const VersionNumber of numbers) {
        await calling(
          about,
          client().send(new DeleteHostedConfigurationVersionCommand({ ...of, VersionNumber }), http),
        );
      }
    },
  };
}
