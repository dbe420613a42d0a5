import type { FlagReference } from "../../contract/policy.ts";
import { COOLDOWN_SECONDS } from "./cooldown.ts";
import type { EnvironmentRecord } from "./environment-record.ts";
import type { FlagResult, ReleaseRecord } from "./records.ts";

/**
 * A release that begins this long after the last one of its group has ended belongs to the next wave. Long enough for a
 * pipeline between two stacks, short enough that yesterday's release is not undone with today's. Minutes.
 */
const WAVE_GAP_MINUTES = 60;
/** CodeDeploy shifts for two days at most, and each hook may take an hour: what is open longer was never closed. */
const LONGEST_RELEASE_HOURS = 50;
/**
 * What all waves together may take of the environment's record, as JSON. An item of DynamoDB has at most 400 KB (developer
 * guide, quotas, 2026), and a record that no longer fits takes neither a release of a group nor a person's order.
 */
const MAX_GROUPS_LENGTH = 250_000;

/** A function of a release group, with what the group's current wave did to it. */
export interface GroupMember {
  functionName: string;
  alias: string;
  /** Its newest release of the wave. */
  deploymentId: string;
  application: string;
  /** The CodeDeploy deployment group. */
  group: string;
  /** What served before the wave. */
  baselineVersion: string;
  canaryVersion: string;
  /** All versions that the wave brought, the canary included. */
  brought: string[];
  flags: FlagReference[];
  openedAt: string;
  /** Its policy says after which function of the group it is released: none of the others while it is open. */
  rolling?: true;
  /** Its policy says that nothing is rolled back automatically. */
  byHand?: true;
}

/** How one member's way back ended. */
export interface MemberResult {
  functionName: string;
  alias: string;
  deploymentId: string;
  /**
   * `restored` now; `was-back` already; `own-rollback`: whoever answers that release's failure does it; `left` by a
   * person's order; `failed`
   */
  outcome: "restored" | "was-back" | "own-rollback" | "left" | "failed";
  /** The version that it serves, where that is known. */
  version: string | undefined;
  detail: string | undefined;
}

export interface GroupRevert {
  since: string;
  by: string;
  reason: string;
  /** When all that was to be done was done; until then members are not released. */
  doneAt: string | undefined;
  members: MemberResult[];
  flags: FlagResult[];
}

/** What a group released together, in the order of release; it is undone together. */
export interface GroupWave {
  /** The release that began it. */
  id: string;
  members: GroupMember[];
  revert: GroupRevert | undefined;
}

type Groups = Pick<EnvironmentRecord, "groups">;

/** Of a release that may begin. */
export const memberOf = (release: ReleaseRecord): GroupMember => {
  const { functionName, alias, deploymentId, application, group, baselineVersion, canaryVersion, flags } = release;
  return {
    ...{ functionName, alias, deploymentId, application, group, baselineVersion, canaryVersion, flags },
    brought: [canaryVersion],
    openedAt: release.openedAt,
    ...(release.policy.releaseAfter === undefined ? {} : { rolling: true as const }),
    ...(release.policy.automaticRollback ? {} : { byHand: true as const }),
  };
};

/** Whether a release of a group may still fail: its hook after the traffic has not been answered for. */
const isUnverified = (release: Pick<ReleaseRecord, "openedAt" | "closedAt" | "postTrafficStatus">, now: Date) =>
  release.closedAt === undefined &&
  release.postTrafficStatus !== "Succeeded" &&
  now.getTime() - Date.parse(release.openedAt) < LONGEST_RELEASE_HOURS * 3_600_000;

/**
 * A rolling group releases one function at a time: the other member of the wave that has to be verified first. `releases`
 * has the records that were read; one that is missing there has only just joined.
 */
export function rollingBehind(
  next: GroupMember,
  wave: GroupWave | undefined,
  releases: ReadonlyMap<string, ReleaseRecord | undefined>,
  now: Date,
): GroupMember | undefined {
  if (!wave || wave.revert) return undefined;
  return wave.members.find(
    (member) =>
      member.deploymentId !== next.deploymentId &&
      (next.rolling || member.rolling) &&
      isUnverified(releases.get(member.deploymentId) ?? { openedAt: member.openedAt, closedAt: undefined }, now),
  );
}

const sameAlias = (a: Pick<GroupMember, "functionName" | "alias">, b: Pick<GroupMember, "functionName" | "alias">) =>
  a.functionName === b.functionName && a.alias === b.alias;

/**
 * Whether another release of the group belongs to the wave: one of it is open, or the last has just ended. A function
 * that has been released in it already begins the next one, unless something of it is still open.
 */
export function isCurrent(
  wave: GroupWave | undefined,
  releases: readonly (Pick<ReleaseRecord, "openedAt" | "closedAt"> | undefined)[],
  next: Pick<GroupMember, "functionName" | "alias">,
  now: Date,
): wave is GroupWave {
  if (!wave || wave.revert) return false;
  const isAgain = wave.members.some((member) => sameAlias(member, next));
  return releases.some((release) => {
    if (!release) return false;
    const { openedAt, closedAt } = release;
    if (closedAt === undefined) return now.getTime() - Date.parse(openedAt) < LONGEST_RELEASE_HOURS * 3_600_000;
    return !isAgain && now.getTime() - Date.parse(closedAt) < WAVE_GAP_MINUTES * 60_000;
  });
}

/**
 * The group with one more release: in the wave `current`, or as the first of a new one. A function that is released
 * again in the same wave still goes back to what served before the wave.
 */
