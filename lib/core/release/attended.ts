import type { Verdict } from "../judge/types.ts";
import type { AliasState } from "../ports.ts";
import type { RollbackRecord } from "./journal.ts";
import type { AliasRecord, Attendance, ReleaseEntry, ReleaseRecord } from "./records.ts";
import { servingVersions } from "./rollback-plan.ts";
import { NOTHING_JUDGED, notDecided, stageGate } from "./staged.ts";

/** What a release is called that no deployment names. */
const ATTENDED_ID = /^s-[A-Z0-9]{9}$/;
export const isAttendedId = (id: string) => ATTENDED_ID.test(id);
/** The id that a UUID makes; nobody chooses one twice. */
export const attendedIdOf = (uuid: string) => `s-${uuid.replaceAll("-", "").slice(0, 9).toUpperCase()}`;

/** A sign of life so often. Milliseconds. */
export const BEAT_MS = 20_000;
/** Without one for so long, measured by whoever watches, the command is gone. Milliseconds. */
export const GONE_MS = 60_000;
/** Older than clocks that are five minutes off either way can explain: gone without watching. Milliseconds. */
const SURELY_GONE_MS = GONE_MS + 10 * 60_000;
/** However short a stage is, it may wait so long for what is missing. Milliseconds. */
const SHORTEST_WAIT_MS = 10 * 60_000;
const IDLE_MS = 60_000;
const MINUTE_MS = 60_000;

type Release = Pick<ReleaseRecord, "policy" | "judging" | "staged">;

export interface AttendedFacts {
  now: Date;
  release: Release;
  /** When the next look can be taken; undefined while there is none to take. */
  nextLookAt: Date | undefined;
  /** What else speaks against the next stage: alarms that have turned red. */
  objections: readonly string[];
}

/**
 * What a release that a command drives needs next.
 *
 * - `set-share`: the next stage begins, and why; at 100 the new version has all traffic
 * - `look`: minutes can be judged; `roll-back`: the new version is worse, or nothing could be decided and policy says so
 * - `promote`: all traffic is there; `wait`: and what for
 */
export type AttendedStep =
  | { kind: "set-share"; percent: number; verdict: Verdict }
  | { kind: "look" }
  | { kind: "roll-back"; verdict: Verdict }
  | { kind: "promote"; verdict: Verdict }
  | { kind: "wait"; until: Date; why: string };

/** No hook waits: a stage that is over may wait as long again, ten minutes at least, for evidence and green alarms. */
export function nextAttendedStep({ now, release, nextLookAt, objections }: AttendedFacts): AttendedStep {
  const { policy, judging, staged } = release;
  const stages = policy.staged?.stages ?? [];
  const steps = staged?.steps ?? [];
  const current = steps.at(-1);
  const verdict = judging?.verdict ?? NOTHING_JUDGED;
  if (verdict.kind === "rollback" && policy.automaticRollback) return { kind: "roll-back", verdict };
  if (current?.percent === 100) return { kind: "promote", verdict };
  if (nextLookAt !== undefined && nextLookAt <= now) return { kind: "look" };
  if (!current) return { kind: "set-share", percent: stages[0]!.percent, verdict };
  const next = stages[steps.length]!;
  const stageMs = stages[steps.length - 1]!.minutes * MINUTE_MS;
  const ends = new Date(Date.parse(current.at) + stageMs);
  const gate = stageGate(release, now);
  const red = objections.length > 0 ? objections.join("; ") : undefined;
  const why = gate.open ? red : gate.why;
  if (why === undefined) return { kind: "set-share", percent: next.percent, verdict };
  const limit = new Date(ends.getTime() + Math.max(stageMs, SHORTEST_WAIT_MS));
  if (now >= limit) {
    const late = notDecided(
      `the stage of ${current.percent} % has had all its time and ${why}`,
      limit.getTime() - Date.parse(current.at),
    );
    const goes = red === undefined && (policy.onInconclusive === "promote-and-bake" || !policy.automaticRollback);
    return goes
      ? { kind: "set-share", percent: next.percent, verdict: { ...verdict, findings: [...verdict.findings, late] } }
      : { kind: "roll-back", verdict: { ...verdict, kind: "inconclusive", reasons: [late, ...verdict.reasons] } };
  }
  const times = [nextLookAt, ends > now ? ends : undefined, new Date(now.getTime() + IDLE_MS), limit];
  return { kind: "wait", until: new Date(Math.min(...times.flatMap((time) => time?.getTime() ?? []))), why };
}

