import type { VersionInfo } from "../ports.ts";
import { type AliasRecord, artifactKey, type KnownGood, type ReleaseRecord } from "./records.ts";

/** More than anyone needs to look back; keeps the record far below DynamoDB's 400 KB (developer guide, 2026). */
const MAX_KNOWN_BAD = 100;

/** Whether a guard's hook opened it. A script may write a threshold before; that alone is no record. */
export const isOpened = (record: ReleaseRecord | undefined): record is ReleaseRecord =>
  record?.openedAt !== undefined && record.policy !== undefined;

/** The alias record's known-bad entries with this release's artifact added; the oldest go first. */
export function withKnownBad(
  record: AliasRecord | undefined,
  release: Pick<ReleaseRecord, "canaryCodeSha256" | "canaryConfigurationHash" | "canaryVersion" | "deploymentId">,
  reason: string,
  at: Date,
): AliasRecord["knownBad"] {
  const key = artifactKey(release.canaryCodeSha256, release.canaryConfigurationHash);
  const entry = { version: release.canaryVersion, at: at.toISOString(), reason, deploymentId: release.deploymentId };
  const others = Object.entries(record?.knownBad ?? {}).filter(([other]) => other !== key);
  const newest = others.sort(([, a], [, b]) => (a.at < b.at ? 1 : -1)).slice(0, MAX_KNOWN_BAD - 1);
  return Object.fromEntries([[key, entry], ...newest]);
}

/**
 * What is remembered of a release that went through: its guard time begins, and its version is known good. Only the
 * verdict `promote` clears one that is known bad; where nothing could be decided it stays that, and is not known good.
 */
export function promoted(record: AliasRecord | undefined, release: ReleaseRecord, at: Date): Partial<AliasRecord> {
  const key = artifactKey(release.canaryCodeSha256, release.canaryConfigurationHash);
  const { [key]: bad, ...othersBad } = record?.knownBad ?? {};
  if (bad && release.verdict?.kind !== "promote") return releasedBy(release);
  const good = record?.lastKnownGood;
  // Two may close the same release, and one of them may have recorded its flags meanwhile.
  const flags = good?.deploymentId === release.deploymentId ? good.flags : undefined;
  return {
    ...releasedBy(release),
    lastKnownGood: {
      version: release.canaryVersion,
      codeSha256: release.canaryCodeSha256,
      configurationHash: release.canaryConfigurationHash,
      ...(flags ? { flags } : {}),
      at: at.toISOString(),
      deploymentId: release.deploymentId,
    },
    knownBad: othersBad,
  };
}

/** Whatever the version was found to be: it serves, and alarms count against this release. */
export const releasedBy = ({ deploymentId }: ReleaseRecord): Partial<AliasRecord> => ({ lastReleaseId: deploymentId });

/** What is remembered when an alias was put back to an earlier version. */
export const putBackTo = (
  record: AliasRecord | undefined,
  version: VersionInfo,
  deploymentId: string,
  at: Date,
): Partial<AliasRecord> => ({
  lastKnownGood: { ...artifactOf(record, version), at: at.toISOString(), deploymentId },
});

/** What a version consists of, with the flags that the same artifact was good with when it served before. */
export function artifactOf(
  record: AliasRecord | undefined,
  { version, codeSha256, configurationHash }: VersionInfo,
): Omit<KnownGood, "at" | "deploymentId"> {
  const key = artifactKey(codeSha256, configurationHash);
  const served = [record?.lastKnownGood, ...(record?.rollbackPoints ?? [])];
  const flags = served.find(
    (point) => point?.flags !== undefined && artifactKey(point.codeSha256, point.configurationHash) === key,
  )?.flags;
  return { version, codeSha256, configurationHash, ...(flags ? { flags } : {}) };
}
