import type { Block } from "../../lib/core/judge/sequential/null-law.ts";
import { type Conditions, drawBinomial, drawBlock, leastSeconds } from "../../lib/core/judge/sequential/traffic.ts";
import { ALPHA } from "./detector.ts";
import { drawn, type ErrorCell } from "./error-trial.ts";
import { STEP_SECONDS } from "./tally.ts";

export interface RegressionCell extends ErrorCell {
  conditions: Conditions;
  /** Seconds: what no test can beat in the mean. */
  limit: number;
  /** Seconds: the limit, one look, or three canary errors, whichever is most. */
  floor: number;
}

export interface HealthyCell extends ErrorCell {
  name: string;
  /** Requests a second: with the share, the context in which methods are compared. */
  requestsPerSecond: number;
  /** Every release has a fault that requests do not share independently: outside what the test assumes. */
  clustered: boolean;
}

const RATES = [1 / 60, 1, 10, 100, 1000];
const SHARES = [0.01, 0.1, 0.5];
/** Requests a second up to which blocks may be sparse at some share. */
const SPARSE_RATE = 1;
const BASELINES = [0, 0.001, 0.01];
const canaryRates = (baseline: number) => [baseline + 0.005, 0.02, 0.05, 0.2, 1];
/** Regressions that no test can find sooner than this are counted as out of reach. Seconds. */
const REACH_SECONDS = 1200;

export const trafficName = (rate: number) => (rate < 1 ? `${(rate * 60).toFixed(0)}/min` : `${rate}/s`);
const percent = (value: number) => `${Number((100 * value).toPrecision(3))} %`;

export function regressionCells(): { cells: RegressionCell[]; unreachable: number } {
  const cells: RegressionCell[] = [];
  let unreachable = 0;
  for (const requestsPerSecond of RATES) {
    for (const share of SHARES) {
      for (const baselineRate of BASELINES) {
        for (const canaryRate of canaryRates(baselineRate)) {
          const conditions: Conditions = { requestsPerSecond, share, baselineRate, canaryRate };
          const limit = leastSeconds(conditions, ALPHA);
          const floor = Math.max(limit, STEP_SECONDS, 3 / (requestsPerSecond * share * canaryRate));
          if (floor > REACH_SECONDS) {
            unreachable++;
            continue;
          }
          cells.push({
            key: `${trafficName(requestsPerSecond)}, share ${share}, ${percent(baselineRate)} → ${percent(canaryRate)}`,
            conditions,
            limit,
            floor,
            share,
            horizonSeconds: Math.ceil(Math.max(600, 6 * floor) / 60) * 60,
            copies: 1,
            sparse: requestsPerSecond <= SPARSE_RATE,
            traffic: drawn(() => conditions),
          });
        }
      }
    }
  }
  return { cells, unreachable };
}

const HEALTHY_SECONDS = 600;
/** Where traffic is never thin, so many releases share the traffic of one. */
const COPIES = 10;

const same = (requestsPerSecond: number, share: number, rate: number): Conditions => ({
  requestsPerSecond,
  share,
  baselineRate: rate,
  canaryRate: rate,
});

