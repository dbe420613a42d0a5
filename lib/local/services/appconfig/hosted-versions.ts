import type {
  CreateHostedConfigurationVersionCommandInput,
  DeleteHostedConfigurationVersionCommandInput,
  GetHostedConfigurationVersionCommandInput,
  HostedConfigurationVersion,
  HostedConfigurationVersions,
  ListHostedConfigurationVersionsCommandInput,
  ValidateConfigurationCommandInput,
} from "@aws-sdk/client-appconfig";
import { AwsError } from "../../kernel/errors.ts";
import type { OperationHandler, World } from "../../kernel/service.ts";
import { badRequest, checkLength, conflict, requireMembers } from "./errors.ts";
import { storedForm } from "./feature-flags.ts";
import { FEATURE_FLAGS, type HostedVersionRecord, isActive, type ProfileRecord } from "./model.ts";
import { type AppConfigStore, pageOf } from "./store.ts";
import { validateConfiguration } from "./validators.ts";

/** 1 MB in the documents of 2022 and 2023; may be more today. [unverified] */
const MAX_KILOBYTES = 1_024;

export function hostedVersionOperations(world: World, store: AppConfigStore): Record<string, OperationHandler> {
  return {
    CreateHostedConfigurationVersion(input: CreateHostedConfigurationVersionCommandInput): HostedConfigurationVersion {
      requireMembers(input, ["ApplicationId", "ConfigurationProfileId", "Content", "ContentType"]);
      const profile = store.profile(input.ApplicationId, input.ConfigurationProfileId);
      const { ContentType = "", LatestVersionNumber, VersionLabel } = input;
      // The transport hands blobs over as bytes, whatever else the SDK's type allows callers to give.
      const Content = input.Content as Uint8Array;
      if (LatestVersionNumber !== undefined && LatestVersionNumber !== profile.lastVersion) {
        throw conflict(
          `The latest version of configuration profile ${profile.id} is ${profile.lastVersion}, not ${LatestVersionNumber}`,
        );
      }
      checkLabel(profile, VersionLabel);
      checkSize(Content);
      const previous = profile.versions.get(profile.lastVersion)?.content;
      const record: HostedVersionRecord = {
        number: profile.lastVersion + 1,
        content: profile.type === FEATURE_FLAGS ? storedForm(Content, previous, store.now()) : Content,
        contentType: ContentType,
        description: input.Description,
        label: VersionLabel,
      };
      profile.lastVersion = record.number;
      profile.versions.set(record.number, record);
      return { ...summary(profile, record), Content: record.content };
    },
    GetHostedConfigurationVersion(input: GetHostedConfigurationVersionCommandInput): HostedConfigurationVersion {
      const profile = store.profile(input.ApplicationId, input.ConfigurationProfileId);
      const record = store.hostedVersion(profile, Number(input.VersionNumber));
      return { ...summary(profile, record), Content: record.content };
    },
    /** Newest first. [inferred] */
    ListHostedConfigurationVersions(input: ListHostedConfigurationVersionsCommandInput): HostedConfigurationVersions {
      const profile = store.profile(input.ApplicationId, input.ConfigurationProfileId);
      const matching = [...profile.versions.values()].filter((record) => matchesLabel(record, input.VersionLabel));
      const { items, nextToken } = pageOf(matching.reverse(), input);
      return { Items: items.map((record) => summary(profile, record)), NextToken: nextToken };
    },
    DeleteHostedConfigurationVersion(input: DeleteHostedConfigurationVersionCommandInput): Record<string, never> {
      const profile = store.profile(input.ApplicationId, input.ConfigurationProfileId);
      const record = store.hostedVersion(profile, Number(input.VersionNumber));
      const inUse = store
        .allDeployments()
        .some(
          (deployment) =>
            deployment.profile === profile &&
            deployment.configurationVersion === String(record.number) &&
            isActive(deployment),
        );
      if (inUse) {
        throw conflict(
          `Cannot delete hosted configuration version ${record.number} because a deployment is in progress.`,
        );
      }
      profile.versions.delete(record.number);
      return {};
    },
    async ValidateConfiguration(input: ValidateConfigurationCommandInput): Promise<Record<string, never>> {
      const profile = store.profile(input.ApplicationId, input.ConfigurationProfileId);
      await validateConfiguration(world, profile, store.hostedVersion(profile, input.ConfigurationVersion));
      return {};
    },
  };
}

const summary = (profile: ProfileRecord, record: HostedVersionRecord) => ({
  ApplicationId: profile.applicationId,
  ConfigurationProfileId: profile.id,
  VersionNumber: record.number,
  ...(record.description === undefined ? {} : { Description: record.description }),
  ContentType: record.contentType,
  ...(record.label === undefined ? {} : { VersionLabel: record.label }),
});

/** A label that ends with `*` is a prefix (API reference, ListHostedConfigurationVersions, 2025). */
function matchesLabel(record: HostedVersionRecord, label: string | undefined): boolean {
  if (!label) return true;
  return label.endsWith("*") ? (record.label ?? "").startsWith(label.slice(0, -1)) : record.label === label;
}

function checkLabel(profile: ProfileRecord, label: string | undefined): void {
  if (label === undefined) return;
  checkLength("versionLabel", label, 1, 64);
  if (/^\d+$/.test(label)) throw badRequest(`The version label ${label} must contain a character that is not a digit`);
  if ([...profile.versions.values()].some((record) => record.label === label)) {
    throw badRequest(`The version label ${label} is used by another version of the configuration profile`);
  }
}

function checkSize(content: Uint8Array): void {
  const kilobytes = Math.ceil(content.byteLength / 1024);
  if (kilobytes <= MAX_KILOBYTES) return;
  throw new AwsError(
    "PayloadTooLargeException",
    `The configuration is ${kilobytes} KB; the limit is ${MAX_KILOBYTES} KB`,
    {
      status: 413,
      members: { Measure: "KILOBYTES", Limit: MAX_KILOBYTES, Size: kilobytes },
    },
  );
}
