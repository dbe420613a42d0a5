import { describe, expect, it } from "vitest";
import { validatePolicy } from "../../../lib/contract/policy.ts";
import { compactState, judgeSequential } from "../../../lib/core/judge/sequential/judge.ts";
import type { JudgeState, Verdict } from "../../../lib/core/judge/types.ts";
import type { ReleaseRecord } from "../../../lib/core/release/records.ts";
import { INTERVAL_MS, intervalOf, noSignals } from "../../../lib/core/signals/count.ts";
import { sideOf } from "../../../lib/core/signals/log-looks.ts";
import { dueLogLook, settled } from "../../../lib/core/signals/look-schedule.ts";
import type { KnownInterval } from "../../../lib/core/signals/ports.ts";
import { SeededRandom } from "../../../lib/local/kernel/random.ts";

const START = Date.parse("2026-03-02T12:00:00.000Z");
const SECOND = 1000;
const SHIFT_SECONDS = 300;
const parsed = validatePolicy({ schemaVersion: 1, functionName: "f", alias: "live", deploymentGroup: "g" });
const policy = parsed.ok ? parsed.policy : undefined!;
const routing = { kind: "canary", percentage: 10, intervalMinutes: 5 } as const;
const shift = { startedAt: new Date(START), endedAt: undefined };

const interval = (version: string, seconds: number, requests: number, thrown = 0, lagSeconds = 5): KnownInterval => {
  const none = noSignals(0);
  return {
    version,
    fromMs: START + seconds * SECOND,
    counts: { ...none, requests, errors: { ...none.errors, thrown }, lagSeconds },
  };
};

const watchedAt = (judgedUntilMs?: number) => {
  const judging =
    judgedUntilMs === undefined ? {} : { judging: { judgedUntil: new Date(judgedUntilMs).toISOString() } };
  const release = { baselineVersion: "1", canaryVersion: "2", policy, ...judging } as unknown as ReleaseRecord;
  return { release, shift, routing };
};

describe("the log", () => {
  const until = (intervals: KnownInterval[], nowSeconds: number) =>
    (settled(intervals, START + nowSeconds * SECOND).untilMs - START) / SECOND;

  it("is known as far as the slowest batches of the last half minute take", () => {
    const intervals = [interval("1", 10, 9, 0, 2), interval("2", 12, 1, 0, 4), interval("1", 36, 9, 0, 1)];
    expect(until(intervals, 40)).toBe(36);
    expect(until([...intervals, interval("1", 30, 9, 0, 8)], 40)).toBe(32);
  });

  it("is taken to come as usual while only quick batches can be known", () => {
    expect(until([], 40)).toBe(34);
    expect(until([interval("1", 36, 9, 0, 1)], 40)).toBe(34);
  });

  it("says when one interval more is known", () => {
    const { untilMs, nextMs } = settled([interval("1", 10, 9, 0, 3.5)], START + 40.2 * SECOND);
    expect([untilMs, nextMs].map((at) => (at - START) / SECOND)).toEqual([36, 41.5]);
  });

  it("is not waited for without end", () => {
    expect(until([interval("1", 10, 9, 0, 75)], 40)).toBe(28);
  });
});

describe("a look at the log", () => {
  const due = (intervals: KnownInterval[], nowSeconds: number, judgedUntil = 20) => {
    const window = dueLogLook(watchedAt(START + judgedUntil * SECOND), intervals, START + nowSeconds * SECOND);
    return window && [window.from, window.to].map((at) => (at.getTime() - START) / SECOND);
  };
  const told = (wrong?: { version: string; at: number }) =>
    Array.from({ length: 20 }, (_, i) => 2 * i).flatMap((at) => [
      interval("1", at, 18, wrong?.version === "1" && wrong.at === at ? 1 : 0),
      interval("2", at, 2, wrong?.version === "2" && wrong.at === at ? 1 : 0),
    ]);

  it("is taken every ten seconds while all goes well", () => {
    expect(due(told(), 34)).toBeUndefined();
    expect(due(told(), 35)).toEqual([20, 30]);
  });

  it.each(["1", "2"])(
    "is taken as soon as something of version %s failed, and nothing of that time can come",
    (version) => {
      expect(due(told({ version, at: 22 }), 28)).toBeUndefined();
      expect(due(told({ version, at: 22 }), 29)).toEqual([20, 24]);
      expect(due(told({ version, at: 18 }), 29)).toBeUndefined();
    },
  );

  it("waits longer for the last of the shift", () => {
    expect(due([interval("2", 298, 2, 1)], 319, 296)).toBeUndefined();
    expect(due([interval("2", 298, 2, 1)], 320, 296)).toEqual([296, 300]);
  });
});

