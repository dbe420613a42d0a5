/**
 * The one clock of the local AWS. Everything that waits in the emulated world waits on it: alarms, shifts, hook
 * timeouts, handlers' timers. It starts at the real time, never goes back, and stands still unless it is advanced.
 *
 * Rules for code inside the local AWS:
 * - read the time with `now()`, wait with `sleep()` or `at()`; never `Date.now()` or `setTimeout`;
 * - wrap real work the event loop cannot see (a socket, a worker, a file) in `whileBusy()`: the clock does not move
 *   while any of it is pending. Plain promise chains need nothing: the clock lets them settle before each step.
 */

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Virtual time, milliseconds since the epoch. */
  now(): number;
  /** Resolves when virtual time has passed by `ms`; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Runs `callback` at virtual time `atMs` (or at the next step when that has passed). Errors reject `advanceTo`. */
  at(atMs: number, callback: () => void | Promise<void>): Timer;
  /** Holds the clock while real work is pending. */
  whileBusy<T>(work: Promise<T> | (() => Promise<T>)): Promise<T>;
}

interface Entry {
  atMs: number;
  order: number;
  callback: () => void | Promise<void>;
}

export class VirtualClock implements Clock {
  private nowMs: number;
  private order = 0;
  private busy = 0;
  private readonly entries: Entry[] = [];
  private idleWaiters: (() => void)[] = [];
  private advancing: Promise<void> = Promise.resolve();
  private failure: { error: unknown } | undefined;

  constructor(startMs: number = Date.now()) {
    this.nowMs = startMs;
  }

  now(): number {
    return this.nowMs;
  }

  at(atMs: number, callback: () => void | Promise<void>): Timer {
    const entry: Entry = { atMs: Math.max(atMs, this.nowMs), order: this.order++, callback };
    const index = this.entries.findIndex((other) => other.atMs > entry.atMs);
    if (index === -1) this.entries.push(entry);
    else this.entries.splice(index, 0, entry);
    return {
      cancel: () => {
        const position = this.entries.indexOf(entry);
        if (position !== -1) this.entries.splice(position, 1);
      },
    };
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = () => {
        timer.cancel();
        reject(signal?.reason);
      };
      const timer = this.at(this.nowMs + Math.max(0, ms), () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      });
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  async whileBusy<T>(work: Promise<T> | (() => Promise<T>)): Promise<T> {
    this.busy += 1;
    try {
      return await (typeof work === "function" ? work() : work);
    } finally {
      this.busy -= 1;
      if (this.busy === 0) for (const wake of this.idleWaiters.splice(0)) wake();
    }
  }

  /** Virtual time of the next timer, or undefined when nothing waits. */
  nextTimerAt(): number | undefined {
    return this.entries[0]?.atMs;
  }

  /** Resolves when no real work is pending and every promise chain has settled. */
  async settle(): Promise<void> {
    for (let quietTurns = 0; quietTurns < 3; ) {
      if (this.busy > 0) {
        await new Promise<void>((resolve) => this.idleWaiters.push(resolve));
        quietTurns = 0;
      }
      await new Promise<void>((resolve) => setImmediate(resolve));
      quietTurns = this.busy > 0 ? 0 : quietTurns + 1;
    }
    if (this.failure) {
      const { error } = this.failure;
      this.failure = undefined;
      throw error;
    }
  }

  /** Moves to `targetMs`, running due timers in order and letting each one's consequences settle before the next. */
  advanceTo(targetMs: number): Promise<void> {
    const run = this.advancing.then(() => this.advanceSerially(targetMs));
    this.advancing = run.catch(() => undefined);
    return run;
  }

  advanceBy(ms: number): Promise<void> {
    return this.advanceTo(this.nowMs + ms);
  }

  /** Follows real time, `speed` virtual seconds a real one, until the signal aborts. */
  async drive(speed: number, signal: AbortSignal): Promise<void> {
    const tickMs = 20;
    while (!signal.aborted) {
      const startedAt = performance.now();
      await new Promise<void>((resolve) => setTimeout(resolve, tickMs));
      // Whole milliseconds, as AWS counts: fractions would show in replies that carry epoch milliseconds.
      await this.advanceTo(this.nowMs + Math.round((performance.now() - startedAt) * speed));
    }
  }

  private async advanceSerially(targetMs: number): Promise<void> {
    await this.settle();
    for (;;) {
      const next = this.entries[0];
      if (!next || next.atMs > targetMs) break;
      this.entries.shift();
      this.nowMs = Math.max(this.nowMs, next.atMs);
      void Promise.resolve()
        .then(next.callback)
        .catch((error: unknown) => {
          this.failure = { error };
        });
      // Timers due at the same instant run together, in the order they were set; then the world settles once.
      while (this.entries[0] && this.entries[0].atMs <= this.nowMs) {
        const sibling = this.entries.shift();
        void Promise.resolve()
          .then(sibling?.callback)
          .catch((error: unknown) => {
            this.failure = { error };
          });
      }
      await this.settle();
    }
    this.nowMs = Math.max(this.nowMs, targetMs);
  }
}
