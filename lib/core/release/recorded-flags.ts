import type { FlagHashes, FlagTarget } from "../ports.ts";
import type { AliasRecord, RecordedFlags } from "./records.ts";

/** Everything that an alias's record holds of flag contents, newest good release first. */
export const recordedFlags = (record: AliasRecord | undefined): RecordedFlags[] =>
  [record?.lastKnownGood, ...(record?.rollbackPoints ?? [])].flatMap((point) => point?.flags ?? []);

export const sameHashes = (a: FlagHashes, b: FlagHashes): boolean =>
  a.definitionsSha256 === b.definitionsSha256 && a.valuesSha256 === b.valuesSha256;

/** What two contents differ in, as far as hashes tell it. */
export const differingHalves = (a: FlagHashes, b: FlagHashes): string =>
  [
    ...(a.definitionsSha256 === b.definitionsSha256 ? [] : ["definitions"]),
    ...(a.valuesSha256 === b.valuesSha256 ? [] : ["values"]),
  ].join(" and ");

/** Enough to tell contents apart; `goaround guard --action status --json` has the whole. */
const SHORT = 8;

export const shortHashes = ({ definitionsSha256, valuesSha256 }: FlagHashes): string =>
  `definitions ${definitionsSha256.slice(0, SHORT)}, values ${valuesSha256.slice(0, SHORT)}`;

/**
 * A hosted version never changes (AppConfig user guide, "Creating a configuration in the AWS AppConfig hosted
 * configuration store", 2026): another content under the same number is not the one that was recorded.
 */
export const notAsRecorded = (now: FlagHashes, { version, profileId, at, deploymentId, ...then }: RecordedFlags) =>
  `version ${version} of profile ${profileId} is not what release ${deploymentId} ended well with on ${at}: its ` +
  `${differingHalves(now, then)} differ (${shortHashes(now)}; recorded ${shortHashes(then)}). The profile was deleted ` +
  "and made anew, or somebody has tampered with it";

/** What one hosted version holds, for a person to look at. */
export const lookCommand = ({ applicationId, profileId }: FlagTarget, version: number): string =>
  `aws appconfig get-hosted-configuration-version --application-id ${applicationId} --configuration-profile-id ${profileId} --version-number ${version} /dev/stdout`;
