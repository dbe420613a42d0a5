import { withinBudget } from "../deadline.ts";
import { GoaroundError, isConflict } from "../errors.ts";
import type { Clock, LedgerPort } from "../ports.ts";
import type { RollbackRecord, RollbackRequest, StepName } from "./journal.ts";
import * as journal from "./journal.ts";
import { contend, HEARTBEAT_MS, LEASE_MS } from "./lease.ts";

export interface RollbackPorts {
  clock: Clock;
  ledger: Pick<LedgerPort, "getRollback" | "putRollback" | "archiveRollback">;
}

export interface RollbackWatcher {
  signal: AbortSignal;
  /** Another actor is on its way to the same goal. Called once. */
  onJoin?(other: RollbackRecord): void;
  /** A rollback that was cut off is taken up. */
  onResume?(before: RollbackRecord): void;
  /** The ledger does not answer: the rollback goes on without lease and journal. Called once. */
  onWithoutLedger?(error: unknown): void;
}

/** What the steps run in. */
export interface RollbackRun {
  /**
   * Notes the step as begun, runs it, notes how it ended. A step must look before it acts: after a crash it runs again.
   * Throws without running it when another actor has taken the lease.
   */
  step<T>(name: StepName, work: () => Promise<T>, describe?: (result: T) => string): Promise<T>;
  /** Fires when the caller gives up, and when another actor has taken the lease. */
  signal: AbortSignal;
}

export type RollbackResult<T> =
  /** `record` is what the ledger knows; undefined when it does not answer. */
  | { kind: "acted"; value: T; record: RollbackRecord | undefined }
  /** Somebody else did it; to be verified all the same. */
  | { kind: "joined"; record: RollbackRecord };

/** One call of the ledger. A rollback waits no longer for its books. Milliseconds. */
const LEDGER_LIMIT_MS = 2000;
/** Traffic is back by then: a ledger that is throttled is told for so long, between tries this. Milliseconds. */
const CATCH_UP_LIMIT_MS = 25_000;
const CATCH_UP_PAUSE_MS = 1000;
/** Between looks at somebody else's rollback. Milliseconds. */
const WATCH_MS = 1000;

/**
 * Runs a rollback under the alias's lease, with a journal entry before and after each step. Several actors with the same
 * goal are one rollback: one acts, the others wait for its result, and take over when it is gone. A request with another
 * goal is refused (`conflict`, with who, what, and since when). Without ledger the steps run all the same: they look
 * before they act, and an alias is only written over the revision just read.
 */
export async function runRollback<T>(
  ports: RollbackPorts,
  request: RollbackRequest,
  watcher: RollbackWatcher,
  work: (run: RollbackRun) => Promise<T>,
  describe: (value: T) => string,
): Promise<RollbackResult<T>> {
  for (;;) {
    const standing = await obtain(ports, request, watcher);
    if (standing.kind === "joined") return standing;
    const holder = new Holder(ports, standing, watcher);
    try {
      return { kind: "acted", ...(await holder.run(work, describe)) };
    } catch (error) {
      // Whoever has the lease now may be on the way to the same goal.
      if (!(error instanceof LeaseLost) || watcher.signal.aborted) throw error;
    }
  }
}

class LeaseLost extends Error {}

interface Held {
  kind: "held";
  record: RollbackRecord;
  /** False when the ledger does not answer. */
  isOnline: boolean;
}

/** The lease, or the result of whoever had it. */
async function obtain(
  { clock, ledger }: RollbackPorts,
  me: RollbackRequest,
  watcher: RollbackWatcher,
): Promise<Held | { kind: "joined"; record: RollbackRecord }> {
  let watched: RollbackRecord | undefined;
  let unchangedMs = 0;
  let alive = false;
  for (;;) {
    watcher.signal.throwIfAborted();
    let seen: RollbackRecord | undefined;
    try {
      seen = await withinBudget(clock, LEDGER_LIMIT_MS, () => ledger.getRollback(me.functionName, me.alias));
      if (seen && seen.fence === watched?.fence && seen.revision > watched.revision) alive = true;
      if (seen?.revision !== watched?.revision) unchangedMs = 0;
      const following = watched?.id;
      const standing = contend({ seen, me, unchangedMs, alive, following, now: clock.now() });
      if (standing === "follow") return { kind: "joined", record: seen! };
      if (standing === "refuse") throw otherGoal(seen!, me);
      if (standing !== "watch") {
        const record = await take({ clock, ledger }, standing, seen, me);
        if (record && standing === "resume") watcher.onResume?.(seen!);
        if (record) return { kind: "held", record, isOnline: true };
        continue;
      }
      if (!watched && journal.sameGoal(seen!, me)) watcher.onJoin?.(seen!);
    } catch (error) {
      if (watcher.signal.aborted || isConflict(error)) throw error;
      watcher.onWithoutLedger?.(error);
      return { kind: "held", record: journal.begin(me, watched, clock.now()), isOnline: false };
    }
    watched = seen;
    await clock.sleep(WATCH_MS, watcher.signal);
    unchangedMs += WATCH_MS;
  }
}