/** The release of an alias that a command drives and that has not ended. */
export const openAttended = (record: AliasRecord | undefined): ReleaseEntry | undefined =>
  record?.releases?.find(({ deploymentId, outcome }) => outcome === "open" && isAttendedId(deploymentId));

/** The newest release of an alias that a command drove. */
export const newestAttended = (record: AliasRecord | undefined): ReleaseEntry | undefined =>
  record?.releases?.find(({ deploymentId }) => isAttendedId(deploymentId));

type Split = Pick<AliasState, "functionVersion" | "weights">;

/** It has traffic now: the alias serves its version, and no later release has brought that. */
export const hasTraffic = (
  release: Pick<ReleaseRecord, "openedAt" | "canaryVersion">,
  record: AliasRecord | undefined,
  alias: Split,
): boolean => servingVersions(alias).includes(release.canaryVersion) && !isSuperseded(release, record);

/** What serves was brought by a release that began later. */
function isSuperseded({ openedAt }: Pick<ReleaseRecord, "openedAt">, record: AliasRecord | undefined): boolean {
  const brought = record?.releases?.find(({ deploymentId }) => deploymentId === record.lastReleaseId);
  return brought !== undefined && Date.parse(brought.openedAt) > Date.parse(openedAt);
}

export interface RedFacts {
  /** When it turned red. */
  at: Date;
  record: AliasRecord | undefined;
  alias: Split;
  journal: Pick<RollbackRecord, "deploymentId"> | undefined;
}

/**
 * Whether what turned red may be the doing of a release that a command drives. One that has not ended may have been left
 * behind by a command that is gone, days ago: it is to blame only while it has traffic, has just lost it, or is being
 * taken back.
 */
export function mayBeItsDoing(release: ReleaseRecord, { at, record, alias, journal }: RedFacts): boolean {
  const { openedAt, closedAt, staged, attended, baselineVersion, deploymentId } = release;
  if (closedAt !== undefined) return at >= new Date(openedAt) && at <= new Date(closedAt);
  if (hasTraffic(release, record, alias)) return true;
  if (isSuperseded(release, record) || alias.functionVersion !== baselineVersion) return false;
  if (journal?.deploymentId === deploymentId) return true;
  const hadTraffic = (staged?.steps.length ?? 0) > 0;
  return hadTraffic && attended !== undefined && at.getTime() <= Date.parse(attended.beatAt) + SURELY_GONE_MS;
}

/**
 * Whether the command behind a release lives. `unchangedMs`: how long whoever asks has seen no sign of life, by its own
 * timer, so that a clock which is off takes nothing away from anybody.
 */
export function isDriven({ owner, beatAt }: Attendance, unchangedMs: number, now: Date): boolean {
  if (owner === undefined || unchangedMs >= GONE_MS) return false;
  return now.getTime() - Date.parse(beatAt) < SURELY_GONE_MS;
}

/** The command that drives a release like this one; the same again goes on with it. */
export function attendedCommand({ functionName, alias, canaryVersion, policy }: CommandOf): string {
  const stages = (policy.staged?.stages ?? []).map(({ percent, minutes }) =>
    percent === 100 ? "100" : `${percent}:${minutes % 60 === 0 ? `${minutes / 60}h` : `${minutes}m`}`,
  );
  const where = `--function-name ${functionName} --alias ${alias} --version ${canaryVersion}`;
  return `goaround deploy ${where} --stages ${stages.join(",")} --detach`;
}

type CommandOf = Pick<ReleaseRecord, "functionName" | "alias" | "canaryVersion" | "policy">;

/** The command that ends it, whoever drives it. */
export const takeBackCommand = ({ functionName, alias }: Pick<ReleaseRecord, "functionName" | "alias">) =>
  `goaround rollback --action rollback-function --function-name ${functionName} --alias ${alias}`;