export function healthyCells(): HealthyCell[] {
  const cells: HealthyCell[] = [];
  for (const rate of RATES) {
    const add = (name: string, share: number, traffic: ErrorCell["traffic"], clustered = false) =>
      cells.push({
        key: `healthy ${trafficName(rate)}, ${name}`,
        name: `${trafficName(rate)}, ${name}`,
        requestsPerSecond: rate,
        share,
        horizonSeconds: HEALTHY_SECONDS,
        copies: rate >= 10 && !clustered ? COPIES : 1,
        sparse: rate <= SPARSE_RATE,
        traffic,
        clustered,
      });
    for (const share of SHARES) {
      for (const errors of [0.001, 0.01]) {
        add(
          `share ${share}, errors ${percent(errors)}`,
          share,
          drawn(() => same(rate, share, errors)),
        );
      }
      add(
        `share ${share}, outage of 20 % on both`,
        share,
        drawn(() => same(rate, share, 0.2)),
      );
    }
    add(
      "share 0.1, outage of all",
      0.1,
      drawn(() => same(rate, 0.1, 1)),
    );
    const burst = (t: number) => (t > 120 && t <= 180 ? 0.5 : 0.002);
    add(
      "share 0.1, burst of 50 % in the third minute",
      0.1,
      drawn((t) => same(rate, 0.1, burst(t))),
    );
    add(
      "share 0.1, ramp to 30 %",
      0.1,
      drawn((t) => same(rate, 0.1, (0.3 * t) / HEALTHY_SECONDS)),
    );
    add(
      "share 0.1, of which 0.12 comes, errors 1 %",
      0.1,
      drawn(() => same(rate, 0.12, 0.01)),
    );
    add(
      "share 0.1, of which 0.12 comes, outage of 20 %",
      0.1,
      drawn(() => same(rate, 0.12, 0.2)),
    );
    add("share 0.1, a fifth arrives a minute late, ramp to 30 %", 0.1, late(rate));
    if (rate >= 1) add("share 0.1, one of 12 environments fails everything", 0.1, badEnvironment(rate), true);
  }
  return cells;
}

/** Requests are published with their outcome; a fifth of them a minute later. */
const late =
  (rate: number): ErrorCell["traffic"] =>
  (uniform) => {
    const waiting: Block[] = [];
    return (elapsed) => {
      const fresh = drawBlock(uniform, same(rate, 0.1, (0.3 * elapsed) / HEALTHY_SECONDS), STEP_SECONDS);
      const part = (requests: number, errors: number) => {
        const failed = drawBinomial(uniform, errors, 0.2);
        return [failed + drawBinomial(uniform, requests - errors, 0.2), failed] as const;
      };
      const [canaryRequests, canaryErrors] = part(fresh.canaryRequests, fresh.canaryErrors);
      const [baselineRequests, baselineErrors] = part(fresh.baselineRequests, fresh.baselineErrors);
      waiting.push({ canaryRequests, baselineRequests, canaryErrors, baselineErrors });
      const come = waiting.length > 6 ? waiting.shift()! : NOTHING;
      return {
        canaryRequests: fresh.canaryRequests - canaryRequests + come.canaryRequests,
        baselineRequests: fresh.baselineRequests - baselineRequests + come.baselineRequests,
        canaryErrors: fresh.canaryErrors - canaryErrors + come.canaryErrors,
        baselineErrors: fresh.baselineErrors - baselineErrors + come.baselineErrors,
      };
    };
  };

const NOTHING: Block = { canaryRequests: 0, baselineRequests: 0, canaryErrors: 0, baselineErrors: 0 };

/** Execution environments of the canary and of the baseline. */
const ENVIRONMENTS = [2, 10] as const;

/**
 * In every release one execution environment, any of them alike, fails all its requests from some moment on; the version
 * has nothing to do with it. 0.2 % of the other requests fail.
 */
const badEnvironment =
  (rate: number): ErrorCell["traffic"] =>
  (uniform) => {
    const [canary, baseline] = ENVIRONMENTS;
    const onCanary = uniform() * (canary + baseline) < canary;
    const from = uniform() * HEALTHY_SECONDS;
    return (elapsed) => {
      const block = drawBlock(uniform, same(rate, 0.1, 0.002), STEP_SECONDS);
      if (elapsed < from) return block;
      const [requests, errors] = onCanary
        ? ([block.canaryRequests, block.canaryErrors] as const)
        : ([block.baselineRequests, block.baselineErrors] as const);
      const failed = errors + drawBinomial(uniform, requests - errors, 1 / (onCanary ? canary : baseline));
      return onCanary ? { ...block, canaryErrors: failed } : { ...block, baselineErrors: failed };
    };
  };
