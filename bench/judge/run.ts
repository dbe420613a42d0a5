import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Conditions, leastSeconds } from "../../lib/core/judge/sequential/traffic.ts";
import type { Benchmark } from "../run.ts";
import { measureCost } from "./cost.ts";
import { page } from "./page.ts";
import type { HealthyRow, RegressionRow } from "./rows.ts";
import { runCell } from "./trial.ts";

const ALPHA = 0.01;
const LOOK_SECONDS = 10;
/** Regressions that no test can find sooner than this are listed as out of reach. Seconds. */
const REACH_SECONDS = 1200;

const RATES = [1 / 60, 1, 10, 100, 1000];
const SHARES = [0.01, 0.1, 0.5];
const BASELINES = [0, 0.001, 0.01];
const canaryRates = (baseline: number) => [baseline + 0.005, 0.02, 0.05, 0.2, 1];

/** Compares ways to decide on the same random traffic and writes docs/benchmarks/judge.md. */
export const run: Benchmark = async (args) => {
  const { values } = parseArgs({
    args,
    options: { quick: { type: "boolean" }, runs: { type: "string" }, healthy: { type: "string" } },
  });
  const runs = Number(values.runs ?? (values.quick ? 20 : 2000));
  const healthyRuns = Number(values.healthy ?? (values.quick ? 300 : 20_000));
  if (!(runs >= 1) || !(healthyRuns >= 1)) {
    process.stderr.write("--runs and --healthy take a number of runs, at least 1\n");
    return 2;
  }
  const started = performance.now();
  const { rows, unreachable } = regressions(runs);
  const healthy = healthyRows(healthyRuns);
  const cost = measureCost();
  const minutes = (performance.now() - started) / 60_000;
  const text = page({ rows, unreachable, healthy, cost, runs, healthyRuns, minutes });
  writeFileSync(new URL("../../docs/benchmarks/judge.md", import.meta.url), text);
  process.stdout.write(`docs/benchmarks/judge.md written (${minutes.toFixed(1)} min)\n`);
  return 0;
};

function regressions(runs: number): { rows: RegressionRow[]; unreachable: number } {
  const rows: RegressionRow[] = [];
  let unreachable = 0;
  for (const requestsPerSecond of RATES) {
    for (const share of SHARES) {
      for (const baselineRate of BASELINES) {
        for (const canaryRate of canaryRates(baselineRate)) {
          const conditions: Conditions = { requestsPerSecond, share, baselineRate, canaryRate };
          const limit = leastSeconds(conditions, ALPHA);
          const floor = Math.max(limit, LOOK_SECONDS, 3 / (requestsPerSecond * share * canaryRate));
          if (floor > REACH_SECONDS) {
            unreachable++;
            continue;
          }
          const horizon = Math.ceil(Math.max(600, 6 * floor) / 60) * 60;
          const outcomes = runCell(() => conditions, share, horizon, runs, rows.length + 1);
          rows.push({ conditions, limit, floor, horizon, outcomes });
          process.stderr.write(".");
        }
      }
    }
  }
  process.stderr.write("\n");
  return { rows, unreachable };
}

const HEALTHY_SECONDS = 600;

function healthyRows(runs: number): HealthyRow[] {
  const rows: HealthyRow[] = [];
  const add = (name: string, at: (seconds: number) => Conditions, share: number) => {
    rows.push({ name, outcomes: runCell(at, share, HEALTHY_SECONDS, runs, 5000 + rows.length) });
    process.stderr.write(".");
  };
  const same = (requestsPerSecond: number, share: number, rate: number): Conditions => ({
    requestsPerSecond,
    share,
    baselineRate: rate,
    canaryRate: rate,
  });
  for (const rate of [1 / 60, 1, 10, 100]) {
    const what = rate < 1 ? "1/min" : `${rate}/s`;
    for (const share of [0.1, 0.5]) {
      for (const errors of [0.001, 0.01]) {
        add(`${what}, share ${share}, errors ${100 * errors} %`, () => same(rate, share, errors), share);
      }
      add(`${what}, share ${share}, outage of 20 % on both`, () => same(rate, share, 0.2), share);
    }
    add(`${what}, outage of all`, () => same(rate, 0.1, 1), 0.1);
    add(`${what}, burst of 50 % in the third minute`, (t) => same(rate, 0.1, t > 120 && t <= 180 ? 0.5 : 0.002), 0.1);
    add(`${what}, ramp to 30 %`, (t) => same(rate, 0.1, (0.3 * t) / HEALTHY_SECONDS), 0.1);
    add(`${what}, true share 0.12, errors 1 %`, () => same(rate, 0.12, 0.01), 0.1);
    add(`${what}, true share 0.12, outage of 20 %`, () => same(rate, 0.12, 0.2), 0.1);
  }
  process.stderr.write("\n");
  return rows;
}
