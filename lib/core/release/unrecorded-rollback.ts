import type { AliasState, DeploymentInfo } from "../ports.ts";
import { aliasPosition } from "./deployment.ts";
import { judgedBad } from "./ended-deployment.ts";
import type { ReleaseRecord } from "./records.ts";

/** Whoever puts an alias back writes that down within this, if at all. Milliseconds. */
const GRACE_MS = 15 * 60_000;

export interface UnrecordedRollback {
  release: ReleaseRecord;
  /** Whether something speaks against the version itself: it had been promoted, or was judged bad. */
  isBad: boolean;
}

/**
 * The newest release of an alias that serves what served before it again, while the ledger holds the release for promoted or
 * open: it did not answer for longer than Lambda tries again. `newest`: the alias's newest deployment that is no rollback.
 */
export function unrecordedRollback(
  alias: Pick<AliasState, "functionName" | "alias" | "functionVersion" | "weights">,
  releases: readonly ReleaseRecord[],
  newest: DeploymentInfo | undefined,
  now: Date,
): UnrecordedRollback | undefined {
  const release = releases
    .filter((one) => one.functionName === alias.functionName && one.alias === alias.alias && one.openedAt !== undefined)
    .sort((a, b) => (a.openedAt < b.openedAt ? 1 : -1))[0];
  if (!release) return undefined;
  const { outcome, baselineVersion: baseline, canaryVersion: canary } = release;
  if (aliasPosition(alias, { baseline, canary }) !== "restored" || baseline === canary) return undefined;
  if (outcome === "promoted" || outcome === "flags-off") return { release, isBad: true };
  const endedAt = newest?.deploymentId === release.deploymentId ? newest.completedAt : undefined;
  if (outcome !== "open" || !newest || !endedAt || now.getTime() - endedAt.getTime() < GRACE_MS) return undefined;
  return { release, isBad: judgedBad(newest, release) !== undefined };
}
