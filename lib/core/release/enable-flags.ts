import type { FlagReference } from "../../contract/policy.ts";
import type { AliasState, DeploymentInfo } from "../ports.ts";
import { disarmedBy, type EnvironmentRecord } from "./environment-record.ts";
import { activeFreezes } from "./freeze.ts";
import type { Enabling, ReleaseRecord } from "./records.ts";
import { flagKey } from "./release-flags.ts";

/** A freeze or another flag deployment is waited for so long; then people enable the flags. Milliseconds. */
const PATIENCE_MS = 24 * 3_600_000;
/** Executions that may take over, one after the other, before the sweep gives up. */
const MAX_EXECUTIONS = 10;

type Release = Pick<
  ReleaseRecord,
  "flags" | "functionName" | "canaryVersion" | "outcome" | "verdict" | "enabling" | "harmfulFlagsOff"
>;

/** The flags that are switched on once the release has succeeded. */
export const waitingFlags = ({ flags }: Pick<ReleaseRecord, "flags">): FlagReference[] =>
  flags.flatMap((reference) =>
    reference.enableAfterRelease ? [{ ...reference, flags: reference.enableAfterRelease }] : [],
  );

/** Whether flags still wait for a release, or are on their way. */
export const mustEnable = (
  release: Pick<ReleaseRecord, "flags" | "enabling">,
  { status }: Pick<DeploymentInfo, "status">,
): boolean => status === "Succeeded" && release.enabling?.endedAt === undefined && waitingFlags(release).length > 0;

export const profileKey = ({ applicationId, environmentId, profileId }: Omit<FlagReference, "flags">) =>
  `${applicationId}/${environmentId}/${profileId}`;

export const initialEnabling = (now: Date): Enabling => ({ askedAt: now.toISOString(), deployments: {} });

/** Why nothing more is switched on; undefined while it goes on. `told`: people know already. */
export function whyStop(
  release: Release,
  alias: Pick<AliasState, "functionVersion">,
): { why: string; told: boolean } | undefined {
  const { outcome, verdict, harmfulFlagsOff = [], canaryVersion } = release;
  const harmful = waitingFlags(release).flatMap((reference) =>
    reference.flags.filter((flag) => harmfulFlagsOff.includes(flagKey(reference, flag))),
  );
  if (harmful.length > 0) return { why: `${harmful.join(", ")} was harmful and is switched off`, told: true };
  if (outcome === "flags-off") return { why: "flags of the release were switched off", told: true };
  if (outcome !== "promoted" && outcome !== "open") return { why: `the release was ${outcome}`, told: true };
  if (verdict?.kind === "rollback") return { why: "the version was judged bad", told: true };
  if (alias.functionVersion !== canaryVersion) {
    return { why: `version ${canaryVersion} does not serve any more`, told: false };
  }
  return undefined;
}

/** What holds the flags back for now: an order of people. */
export function heldBack(record: EnvironmentRecord, functionName: string, now: Date): string | undefined {
  const order = disarmedBy(record, functionName, now);
  if (order) return `the guard is disarmed by ${order.by} until ${order.until}: ${order.reason}`;
  const [freeze] = activeFreezes(record.freezes, "flags", functionName, now);
  if (!freeze) return undefined;
  const until = freeze.until ? ` until ${freeze.until.toISOString()}` : "";
  return `flags are frozen by ${freeze.window.by}${until}: ${freeze.window.reason}`;
}

export const isOutOfPatience = ({ askedAt }: Enabling, now: Date) => now.getTime() - Date.parse(askedAt) >= PATIENCE_MS;

/** Undefined after too many: somebody should look first. */
export function nextFlagsExecution(deploymentId: string, last: string | undefined): string | undefined {
  const number = Number(/-flags-(\d+)$/.exec(last ?? "")?.[1] ?? 0) + 1;
  return number > MAX_EXECUTIONS ? undefined : `${deploymentId}-flags-${number}`;
}
