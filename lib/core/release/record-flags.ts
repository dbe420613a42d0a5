import type { Clock, FlagsPort, LedgerPort } from "../ports.ts";
import type { AliasRecord, RecordedFlags, ReleaseRecord } from "./records.ts";
import { profilesOf } from "./release-flags.ts";

interface RecordFlagsPorts {
  clock: Clock;
  flags: Pick<FlagsPort, "resolve" | "deployed">;
  ledger: Pick<LedgerPort, "getAlias" | "changeAlias">;
}

/**
 * Writes down which flag contents a release ended well with, by version and hash: what is deployed now of each profile whose
 * flags belong to it. `first` leaves what was recorded before, so that an event that comes late changes nothing; `again`
 * replaces it, after a change of the release's own. Nothing where the release's version is not the last known good.
 */
export async function recordFlags(
  { clock, flags, ledger }: RecordFlagsPorts,
  release: Pick<ReleaseRecord, "deploymentId" | "functionName" | "alias" | "canaryVersion" | "flags">,
  mode: "first" | "again",
): Promise<void> {
  const { deploymentId, functionName, alias, canaryVersion } = release;
  if (release.flags.length === 0) return;
  const isDue = (record: AliasRecord | undefined) => {
    const good = record?.lastKnownGood;
    // After a rollback the record names the release that was rolled back, and the version before.
    const isIts = good?.deploymentId === deploymentId && good.version === canaryVersion;
    return isIts && (mode === "again" || good.flags === undefined) ? good : undefined;
  };
  if (!isDue(await ledger.getAlias(functionName, alias))) return;
  const at = clock.now().toISOString();
  const recorded: RecordedFlags[] = [];
  for (const { applicationId, environmentId, profileId } of profilesOf(release.flags)) {
    const target = await flags.resolve({ application: applicationId, environment: environmentId, profile: profileId });
    const deployed = await flags.deployed(target);
    if (!deployed) continue;
    const { version, deploymentNumber, hashes } = deployed;
    recorded.push({ applicationId, environmentId, profileId, version, deploymentNumber, ...hashes, at, deploymentId });
  }
  await ledger.changeAlias(functionName, alias, (record) => {
    const good = isDue(record);
    return good && { lastKnownGood: { ...good, flags: recorded } };
  });
}