/** Undefined when somebody else was first. */
async function take(
  { clock, ledger }: RollbackPorts,
  standing: "begin" | "resume",
  seen: RollbackRecord | undefined,
  me: RollbackRequest,
): Promise<RollbackRecord | undefined> {
  const now = clock.now();
  const mine = standing === "resume" ? journal.resume(seen!, me, now) : journal.begin(me, seen, now);
  if (!(await put({ clock, ledger }, mine, seen?.revision ?? 0))) return undefined;
  // One that was abandoned is overwritten here: it must not be lost.
  if (standing === "begin" && seen && !seen.result) {
    const detail = `abandoned by ${seen.actor}; ${me.actor} began another one`;
    const ended = journal.closed(seen, journal.outcomeOfFailure(seen), detail, now);
    await withinBudget(clock, LEDGER_LIMIT_MS, () => ledger.archiveRollback(ended)).catch(() => undefined);
  }
  return mine;
}

/** True also when the answer to an earlier try of this very write was lost. */
async function put({ clock, ledger }: RollbackPorts, record: RollbackRecord, expected: number): Promise<boolean> {
  return withinBudget(clock, LEDGER_LIMIT_MS, async () => {
    if (await ledger.putRollback(record, expected)) return true;
    const stored = await ledger.getRollback(record.functionName, record.alias);
    // All of it: another write of this actor may have had the same revision, given up and then come through after all.
    return JSON.stringify(stored) === JSON.stringify(record);
  });
}

const otherGoal = (seen: RollbackRecord, me: RollbackRequest) =>
  new GoaroundError(
    "conflict",
    "operator",
    `${seen.actor} has been putting ${seen.functionName}:${seen.alias} on version ${seen.version} since ${seen.startedAt} (${seen.reason}; ${journal.progressOf(seen)}), not on version ${me.version}`,
    { advice: "Let it finish, then look at the alias and run the same command again if it is still needed." },
  );

/** The one that acts. */
class Holder {
  private readonly ports: RollbackPorts;
  private readonly watcher: RollbackWatcher;
  /** What has happened, whether or not the ledger could be told. */
  private record: RollbackRecord;
  /** The ledger holds `record` and answers. */
  private isOnline: boolean;
  private readonly lost = new AbortController();
  private readonly ended = new AbortController();
  /** Writes follow each other: each is made from the one before. */
  private writing: Promise<void> = Promise.resolve();

  constructor(ports: RollbackPorts, held: Held, watcher: RollbackWatcher) {
    this.ports = ports;
    this.record = held.record;
    this.isOnline = held.isOnline;
    this.watcher = watcher;
  }

  async run<T>(work: (run: RollbackRun) => Promise<T>, describe: (value: T) => string) {
    const signal = AbortSignal.any([this.watcher.signal, this.lost.signal]);
    const heartbeat = this.keepAlive();
    try {
      const value = await work({ step: (...args) => this.step(...args), signal });
      return { value, record: await this.close("restored", describe(value)) };
    } catch (error) {
      if (this.lost.signal.aborted) throw this.lost.signal.reason;
      await this.close(journal.outcomeOfFailure(this.record), messageOf(error));
      throw error;
    } finally {
      this.ended.abort();
      await heartbeat;
    }
  }

