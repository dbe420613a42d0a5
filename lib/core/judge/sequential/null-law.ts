/**
 * The law of the canary's errors in one block when the version makes no difference: given how many requests each
 * version served and how many errors there were in all, every set of requests is equally likely to be the one that
 * failed. The error rate itself does not enter, so an outage that hits both versions carries no evidence.
 * (Conditioning as in Lindon and Malek 2022, with the realised split in place of the configured weight.)
 */

/** Counts of one block of new data; whole numbers ≥ 0, errors ≤ requests. */
export interface Block {
  canaryRequests: number;
  baselineRequests: number;
  canaryErrors: number;
  baselineErrors: number;
}

/** Probabilities of `from`, `from + 1`, … */
export interface Law {
  from: number;
  /** The likeliest value. */
  mode: number;
  probabilities: Float64Array;
}

const TABLE_SIZE = 1024;
const table = new Float64Array(TABLE_SIZE);
for (let k = 2; k < TABLE_SIZE; k++) table[k] = table[k - 1]! + Math.log(k);

/** log k!, exact summation below 1024, Stirling's series beyond (error < 1e-16 relative). */
export function logFactorial(k: number): number {
  if (k < TABLE_SIZE) return table[k]!;
  const n = k + 1;
  return (n - 0.5) * Math.log(n) - n + 0.9189385332046727 + 1 / (12 * n) - 1 / (360 * n ** 3) + 1 / (1260 * n ** 5);
}

/** The law of a value that is known. */
export const certain = (value: number): Law => ({ from: value, mode: value, probabilities: Float64Array.of(1) });

/** Cells below this share of the largest one are left out; what they hold is below rounding error of the sum. */
const NEGLIGIBLE = 1e-16;

/** Grows a law outwards from its mode by the ratio of neighbouring cells, so that it costs what its width costs. */
function fromMode(mode: number, low: number, high: number, ratioUp: (j: number) => number): Law {
  const up: number[] = [1];
  for (let j = mode, p = 1; j < high; j++) {
    p *= ratioUp(j);
    if (p < NEGLIGIBLE) break;
    up.push(p);
  }
  const down: number[] = [];
  for (let j = mode, p = 1; j > low; j--) {
    p /= ratioUp(j - 1);
    if (p < NEGLIGIBLE) break;
    down.push(p);
  }
  const probabilities = new Float64Array(down.length + up.length);
  for (let i = 0; i < down.length; i++) probabilities[down.length - 1 - i] = down[i]!;
  probabilities.set(up, down.length);
  const sum = probabilities.reduce((total, p) => total + p, 0);
  for (let i = 0; i < probabilities.length; i++) probabilities[i]! /= sum;
  return { from: mode - down.length, mode, probabilities };
}

/**
 * Fisher's non-central hypergeometric law of the canary's errors, for the odds ratio `oddsRatio` (1: no difference).
 */
export function hypergeometric(canary: number, baseline: number, errors: number, oddsRatio = 1): Law {
  const low = Math.max(0, errors - baseline);
  const high = Math.min(errors, canary);
  const ratioUp = (j: number) => (((canary - j) * (errors - j)) / ((j + 1) * (baseline - errors + j + 1))) * oddsRatio;
  // The mode is where the ratio of neighbours falls below 1; it is monotone, so bisection finds it.
  let a = low;
  let b = high;
  while (a < b) {
    const middle = Math.floor((a + b) / 2);
    if (ratioUp(middle) >= 1) a = middle + 1;
    else b = middle;
  }
  return fromMode(a, low, high, ratioUp);
}

/** Binomial law of the canary's share of `errors` when each one falls on it with the odds of `share` times `oddsRatio`. */
export function binomial(errors: number, share: number, oddsRatio = 1): Law {
  if (share <= 0) return certain(0);
  if (share >= 1) return certain(errors);
  const odds = (share / (1 - share)) * oddsRatio;
  const mode = Math.min(errors, Math.floor(((errors + 1) * odds) / (1 + odds)));
  return fromMode(mode, 0, errors, (j) => ((errors - j) / (j + 1)) * odds);
}