export function withMember(
  record: Groups,
  name: string,
  member: GroupMember,
  current: string | undefined,
): Groups | undefined {
  const wave = record.groups[name];
  if (wave?.members.some(({ deploymentId }) => deploymentId === member.deploymentId)) return undefined;
  if (!wave || wave.revert || wave.id !== current) {
    return withWave(record, name, { id: member.deploymentId, members: [member], revert: undefined });
  }
  const before = wave.members.find((other) => sameAlias(other, member));
  const joined = before
    ? {
        ...member,
        baselineVersion: before.baselineVersion,
        brought: [...before.brought, member.canaryVersion],
        flags: [...member.flags, ...before.flags],
      }
    : member;
  const members = [...wave.members.filter((other) => !sameAlias(other, member)), joined];
  return withWave(record, name, { ...wave, members });
}

/** With one wave written. When there is too much, those go whose newest release is the oldest, and none that is on its way back. */
function withWave({ groups }: Groups, name: string, wave: GroupWave): Groups {
  const { [name]: _, ...others } = groups;
  const newest = ({ members }: GroupWave) => members.map(({ openedAt }) => openedAt).reduce((a, b) => (a > b ? a : b));
  const isUnfinished = ({ revert }: GroupWave) => revert !== undefined && revert.doneAt === undefined;
  let length = JSON.stringify({ ...others, [name]: wave }).length;
  const dispensable = Object.entries(others).filter(([, other]) => !isUnfinished(other));
  for (const [old, other] of dispensable.sort(([, a], [, b]) => (newest(a) < newest(b) ? -1 : 1))) {
    if (length <= MAX_GROUPS_LENGTH) break;
    length -= JSON.stringify(other).length;
    delete others[old];
  }
  return { groups: { ...others, [name]: wave } };
}

/** The wave that a release is part of, and its group. */
export function waveOf(
  { groups }: Groups,
  { deploymentId }: Pick<ReleaseRecord, "deploymentId">,
): { name: string; wave: GroupWave } | undefined {
  const found = Object.entries(groups).find(([, { members }]) =>
    members.some((member) => member.deploymentId === deploymentId),
  );
  return found && { name: found[0], wave: found[1] };
}

/**
 * The group whose wave is on its way back, with this function in it or about to join it. Where the guard put it back the group
 * rests for the cooldown: the rest of a deploy that failed must not begin a wave of its own.
 */
export function revertingGroup(
  { groups }: Groups,
  release: { functionName: string; alias: string; releaseGroup: string | undefined },
  now: Date,
): { name: string; revert: GroupRevert; restsUntil: Date | undefined } | undefined {
  for (const [name, { members, revert }] of Object.entries(groups)) {
    if (!revert) continue;
    const restsUntil = restOf(revert);
    if (revert.doneAt !== undefined && !(restsUntil && restsUntil > now)) continue;
    if (name === release.releaseGroup || members.some((member) => sameAlias(member, release))) {
      return { name, revert, restsUntil };
    }
  }
  return undefined;
}

const restOf = ({ by, doneAt }: GroupRevert): Date | undefined =>
  doneAt !== undefined && by === "respond" ? new Date(Date.parse(doneAt) + COOLDOWN_SECONDS * 1000) : undefined;

/** The last released goes back first. */
export const inOrderOfReturn = ({ members }: GroupWave): GroupMember[] => [...members].reverse();

/** Each profile once, with all flags that members name, and the member whose release answers for it. */
export function flagsOfWave(wave: GroupWave): { member: GroupMember; references: FlagReference[] }[] {
  const byProfile = new Map<string, { member: GroupMember; reference: FlagReference }>();
  for (const member of inOrderOfReturn(wave)) {
    for (const reference of member.flags) {
      const key = `${reference.applicationId}/${reference.environmentId}/${reference.profileId}`;
      const known = byProfile.get(key);
      const flags = [...new Set([...(known?.reference.flags ?? []), ...reference.flags])];
      byProfile.set(key, { member: known?.member ?? member, reference: { ...reference, flags } });
    }
  }
  const entries = [...byProfile.values()];
  return [...new Set(entries.map(({ member }) => member))].map((member) => ({
    member,
    references: entries.filter((entry) => entry.member === member).map(({ reference }) => reference),
  }));
}

/** Undefined when the wave is another one by now, or is on its way back already. */
export const withRevert = (
  record: Groups,
  name: string,
  waveId: string,
  revert: Pick<GroupRevert, "since" | "by" | "reason">,
): Groups | undefined => {
  const wave = record.groups[name];
  if (wave?.id !== waveId || (wave.revert && wave.revert.doneAt === undefined)) return undefined;
  return withWave(record, name, { ...wave, revert: { ...revert, doneAt: undefined, members: [], flags: [] } });
};

/** How it went. With something left to do the group stays on its way back. */
export const withRevertResult = (
  record: Groups,
  name: string,
  waveId: string,
  result: Pick<GroupRevert, "doneAt" | "members" | "flags">,
): Groups | undefined => {
  const wave = record.groups[name];
  if (wave?.id !== waveId || !wave.revert) return undefined;
  return withWave(record, name, { ...wave, revert: { ...wave.revert, ...result } });
};

export const isLeftToDo = ({ outcome }: MemberResult) => outcome === "failed";

export const rollbackGroupCommand = (name: string) => `goaround rollback --action rollback-group --group ${name}`;
