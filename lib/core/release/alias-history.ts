import type { VersionInfo } from "../ports.ts";
import { artifactOf } from "./ledger-rules.ts";
import type { AliasRecord, ReleaseEntry, ReleaseRecord, RollbackPoint } from "./records.ts";

/** Half a year of weekly releases; the release records themselves are kept for a year. */
const MAX_RELEASES = 25;
/** More than anyone goes back; with five flag profiles each, 30 KB of the 400 that DynamoDB takes. */
const MAX_POINTS = 10;

type Opened = Pick<ReleaseRecord, "deploymentId" | "baselineVersion" | "canaryVersion" | "openedAt">;

/** What is remembered of an alias before a release may touch it: the release, and where it can go back to. */
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
  };
  const releases = [entry, ...without(record?.releases, deploymentId)].slice(0, MAX_RELEASES);
  if (!baseline) return { releases };
  const point: RollbackPoint = { ...artifactOf(record, baseline), at: openedAt, deploymentId };
  return { releases, rollbackPoints: [point, ...without(record?.rollbackPoints, deploymentId)].slice(0, MAX_POINTS) };
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

const without = <T extends { deploymentId: string }>(entries: readonly T[] | undefined, deploymentId: string): T[] =>
  (entries ?? []).filter((entry) => entry.deploymentId !== deploymentId);
