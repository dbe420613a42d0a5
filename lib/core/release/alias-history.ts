import type { Policy } from "../../contract/policy.ts";
import type { VersionInfo } from "../ports.ts";
import { openAttended } from "./attended.ts";
import { artifactOf } from "./ledger-rules.ts";
import type { AliasRecord, ReleaseEntry, ReleaseRecord, RollbackPoint } from "./records.ts";

/** Half a year of weekly releases; the release records themselves are kept for a year. */
const MAX_RELEASES = 25;
/** More than anyone goes back; with five flag profiles each, 30 KB of the 400 that DynamoDB takes. */
const MAX_POINTS = 10;

type Opened = Pick<ReleaseRecord, "deploymentId" | "baselineVersion" | "canaryVersion" | "openedAt"> & {
  policy?: Pick<Policy, "steps">;
};

/**
 * What is remembered of an alias before a release may touch it: the release, and where it can go back to (`baseline`; none of
 * a release that is refused). A release that a command drives is there until it has ended, however many come after it.
 */
export function withOpened(
  record: AliasRecord | undefined,
  release: Opened,
  baseline: VersionInfo | undefined,
): Partial<AliasRecord> {
  const { deploymentId, baselineVersion, canaryVersion, openedAt } = release;
  const entry: ReleaseEntry = {
    deploymentId,
    baselineVersion,
    canaryVersion,
    openedAt,
    outcome: "open",
    closedAt: undefined,
    ...(release.policy?.steps ? { hasSteps: true } : {}),
  };
  const open = openAttended(record);
  const all = [entry, ...without(record?.releases, deploymentId)];
  const releases = all.filter((each, i) => i < MAX_RELEASES || each === open);
  if (!baseline) return { releases };
  const point: RollbackPoint = { ...artifactOf(record, baseline), at: openedAt, deploymentId };
  // A version once, when it was last left: what has gone before it is as far back for however many releases failed since.
  const others = (record?.rollbackPoints ?? []).filter((each) => each.version !== point.version);
  return { releases, rollbackPoints: [point, ...others].slice(0, MAX_POINTS) };
}

/** How the release ended. One that was never written down as begun is not in the history: undefined then. */
export function withOutcome(
  record: AliasRecord | undefined,
  { deploymentId, outcome, closedAt }: Pick<ReleaseRecord, "deploymentId" | "outcome" | "closedAt">,
): Partial<AliasRecord> | undefined {
  const releases = record?.releases;
  if (!releases?.some((entry) => entry.deploymentId === deploymentId)) return undefined;
  return {
    releases: releases.map((entry) => (entry.deploymentId === deploymentId ? { ...entry, outcome, closedAt } : entry)),
  };
}

const without = (entries: readonly ReleaseEntry[] | undefined, deploymentId: string): ReleaseEntry[] =>
  (entries ?? []).filter((entry) => entry.deploymentId !== deploymentId);
