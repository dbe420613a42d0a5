import { AsyncResource } from "node:async_hooks";
import { realSetImmediate } from "./real.ts";

/** What `setTimeout` and `setInterval` return: Node's Timeout interface over virtual time. */
export class VirtualTimeout {
  atMs = 0;
  readonly order: number;
  private referenced = true;
  private readonly owner: VirtualTimers;
  private readonly run: () => void;
  readonly delayMs: number;
  readonly repeats: boolean;

  constructor(owner: VirtualTimers, order: number, run: () => void, delayMs: number, repeats: boolean) {
    this.owner = owner;
    this.order = order;
    this.run = run;
    this.delayMs = delayMs;
    this.repeats = repeats;
  }

  fire(): void {
    this.run();
  }

  ref(): this {
    this.referenced = true;
    return this;
  }

  unref(): this {
    this.referenced = false;
    return this;
  }

  hasRef(): boolean {
    return this.referenced;
  }

  refresh(): this {
    this.owner.schedule(this);
    return this;
  }

  close(): this {
    this.owner.clear(this);
    return this;
  }

  [Symbol.toPrimitive](): number {
    return this.order;
  }

  [Symbol.dispose ?? Symbol("dispose")](): void {
    this.owner.clear(this);
  }
}

/** The timers of one execution environment. Nothing fires until `runDue`, except timers of at most one millisecond. */
export class VirtualTimers {
  private readonly pending: VirtualTimeout[] = [];
  private order = 0;
  private readonly now: () => number;
  private readonly onChange: () => void;

  constructor(now: () => number, onChange: () => void) {
    this.now = now;
    this.onChange = onChange;
  }

  add(callback: (...args: unknown[]) => void, delay: unknown, args: unknown[], repeats: boolean): VirtualTimeout {
    if (typeof callback !== "function") {
      throw new TypeError('The "callback" argument must be of type function.');
    }
    // Node clamps to 1 ms below and above 2^31-1.
    const requested = Number(delay);
    const delayMs = requested >= 1 && requested <= 0x7fffffff ? Math.trunc(requested) : 1;
    const bound = AsyncResource.bind(() => callback(...args));
    const timer = new VirtualTimeout(this, ++this.order, bound, delayMs, repeats);
    this.schedule(timer);
    return timer;
  }

  schedule(timer: VirtualTimeout): void {
    this.remove(timer);
    timer.atMs = this.now() + timer.delayMs;
    const index = this.pending.findIndex((other) => other.atMs > timer.atMs);
    if (index === -1) this.pending.push(timer);
    else this.pending.splice(index, 0, timer);
    if (timer.delayMs <= 1 && !timer.repeats) {
      // `setTimeout(f, 0)` is how code yields; it must not wait for the emulated world to move.
      realSetImmediate(() => {
        if (this.remove(timer)) this.fire(timer);
      });
    }
    this.onChange();
  }

  clear(timer: unknown): void {
    if (timer === undefined || timer === null) return;
    const found = this.pending.find((other) => other === timer || other.order === Number(timer));
    if (found) {
      this.remove(found);
      this.onChange();
    }
  }

  nextAt(): number | undefined {
    return this.pending[0]?.atMs;
  }

  /** Runs what is due, in order, letting promises settle after each. */
  async runDue(): Promise<void> {
    for (;;) {
      const next = this.pending[0];
      if (!next || next.atMs > this.now()) return;
      this.remove(next);
      if (next.repeats) this.schedule(next);
      this.fire(next);
      await new Promise<void>((resolve) => realSetImmediate(resolve));
    }
  }

  private fire(timer: VirtualTimeout): void {
    try {
      timer.fire();
    } catch (error) {
      // As in Node: an exception in a timer is uncaught, not a failure of whoever runs the timers.
      process.nextTick(() => {
        throw error;
      });
    }
    this.onChange();
  }

  private remove(timer: VirtualTimeout): boolean {
    const index = this.pending.indexOf(timer);
    if (index !== -1) this.pending.splice(index, 1);
    return index !== -1;
  }
}
