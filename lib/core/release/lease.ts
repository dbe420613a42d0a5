import { type RollbackRecord, type RollbackRequest, sameGoal } from "./journal.ts";

/** A holder gives a sign of life this often while it waits. Milliseconds. */
export const HEARTBEAT_MS = 5000;
/** Without a sign of life for this long, measured by whoever watches, the holder is gone. Milliseconds. */
export const LEASE_MS = 30_000;
/** How far any actor's clock may be off, in either direction. Milliseconds. */
const MAX_SKEW_MS = 5 * 60_000;

/**
 * A claim that is neither complete nor asked for again for this long is free: its owner is gone. The longest run of a
 * Lambda of the guard (10 minutes), the longest pause before Lambda tries it again (2), two clocks that are off in opposite
 * directions (10), and some more. Milliseconds.
 */
export const CLAIM_LEASE_MS = 10 * 60_000 + 2 * 60_000 + 2 * MAX_SKEW_MS + 3 * 60_000;

export interface Contention {
  seen: RollbackRecord | undefined;
  me: RollbackRequest;
  /** How long this actor has waited without a change of `seen`, by its own timer and by no clock. Milliseconds. */
  unchangedMs: number;
  /** `seen` has changed while this actor watched: its holder lives. */
  alive: boolean;
  /** The rollback that this actor waits for, if it does. */
  following: string | undefined;
  now: Date;
}

/**
 * Who may act on an alias.
 *
 * - `begin`: free, or abandoned with another goal; `resume`: one's own, or abandoned with the same goal
 * - `watch`: another actor holds it: look again. With the same goal that is joining it
 * - `follow`: the rollback that was waited for has ended: its result is this actor's
 * - `refuse`: another actor is on its way to another goal
 *
 * A lease ends by what is observed and not by a comparison of clocks, so that a clock which is off steals nothing. Only
 * what is older than both clocks can be wrong is taken without watching.
 */
export type Standing = "begin" | "resume" | "watch" | "follow" | "refuse";

export function contend({ seen, me, unchangedMs, alive, following, now }: Contention): Standing {
  if (!seen) return "begin";
  const same = sameGoal(seen, me);
  if (seen.result) return same && following === seen.id && seen.result.outcome === "restored" ? "follow" : "begin";
  if (seen.owner === me.owner || isAbandoned(seen, unchangedMs, now)) return same ? "resume" : "begin";
  return same || !alive ? "watch" : "refuse";
}

function isAbandoned(seen: RollbackRecord, unchangedMs: number, now: Date): boolean {
  if (unchangedMs >= LEASE_MS) return true;
  return now.getTime() - Date.parse(seen.writtenAt) > LEASE_MS + 2 * MAX_SKEW_MS;
}
