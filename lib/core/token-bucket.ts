import type { Clock } from "./ports.ts";

/**
 * Lets one caller through at a time, in the order in which they came, and the next one not before a share of a second
 * has passed: a bucket that holds one token. In no second do more than `perSecond` go through. It measures waits and
 * compares no times, so that a clock which jumps neither stalls nor opens it.
 */
export class TokenBucket {
  private readonly clock: Pick<Clock, "sleep">;
  private readonly intervalMs: number;
  private next: Promise<void> = Promise.resolve();

  constructor(clock: Pick<Clock, "sleep">, perSecond: number) {
    this.clock = clock;
    this.intervalMs = 1000 / perSecond;
  }

  take(): Promise<void> {
    const mine = this.next;
    this.next = mine.then(() => this.clock.sleep(this.intervalMs));
    return mine;
  }
}
