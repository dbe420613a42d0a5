import type { VersionInfo } from "../ports.ts";
import { type AliasRecord, artifactKey, type ReleaseRecord } from "./records.ts";

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

/** What is remembered of a release that went well. A version that proved good is no longer known bad. */
export function promoted(record: AliasRecord | undefined, release: ReleaseRecord, at: Date): Partial<AliasRecord> {
  const key = artifactKey(release.canaryCodeSha256, release.canaryConfigurationHash);
  const { [key]: _, ...knownBad } = record?.knownBad ?? {};
  return {
    lastReleaseId: release.deploymentId,
    lastKnownGood: {
      version: release.canaryVersion,
      codeSha256: release.canaryCodeSha256,
      configurationHash: release.canaryConfigurationHash,
      at: at.toISOString(),
      deploymentId: release.deploymentId,
    },
    knownBad,
  };
}

/** What is remembered when an alias was put back to an earlier version. */
export const putBackTo = (version: VersionInfo, deploymentId: string, at: Date): Partial<AliasRecord> => ({
  lastKnownGood: {
    version: version.version,
    codeSha256: version.codeSha256,
    configurationHash: version.configurationHash,
    at: at.toISOString(),
    deploymentId,
  },
});
