import { drawBinomial, drawPoisson, type Uniform } from "../../lib/core/judge/sequential/traffic.ts";
import type { SideCounts } from "../../lib/core/judge/types.ts";
import { trafficName } from "./cells.ts";
import { drawAbove, drawP99, normalTail } from "./durations.ts";
import { late } from "./late-minutes.ts";

/** Both versions' counts of one minute; `elapsedSeconds` at its end. */
export interface Minute {
  canary: SideCounts;
  baseline: SideCounts;
}

/** A release that the whole judge watches, minute by minute as CloudWatch counts. */
export interface JudgeCell {
  key: string;
  name: string;
  requestsPerSecond: number;
  healthy: boolean;
  /** Harmless, but in every run an environment of the canary goes bad: outside what the tests assume. */
  fault: boolean;
  minutes: (uniform: Uniform) => (elapsedSeconds: number) => Minute;
}

/** What the methods are told. */
export const JUDGE_SHARE = 0.1;
export const JUDGE_HORIZON_SECONDS = 600;

/** Lognormal durations: median and spread of the logarithm. */
const MEDIAN_MS = 100;
const SPREAD = 0.6;
/** Of the baseline before the release: its median, p90 and p99. Milliseconds. */
export const THRESHOLDS_MS = [0, 1.2815515655, 2.326347874].map((z) => MEDIAN_MS * Math.exp(SPREAD * z));

export interface Release {
  requestsPerSecond: number;
  /** Share of traffic that comes. */
  share: number;
  canaryRate: number;
  baselineRate: number;
  /** Times as long as before the release. */
  canarySlower: number;
  baselineSlower: number;
  /** Canary requests of the first minute that start an environment, which takes them over every threshold. */
  coldStarts: number;
  /** What each of the canary's environments has of its requests; none: they are not told apart. */
  environments: number[];
  /** Part of the minute in which the first of them fails everything. */
  badCanary: number;
  /** Part of the baseline's requests that an environment of its own fails. */
  badBaseline: number;
}

const steady = (requestsPerSecond: number): Release => ({
  requestsPerSecond,
  share: JUDGE_SHARE,
  canaryRate: 0.01,
  baselineRate: 0.01,
  canarySlower: 1,
  baselineSlower: 1,
  coldStarts: 0,
  environments: [],
  badCanary: 0,
  badBaseline: 0,
});

const RATES = [1, 10, 100];
const FAULT = "one of the canary's";
const TWO = [0.5, 0.5];
const FIVE = [0.2, 0.2, 0.2, 0.2, 0.2];
const UNEVEN = [0.9, 0.1];

/** What is not as `steady` has it, at so many seconds since the shift began; for one run. */
type Course = (uniform: Uniform) => (elapsedSeconds: number) => Partial<Release>;

export function judgeCells(): JudgeCell[] {
  const cells: JudgeCell[] = [];
  for (const rate of RATES) {
    const add = (name: string, healthy: boolean, course: Course, published = onTime) =>
      cells.push({
        key: `judge ${trafficName(rate)}, ${name}`,
        name: `${trafficName(rate)}, ${name}`,
        requestsPerSecond: rate,
        healthy,
        fault: name.startsWith(FAULT),
        minutes(uniform) {
          const at = course(uniform);
          return published(uniform, (elapsed) => ({ ...steady(rate), ...at(elapsed) }));
        },
      });
    const always =
      (changes: Partial<Release>): Course =>
      () =>
      () =>
        changes;
    const outage: Course = () => (t) =>
      t <= 120 ? {} : { canaryRate: 0.2, baselineRate: 0.2, canarySlower: 3, baselineSlower: 3 };
    const worse: Course = () => (t) => (t <= 120 ? {} : { canaryRate: 0.4, baselineRate: 0.2 });
    add("errors 1 %", true, always({}));
    add("outage of 20 %, three times as slow, on both from the third minute", true, outage);
    add("the same outage, minutes up to five minutes late, out of order and twice", true, outage, late);
    add("cold starts on the canary", true, always({ coldStarts: rate === 1 ? 3 : rate === 10 ? 20 : 30 }));
    add("0.12 of the traffic comes, not 0.1", true, always({ share: 0.12 }));
    add("one of 12 environments fails everything, two are the canary's", true, badEnvironment(TWO, 10));
    add(`${FAULT} two environments fails everything`, true, badEnvironment(TWO, 0));
    add(`${FAULT} five environments fails everything`, true, badEnvironment(FIVE, 0));
    add("20 % of the baseline and 40 % of the canary fail from the third minute", false, worse);
    add("20 % slower", false, always({ canarySlower: 1.2 }));
    add("twice as slow", false, always({ canarySlower: 2 }));
    add("errors 1 % → 5 %", false, always({ canaryRate: 0.05 }));
    add("errors 1 % → 5 %, minutes late, out of order and twice", false, always({ canaryRate: 0.05 }), late);
    add("errors 1 % → 20 %", false, always({ canaryRate: 0.2 }));
    for (const to of [0.05, 0.2, 1]) {
      const errors = `errors 1 % → ${100 * to} %`;
      add(`${errors}, two environments`, false, always({ canaryRate: to, environments: TWO }));
      add(`${errors}, two environments, one with 90 %`, false, always({ canaryRate: to, environments: UNEVEN }));
      add(`${errors}, five environments`, false, always({ canaryRate: to, environments: FIVE }));
    }
  }
  return cells;
}

