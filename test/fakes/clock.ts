import type { Clock } from "../../lib/core/ports.ts";

interface Sleeper {
  atMs: number;
  wake: () => void;
}

/**
 * Virtual time for tests. Behaviour: stands still while anything can run; once every promise has settled as far as it
 * can, it jumps to the earliest sleeper. A call that never answers therefore costs no real time: the clock jumps to
 * whatever else waits.
 */
export class FakeClock implements Clock {
  private ms: number;
  private sleepers: Sleeper[] = [];
  private pumping = false;

  constructor(start = "2026-03-02T12:00:00.000Z") {
    this.ms = Date.parse(start);
  }

  now(): Date {
    return new Date(this.ms);
  }

  /** Moves time without waking anyone: for setting the scene. */
  set(time: string | Date): void {
    this.ms = new Date(time).getTime();
  }

  advance(ms: number): void {
    this.ms += ms;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const sleeper: Sleeper = {
        atMs: this.ms + Math.max(0, ms),
        wake: () => {
          signal?.removeEventListener("abort", abort);
          resolve();
        },
      };
      const abort = () => {
        this.sleepers = this.sleepers.filter((other) => other !== sleeper);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", abort, { once: true });
      this.sleepers.push(sleeper);
      this.pump();
    });
  }

  private pump(): void {
    if (this.pumping) return;
    this.pumping = true;
    // Two turns of the event loop: work that hops through one timer or I/O turn still goes first.
    setImmediate(() =>
      setImmediate(() => {
        this.pumping = false;
        const next = this.sleepers.reduce<Sleeper | undefined>((a, b) => (!a || b.atMs < a.atMs ? b : a), undefined);
        if (!next) return;
        this.sleepers = this.sleepers.filter((other) => other !== next);
        this.ms = Math.max(this.ms, next.atMs);
        next.wake();
        if (this.sleepers.length > 0) this.pump();
      }),
    );
  }
}