/** One release whose log comes stream by stream, each batch so many seconds after its first record, and some more. */
class Simulation {
  private readonly random: SeededRandom;
  private readonly books = new Map<string, KnownInterval>();
  private arrived = 0;
  private readonly arrivals: { atMs: number; interval: KnownInterval }[] = [];

  constructor(seed: number, perSecond: number, errorRate: (second: number, version: string) => number) {
    this.random = new SeededRandom(seed);
    const open = new Map<string, number>();
    for (let n = 0; n < perSecond * SHIFT_SECONDS; n += 1) {
      const second = (n + this.random.next()) / perSecond;
      const version = this.random.next() < 0.1 ? "2" : "1";
      const streams = Math.max(1, Math.round((perSecond / 10) * (version === "1" ? 0.9 : 0.1)));
      const stream = `${version}/${Math.floor(this.random.next() * streams)}`;
      let leaves = open.get(stream) ?? 0;
      if (leaves < second) {
        leaves = second + 5 + 3 * this.random.next();
        open.set(stream, leaves);
      }
      const failed = this.random.next() < errorRate(second, version) ? 1 : 0;
      const lag = Math.ceil(leaves - second);
      const one = interval(version, intervalOf(second * SECOND) / SECOND, 1, failed, lag);
      this.arrivals.push({ atMs: START + leaves * SECOND, interval: one });
    }
    this.arrivals.sort((a, b) => a.atMs - b.atMs);
  }

  /** The verdict at the end of the shift, or the rollback; and when, seconds since the shift began. */
  run(): { verdict: Verdict; atSeconds: number; looks: number } {
    let state: JudgeState | undefined;
    let judgedUntil = START;
    let verdict: Verdict | undefined;
    let looks = 0;
    for (let at = START; ; at += SECOND / 2) {
      this.deliver(at);
      const known = [...this.books.values()];
      const fresh = known.filter(({ fromMs }) => fromMs >= judgedUntil - 30 * SECOND);
      const window = dueLogLook(watchedAt(judgedUntil), fresh, at);
      if (!window) continue;
      const own = known.filter(({ fromMs }) => fromMs >= window.from.getTime() && fromMs < window.to.getTime());
      const seconds = (window.to.getTime() - window.from.getTime()) / SECOND;
      const times = { seconds, elapsedSeconds: window.elapsedSeconds, expectedShare: window.expectedShare };
      const look = { ...times, observed: true, canary: sideOf(own, "2"), baseline: sideOf(own, "1") };
      const judged = judgeSequential(state, look, policy);
      state = compactState(judged.state);
      verdict = judged.verdict;
      looks += 1;
      judgedUntil = window.to.getTime();
      if (verdict.kind === "rollback" || window.last) return { verdict, atSeconds: (at - START) / SECOND, looks };
    }
  }

  private deliver(untilMs: number): void {
    for (; this.arrivals[this.arrived] && this.arrivals[this.arrived]!.atMs <= untilMs; this.arrived += 1) {
      const { interval: one } = this.arrivals[this.arrived]!;
      const key = `${one.version}/${one.fromMs}`;
      const known = this.books.get(key);
      if (!known) this.books.set(key, structuredClone(one));
      else {
        known.counts.requests += 1;
        known.counts.errors.thrown += one.counts.errors.thrown;
        known.counts.lagSeconds = Math.max(known.counts.lagSeconds!, one.counts.lagSeconds!);
      }
    }
  }
}

const SEEDS = 16;
const runs = (perSecond: number, errorRate: (second: number, version: string) => number) =>
  Array.from({ length: SEEDS }, (_, seed) => new Simulation(seed + 1, perSecond, errorRate).run());

describe("a release judged as its log arrives", () => {
  const outage = (second: number) => (second >= 91.3 && second < 131.7 ? 0.5 : 0);

  it.each([3, 10, 100])("is not taken back for an outage of both versions, at %s requests/s", (perSecond) => {
    const bad = runs(perSecond, outage).filter(({ verdict }) => verdict.kind === "rollback");
    expect(bad).toEqual([]);
  });

  it("is taken back soon after its fault began, which only one of the versions has", () => {
    const times = runs(10, (second, version) => (version === "2" && second >= 91.3 ? 0.2 : 0))
      .map(({ atSeconds }) => atSeconds)
      .sort((a, b) => a - b);
    expect(times[SEEDS / 2]).toBeLessThan(91 + 30);
  });

  it("looks every ten seconds where nothing fails, and more often only where something does", () => {
    const quiet = runs(10, () => 0);
    expect(Math.max(...quiet.map(({ looks }) => looks))).toBeLessThanOrEqual(30);
    const failing = runs(10, () => 0.05);
    expect(Math.max(...failing.map(({ looks }) => looks))).toBeLessThanOrEqual((SHIFT_SECONDS * SECOND) / INTERVAL_MS);
  });
});
