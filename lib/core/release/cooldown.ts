import type { AliasRecord, RollbackEntry } from "./records.ts";

/** After a rollback the alias rests this long: the figures behind an alarm still hold the minutes before. Seconds. */
export const COOLDOWN_SECONDS = 300;
/** Automatic rollbacks of one alias within the window; what three did not cure, a fourth will not. */
export const MAX_AUTOMATIC_ROLLBACKS = 3;
/** Minutes. */
export const ATTEMPT_WINDOW_MINUTES = 60;
/** What is kept of an alias's rollbacks: far more than the window can hold. */
const MAX_KEPT = 20;

/** A person must look before the guard moves traffic of this alias again, and before anything is released to it. */
export interface Latch {
  since: string;
  reason: string;
  by: string;
}

export interface CooldownFacts {
  rollbacks: readonly RollbackEntry[];
  /** When traffic was last taken from the version of another release, whoever stopped it. */
  lastTakenBackAt?: string | undefined;
  latch: Latch | undefined;
  /** When a person last released the latch; what was before does not count any more. */
  releasedAt: string | undefined;
  now: Date;
}

/**
 * Whether the guard may move traffic by itself.
 *
 * - `go`; `wait` until the cooldown is over
 * - `latch`: too many already: set the latch and page; `latched`: it is set
 */
export type Permission =
  | { kind: "go"; attempt: number }
  | { kind: "wait"; until: Date; why: string }
  | { kind: "latch"; why: string }
  | { kind: "latched"; latch: Latch; why: string };

export function mayRollBack({ rollbacks, lastTakenBackAt, latch, releasedAt, now }: CooldownFacts): Permission {
  if (latch) return { kind: "latched", latch, why: `latched since ${latch.since} by ${latch.by}: ${latch.reason}` };
  const automatic = rollbacks.filter(
    ({ automatic, at }) => automatic && isWithin(at, ATTEMPT_WINDOW_MINUTES * 60, now),
  );
  const counted = automatic.filter(({ at }) => releasedAt === undefined || at > releasedAt);
  if (counted.length >= MAX_AUTOMATIC_ROLLBACKS) {
    const why = `${counted.length} automatic rollbacks within ${ATTEMPT_WINDOW_MINUTES} minutes (limit ${MAX_AUTOMATIC_ROLLBACKS})`;
    return { kind: "latch", why };
  }
  const moves = lastTakenBackAt === undefined ? rollbacks : [...rollbacks, { at: lastTakenBackAt }];
  const until = cooldownUntil(moves, releasedAt, now);
  if (until) return { kind: "wait", until, why: `in cooldown until ${until.toISOString()}` };
  return { kind: "go", attempt: counted.length + 1 };
}

/**
 * The rollback of the same alias for which people were called within the window before the one with this id: then that one, if it went
 * well, calls them no second time. What was before a person released the latch does not count. Undefined: it calls.
 */
export function calledBefore(
  rollbacks: readonly RollbackEntry[],
  id: string,
  releasedAt: string | undefined,
): RollbackEntry | undefined {
  let called: RollbackEntry | undefined;
  const counted = rollbacks.filter(({ automatic, at }) => automatic && (releasedAt === undefined || at > releasedAt));
  for (const entry of counted.sort((a, b) => (a.at < b.at ? -1 : 1))) {
    const isCovered = called && isWithin(called.at, ATTEMPT_WINDOW_MINUTES * 60, new Date(entry.at));
    if (entry.id === id) return isCovered ? called : undefined;
    if (!isCovered) called = entry;
  }
  return undefined;
}

/** End of the cooldown after the newest rollback; undefined when it is over. Whoever releases a latch ends it. */
export function cooldownUntil(
  rollbacks: readonly Pick<RollbackEntry, "at">[],
  releasedAt: string | undefined,
  now: Date,
): Date | undefined {
  const last = newest(rollbacks);
  if (!last || (releasedAt !== undefined && releasedAt >= last.at)) return undefined;
  return isWithin(last.at, COOLDOWN_SECONDS, now) ? new Date(Date.parse(last.at) + COOLDOWN_SECONDS * 1000) : undefined;
}

/**
 * When another release of the alias was last taken back. A mere stop is no rollback that counts, but the figures behind an
 * alarm hold its minutes as well.
 */
export const lastTakenBackAt = (record: Pick<AliasRecord, "releases"> | undefined, than: string): string | undefined =>
  (record?.releases ?? [])
    .flatMap(({ deploymentId, outcome, closedAt }) =>
      deploymentId !== than && outcome === "rolled-back" && closedAt !== undefined ? [closedAt] : [],
    )
    .sort()
    .at(-1);

const newest = (rollbacks: readonly Pick<RollbackEntry, "at">[]) =>
  rollbacks.reduce<Pick<RollbackEntry, "at"> | undefined>((a, b) => (a && a.at >= b.at ? a : b), undefined);

/** An entry from the future was written by a clock that is ahead: it counts as just made, and not for longer. */
const isWithin = (at: string, seconds: number, now: Date) => Math.abs(now.getTime() - Date.parse(at)) < seconds * 1000;

/** The alias record's rollbacks with one more; the same rollback is there once, however often it is written down. */
export function withRollback(record: AliasRecord | undefined, entry: RollbackEntry): RollbackEntry[] {
  const others = (record?.rollbacks ?? []).filter(({ id }) => id !== entry.id);
  return [entry, ...others].sort((a, b) => (a.at < b.at ? 1 : -1)).slice(0, MAX_KEPT);
}
