import { drawBinomial, drawPoisson, type Uniform } from "../../lib/core/judge/sequential/traffic.ts";
import type { SideCounts } from "../../lib/core/judge/types.ts";
import { trafficName } from "./cells.ts";
import { drawAbove, drawP99, normalTail } from "./durations.ts";

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

interface Release {
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
}

const steady = (requestsPerSecond: number): Release => ({
  requestsPerSecond,
  share: JUDGE_SHARE,
  canaryRate: 0.01,
  baselineRate: 0.01,
  canarySlower: 1,
  baselineSlower: 1,
  coldStarts: 0,
});

const RATES = [1, 10, 100];

export function judgeCells(): JudgeCell[] {
  const cells: JudgeCell[] = [];
  for (const rate of RATES) {
    const add = (name: string, healthy: boolean, at: (elapsedSeconds: number) => Partial<Release>) =>
      cells.push({
        key: `judge ${trafficName(rate)}, ${name}`,
        name: `${trafficName(rate)}, ${name}`,
        requestsPerSecond: rate,
        healthy,
        minutes: (uniform) => (elapsed) => drawMinute(uniform, { ...steady(rate), ...at(elapsed) }, elapsed),
      });
    add("errors 1 %", true, () => ({}));
    add("outage of 20 %, three times as slow, on both from the third minute", true, (t) =>
      t <= 120 ? {} : { canaryRate: 0.2, baselineRate: 0.2, canarySlower: 3, baselineSlower: 3 },
    );
    add("cold starts on the canary", true, () => ({ coldStarts: rate === 1 ? 3 : rate === 10 ? 20 : 30 }));
    add("0.12 of the traffic comes, not 0.1", true, () => ({ share: 0.12 }));
    add("20 % slower", false, () => ({ canarySlower: 1.2 }));
    add("twice as slow", false, () => ({ canarySlower: 2 }));
    add("errors 1 % → 5 %", false, () => ({ canaryRate: 0.05 }));
    add("errors 1 % → 20 %", false, () => ({ canaryRate: 0.2 }));
  }
  return cells;
}

function drawMinute(uniform: Uniform, release: Release, elapsedSeconds: number): Minute {
  const requests = drawPoisson(uniform, release.requestsPerSecond * 60);
  const canary = drawBinomial(uniform, requests, release.share);
  const cold = elapsedSeconds <= 60 ? Math.min(canary, release.coldStarts) : 0;
  return {
    canary: drawSide(uniform, canary, release.canaryRate, release.canarySlower, cold),
    baseline: drawSide(uniform, requests - canary, release.baselineRate, release.baselineSlower, 0),
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
