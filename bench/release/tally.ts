import { binomial, type Law } from "../../lib/core/judge/sequential/null-law.ts";

/** What one method did over some runs of a cell; lists, because parts of a cell may be put together in any order. */
export interface Tally {
  runs: number;
  /** Taken back, for whatever reason. */
  back: number;
  /** Of these, before the fault. */
  early: number;
  /** Seconds from the first failed request of the fault, of those that were taken back for it. */
  detect: number[];
  decide: number[];
  restore: number[];
  /** Requests that failed on the canary until traffic was restored, or to the end of the shift; of every run. */
  failed: number[];
}

export const emptyTally = (): Tally => ({
  runs: 0,
  back: 0,
  early: 0,
  detect: [],
  decide: [],
  restore: [],
  failed: [],
});

export const addTally = (a: Tally, b: Tally): Tally => ({
  runs: a.runs + b.runs,
  back: a.back + b.back,
  early: a.early + b.early,
  detect: [...a.detect, ...b.detect],
  decide: [...a.decide, ...b.decide],
  restore: [...a.restore, ...b.restore],
  failed: [...a.failed, ...b.failed],
});

/** What one release made the guard do, summed over runs; by where it reads from. */
export interface Work {
  runs: number;
  looks: number;
  /** Metrics asked for. */
  asked: number;
  batches: number;
  writes: number;
  reads: number;
  /** Seconds from the start of the shift to the end of the watch. */
  seconds: number;
  /** Releases in which the log was left for metrics. */
  left: number;
}

export const noWork = (): Work => ({
  runs: 0,
  looks: 0,
  asked: 0,
  batches: 0,
  writes: 0,
  reads: 0,
  seconds: 0,
  left: 0,
});

export const addWork = (a: Work, b: Work): Work =>
  Object.fromEntries(
    Object.entries(a).map(([name, value]) => [name, value + b[name as keyof Work]]),
  ) as unknown as Work;

/** Nearest rank; undefined for no values. */
export function quantile(values: readonly number[], q: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)];
}

export const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

const Z = 1.96;

/** How many times as many requests failed, with its 95 % interval: both methods saw the same runs (delta method). */
export function ratioOfMeans(theirs: readonly number[], ours: readonly number[]) {
  const [a, b] = [mean(theirs), mean(ours)];
  const ratio = a / b;
  const residuals = theirs.map((value, i) => value - ratio * ours[i]!);
  const variance = mean(residuals.map((value) => value * value)) / theirs.length;
  const half = (Z * Math.sqrt(variance)) / b;
  return { ratio, low: ratio - half, high: ratio + half };
}

/** The exact 95 % interval of a share (Clopper and Pearson 1934). */
export function exactInterval(count: number, of: number): { low: number; high: number } {
  const atMost = (k: number, p: number) => tail(binomial(of, p), 0, k);
  return {
    low: count === 0 ? 0 : bisect((p) => 1 - atMost(count - 1, p) < 0.025),
    high: count === of ? 1 : bisect((p) => atMost(count, p) > 0.025),
  };
}

const tail = ({ from, probabilities }: Law, least: number, most: number) => {
  let sum = 0;
  for (let i = Math.max(0, least - from); i < probabilities.length && from + i <= most; i += 1)
    sum += probabilities[i]!;
  return sum;
};

/** The largest p for which it holds. */
function bisect(holds: (p: number) => boolean): number {
  let [low, high] = [0, 1];
  for (let i = 0; i < 40; i += 1) {
    const middle = (low + high) / 2;
    if (holds(middle)) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