/** One environment, any of them alike, fails everything from a random moment on; the version has nothing to do with it. */
const badEnvironment =
  (environments: number[], others: number): Course =>
  (uniform) => {
    const onCanary = uniform() * (environments.length + others) < environments.length;
    const from = uniform() * JUDGE_HORIZON_SECONDS;
    return (elapsed) => {
      const part = Math.min(1, Math.max(0, (elapsed - from) / 60));
      return { environments, badCanary: onCanary ? part : 0, badBaseline: onCanary ? 0 : part / others };
    };
  };

type Published = (uniform: Uniform, at: (elapsedSeconds: number) => Release) => (elapsedSeconds: number) => Minute;

const onTime: Published = (uniform, at) => (elapsed) => drawMinute(uniform, at(elapsed), elapsed);

export function drawMinute(uniform: Uniform, release: Release, elapsedSeconds: number): Minute {
  const requests = drawPoisson(uniform, release.requestsPerSecond * 60);
  const canary = drawBinomial(uniform, requests, release.share);
  const cold = elapsedSeconds <= 60 ? Math.min(canary, release.coldStarts) : 0;
  const { canaryRate, canarySlower, baselineRate, baselineSlower, badBaseline } = release;
  const side = drawSide(uniform, canary, canaryRate, canarySlower, cold);
  return {
    canary: release.environments.length > 0 ? { ...side, ...drawEnvironments(uniform, canary, release) } : side,
    baseline: drawSide(uniform, requests - canary, baselineRate + badBaseline * (1 - baselineRate), baselineSlower, 0),
  };
}

/** The canary's requests fall on its environments at random; its errors are theirs. */
function drawEnvironments(uniform: Uniform, canary: number, { environments, canaryRate, badCanary }: Release) {
  let left = canary;
  let weight = 1;
  const counts = environments.map((share, i) => {
    const requests = i === environments.length - 1 ? left : drawBinomial(uniform, left, Math.min(1, share / weight));
    left -= requests;
    weight -= share;
    const rate = i === 0 ? canaryRate + badCanary * (1 - canaryRate) : canaryRate;
    return { requests, errors: drawBinomial(uniform, requests, rate) };
  });
  return {
    errors: counts.reduce((sum, { errors }) => sum + errors, 0),
    environments: Object.fromEntries(counts.map((one, i) => [`environment ${i + 1}`, one])),
  };
}

function drawSide(uniform: Uniform, invocations: number, rate: number, slower: number, cold: number): SideCounts {
  const above = THRESHOLDS_MS.map((ms) => normalTail(Math.log(ms / (MEDIAN_MS * slower)) / SPREAD));
  const warm = drawAbove(uniform, invocations - cold, above);
  const scale = MEDIAN_MS * slower;
  return {
    invocations,
    errors: drawBinomial(uniform, invocations, rate),
    throttles: 0,
    averageDurationMs: invocations === 0 ? undefined : scale * Math.exp(SPREAD ** 2 / 2),
    p99DurationMs: invocations === 0 ? undefined : scale * Math.exp(SPREAD * drawP99(uniform, invocations)),
    slow: warm.map((count) => count + cold),
    coldStarts: cold,
  };
}
