import type { VersionInfo } from "../ports.ts";
import { type AliasRecord, artifactKey, type ReleaseRecord } from "./records.ts";

export interface RollbackTargets {
  /** Best first. */
  candidates: string[];
  /** What was looked at and why it is none: for whoever has to choose by hand. */
  rejected: { version: string; why: string }[];
}

type Release = Pick<ReleaseRecord, "baselineVersion" | "canaryVersion">;

/** Each is a call to Lambda before traffic is moved; who needs to go further back is asked. */
const MAX_WANTED = 4;

/** What to look at, best first: the release's baseline, then what was good last, then what served before that. */
export function wantedTargets(release: Release, record: AliasRecord | undefined): string[] {
  const points = (record?.rollbackPoints ?? []).map(({ version }) => version);
  const wanted = [release.baselineVersion, record?.lastKnownGood?.version, ...points];
  return [...new Set(wanted)]
    .filter((version): version is string => version !== undefined && version !== release.canaryVersion)
    .slice(0, MAX_WANTED);
}

/**
 * Where an automatic rollback may go, without anybody to ask. Never the version that is left, one that is known bad, or
 * one that does not exist any more. `versions`: what Lambda says of each one itself; its list of versions leaves their
 * state out.
 */
export function rollbackTargets(
  release: Release,
  record: AliasRecord | undefined,
  versions: readonly VersionInfo[],
): RollbackTargets {
  const rejected: RollbackTargets["rejected"] = [];
  const candidates = wantedTargets(release, record).filter((version) => {
    const info = versions.find((one) => one.version === version);
    const why = objection(info, record);
    if (why !== undefined) rejected.push({ version, why });
    return why === undefined;
  });
  return { candidates, rejected };
}

/** A version that Lambda has put to sleep wakes up when it is called: that is no objection. */
function objection(info: VersionInfo | undefined, record: AliasRecord | undefined): string | undefined {
  if (!info) return "does not exist any more";
  const bad = record?.knownBad[artifactKey(info.codeSha256, info.configurationHash)];
  if (bad) return `is known bad (${bad.reason}, ${bad.deploymentId})`;
  return info.state === "Active" || info.state === "Inactive" ? undefined : `is ${info.state}`;
}
