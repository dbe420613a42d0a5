import type { VersionInfo } from "../ports.ts";
import { type AliasRecord, artifactKey, type ReleaseRecord } from "./records.ts";

export interface RollbackTargets {
  /** Best first. */
  candidates: string[];
  /** What was looked at and why it is none: for whoever has to choose by hand. */
  rejected: { version: string; why: string }[];
}

/**
 * Where an automatic rollback may go, without anybody to ask: the release's baseline, then what was good last, then what
 * served before that. Never the version that is left, one that is known bad, or one that does not exist any more.
 */
export function rollbackTargets(
  release: Pick<ReleaseRecord, "baselineVersion" | "canaryVersion">,
  record: AliasRecord | undefined,
  versions: readonly VersionInfo[],
): RollbackTargets {
  const points = (record?.rollbackPoints ?? []).map(({ version }) => version);
  const known = [release.baselineVersion, record?.lastKnownGood?.version, ...points];
  const wanted = [...new Set(known)].filter((version) => version !== undefined && version !== release.canaryVersion);
  const rejected: RollbackTargets["rejected"] = [];
  const candidates = wanted.filter((version): version is string => {
    const why = objection(
      versions.find((info) => info.version === version),
      record,
    );
    if (why !== undefined) rejected.push({ version: version!, why });
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
