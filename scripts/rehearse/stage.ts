import type { LocalAws } from "../../lib/local/index.ts";
import type { SeededRandom } from "../../lib/local/kernel/random.ts";
import type { VersionTraffic } from "../../lib/local/services/lambda/index.ts";
import { arrivals } from "./model.ts";
import type { RequestCounts } from "./result.ts";
import type { MinuteOfTraffic } from "./timeline.ts";

/** Traffic is sent and the clock moved in steps of this many milliseconds: weights change between steps, not within. */
const STEP_MS = 1000;
/** Work of the account that has not ended after so long waits for time. Real milliseconds. */
const PATIENCE_REAL_MS = 2000;
const MINUTE_MS = 60_000;

const realDelay = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export interface TrafficSource {
  functionName: string;
  alias: string;
  /** Requests per second at a virtual time. */
  rate: (atMs: number) => number;
  random: SeededRandom;
}

/** The local AWS with people using it: moves the clock, sends the traffic, keeps the books. */
export class Stage {
  readonly aws: LocalAws;
  /** One entry a minute and version of the function that is watched, in order of time. */
  readonly minutes: MinuteOfTraffic[] = [];
  /** Hears of each minute of the watched function when it is over. */
  onMinute: (minute: MinuteOfTraffic[]) => void = () => {};
  private readonly speed: number | undefined;
  private readonly sources: TrafficSource[] = [];
  private openMinuteMs = 0;
  private watched: string | undefined;
  private counts: RequestCounts = { total: 0, failed: 0, failedOnCanary: 0, afterRestore: 0 };
  private canaryFailuresMs: number[] = [];
  private canaryVersion: () => string | undefined = () => undefined;
  private restored: () => boolean = () => false;

  /** `speed`: virtual seconds a real one at most; undefined: as fast as it goes. */
  constructor(aws: LocalAws, speed?: number) {
    this.aws = aws;
    this.speed = speed;
  }

  get now(): number {
    return this.aws.clock.now();
  }

  addTraffic(source: TrafficSource): void {
    this.sources.push(source);
  }

  /** Starts counting requests of a release anew. */
  watch(functionName: string, marks: { canaryVersion: () => string | undefined; restored: () => boolean }): void {
    this.watched = functionName;
    this.counts = { total: 0, failed: 0, failedOnCanary: 0, afterRestore: 0 };
    this.canaryFailuresMs = [];
    this.canaryVersion = marks.canaryVersion;
    this.restored = marks.restored;
  }

  requestCounts(): RequestCounts {
    return { ...this.counts };
  }

  /** The first request that failed on the canary at or after a time; undefined when none did. */
  firstCanaryFailureMs(sinceMs: number): number | undefined {
    const after = this.canaryFailuresMs.filter((atMs) => atMs >= sinceMs);
    return after.length === 0 ? undefined : Math.min(...after);
  }

  async advanceTo(toMs: number): Promise<void> {
    while (this.now < toMs) {
      const until = Math.min(toMs, this.now + STEP_MS);
      for (const source of this.sources) this.send(source, this.now, until);
      const takes = this.speed ? (until - this.now) / this.speed : 0;
      await this.aws.clock.advanceTo(until);
      this.closeMinute(until);
      if (takes > 0) await realDelay(takes);
    }
  }

  /** Advances as long as something of the account is in motion, until the work is done. */
  async advanceWhile<T>(work: Promise<T>, moving: () => Promise<boolean>, maxSpeed?: number): Promise<T> {
    let done = false;
    const finished = work.finally(() => {
      done = true;
    });
    finished.catch(() => undefined);
    while (!done) {
      if (await moving()) {
        await this.advanceBy(STEP_MS);
        if (maxSpeed) await realDelay(STEP_MS / maxSpeed);
      } else await Promise.race([realDelay(10), finished.catch(() => undefined)]);
    }
    return finished;
  }

  /**
   * Lets something end that waits for nobody but the account. Time stands still for it, unless a Lambda that it calls
   * waits (between two tries of a call, say): nobody else would move the clock, and it would never end.
   */
  async toItsEnd<T>(work: Promise<T>): Promise<T> {
    let ended = false;
    const end = () => {
      ended = true;
    };
    const over = work.then(end, end);
    return this.advanceWhile(work, async () => {
      // An answer may be on its way between two calls: moved too soon, the same seed would give another run.
      await Promise.race([over, realDelay(PATIENCE_REAL_MS)]);
      await this.aws.clock.settle();
      return !ended;
    });
  }

  advanceBy(ms: number): Promise<void> {
    return this.advanceTo(this.now + ms);
  }

  /** Advances until `done`, looking every `stepMs`; false when `limitMs` passed first. */
  async advanceUntil(done: () => boolean | Promise<boolean>, limitMs: number, stepMs = 5000): Promise<boolean> {
    const end = this.now + limitMs;
    while (this.now < end) {
      if (await done()) return true;
      await this.advanceBy(Math.min(stepMs, end - this.now));
    }
    return done();
  }

  private send(source: TrafficSource, fromMs: number, toMs: number): void {
    const atMs = arrivals(source.rate(fromMs), fromMs, toMs, source.random);
    if (atMs.length === 0) return;
    const { functionName, alias: qualifier } = source;
    const { versions, throttledAtMs } = this.aws.services.lambda.sendTraffic({ functionName, qualifier, atMs });
    if (functionName !== this.watched) return;
    this.counts.total += throttledAtMs.length;
    this.counts.failed += throttledAtMs.length;
    for (const [version, seen] of Object.entries(versions)) {
      this.counts.total += seen.requests;
      this.counts.failed += seen.errors;
      if (version === this.canaryVersion()) {
        this.counts.failedOnCanary += seen.errors;
        this.canaryFailuresMs.push(...seen.failedAtMs);
      }
      if (this.restored()) this.counts.afterRestore += seen.errors;
      this.book(fromMs, version, seen);
    }
  }

  private closeMinute(atMs: number): void {
    const minuteMs = Math.floor(atMs / MINUTE_MS) * MINUTE_MS;
    if (minuteMs === this.openMinuteMs) return;
    const over = this.minutes.filter((minute) => minute.minuteMs === this.openMinuteMs);
    this.openMinuteMs = minuteMs;
    if (over.length > 0) this.onMinute(over);
  }

  private book(atMs: number, version: string, seen: VersionTraffic): void {
    const minuteMs = Math.floor(atMs / MINUTE_MS) * MINUTE_MS;
    let minute = this.minutes.findLast((entry) => entry.version === version);
    if (minute?.minuteMs !== minuteMs) {
      minute = { minuteMs, version, requests: 0, errors: 0, meanDurationMs: 0 };
      this.minutes.push(minute);
    }
    const before = minute.meanDurationMs * minute.requests;
    minute.requests += seen.requests;
    minute.errors += seen.errors;
    minute.meanDurationMs = (before + seen.durationsMs.reduce((sum, ms) => sum + ms, 0)) / minute.requests;
  }
}