  private async step<T>(name: StepName, work: () => Promise<T>, describe?: (result: T) => string): Promise<T> {
    this.watcher.signal.throwIfAborted();
    await this.write((record, now) => journal.stepStarted(record, name, now));
    this.lost.signal.throwIfAborted();
    let result: T;
    try {
      result = await work();
    } catch (error) {
      await this.write((record, now) => journal.stepEnded(record, name, "failed", messageOf(error), now));
      throw error;
    }
    await this.write((record, now) => journal.stepEnded(record, name, "done", describe?.(result), now));
    return result;
  }

  /** Never throws: a ledger that has failed is asked again only at the end, and a lost lease shows in `lost`. */
  private write(change: (record: RollbackRecord, now: Date) => RollbackRecord): Promise<void> {
    this.writing = this.writing.then(async () => {
      const before = this.record;
      this.record = change(before, this.ports.clock.now());
      if (!this.isOnline || this.lost.signal.aborted) return;
      try {
        if (!(await put(this.ports, this.record, before.revision))) {
          this.lost.abort(new LeaseLost("another actor has taken the lease"));
        }
      } catch (error) {
        this.isOnline = false;
        this.watcher.onWithoutLedger?.(error);
      }
    });
    return this.writing;
  }

  /** Frees the lease and keeps the record. Undefined when the ledger knows nothing of it. */
  private async close(outcome: journal.RollbackOutcome, detail: string): Promise<RollbackRecord | undefined> {
    await this.write((record, now) => journal.closed(record, outcome, detail, now));
    if (this.lost.signal.aborted) return undefined;
    const { clock, ledger } = this.ports;
    try {
      if (!this.isOnline) await this.catchUpPatiently();
      // The alias's own item has it too: this is for those who ask when the next rollback has replaced that.
      await withinBudget(clock, LEDGER_LIMIT_MS, () => ledger.archiveRollback(this.record));
      return this.record;
    } catch (error) {
      this.watcher.onWithoutLedger?.(error);
      return undefined;
    }
  }

  private async catchUpPatiently(): Promise<void> {
    const { clock } = this.ports;
    const until = clock.now().getTime() + CATCH_UP_LIMIT_MS;
    for (;;) {
      try {
        return await this.catchUp();
      } catch (error) {
        if (this.watcher.signal.aborted || clock.now().getTime() >= until) throw error;
      }
      await clock.sleep(CATCH_UP_PAUSE_MS, this.watcher.signal);
    }
  }

  /**
   * What was done without the ledger is told to it, unless somebody else is at work by now, or has done meanwhile what this actor
   * could not. Who left a journal open may be dead: that is seen when it stays as it is for as long as a lease.
   */
  private async catchUp(): Promise<void> {
    const { clock, ledger } = this.ports;
    const { functionName, alias, owner } = this.record;
    const read = () => withinBudget(clock, LEDGER_LIMIT_MS, () => ledger.getRollback(functionName, alias));
    const stored = await read();
    if (stored && !stored.result && stored.owner !== owner) {
      await clock.sleep(LEASE_MS, this.watcher.signal);
      if ((await read())?.revision !== stored.revision) return;
    }
    if (stored && this.record.result?.outcome !== "restored" && isDoneBy(stored, this.record)) return;
    const fence = Math.max(this.record.fence, (stored?.fence ?? 0) + (stored?.owner === owner ? 0 : 1));
    const revision = (stored?.revision ?? 0) + 1;
    const isWritten = await put(this.ports, { ...this.record, fence, revision }, stored?.revision ?? 0);
    // A write of ours that had been given up may have come through meanwhile.
    if (!isWritten) throw new GoaroundError("conflict", "dependency", "the journal has changed since it was read");
  }

  private async keepAlive(): Promise<void> {
    const stop = AbortSignal.any([this.ended.signal, this.lost.signal]);
    while (this.isOnline) {
      try {
        await this.ports.clock.sleep(HEARTBEAT_MS, stop);
      } catch {
        return;
      }
      await this.write(journal.beat);
    }
  }
}

/** The same release is back where it was to be, by somebody else. */
const isDoneBy = (other: RollbackRecord, mine: RollbackRecord) =>
  other.result?.outcome === "restored" &&
  other.owner !== mine.owner &&
  mine.deploymentId !== undefined &&
  other.deploymentId === mine.deploymentId &&
  journal.sameGoal(other, mine);

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
