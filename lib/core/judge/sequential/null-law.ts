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

/** A law by the ratio of neighbouring cells. Plain numbers: functions made for each law would cost more than the law. */
interface Shape {
  low: number;
  high: number;
  errors: number;
  odds: number;
  /** Requests of both versions; undefined for the binomial law. */
  requests: { canary: number; baseline: number } | undefined;
}

/** P(j + 1) over P(j). */
function ratioUp({ errors, odds, requests }: Shape, j: number): number {
  const ratio = (errors - j) / (j + 1);
  if (!requests) return ratio * odds;
  return ((requests.canary - j) / (requests.baseline - errors + j + 1)) * ratio * odds;
}

/** Where the ratio of neighbours falls below 1; it is monotone, so bisection finds it. */
function modeOf(shape: Shape): number {
  let mode = shape.low;
  let above = shape.high;
  while (mode < above) {
    const middle = Math.floor((mode + above) / 2);
    if (ratioUp(shape, middle) >= 1) mode = middle + 1;
    else above = middle;
  }
  return mode;
}

/** Grows a law outwards from its mode, so that it costs what its width costs. */
function lawOf(shape: Shape): Law {
  const mode = modeOf(shape);
  let first = mode;
  let total = 1;
  for (let p = 1; first > shape.low; first--) {
    p /= ratioUp(shape, first - 1);
    if (p < NEGLIGIBLE) break;
    total += p;
  }
  let last = mode;
  for (let p = 1; last < shape.high; last++) {
    p *= ratioUp(shape, last);
    if (p < NEGLIGIBLE) break;
    total += p;
  }
  const probabilities = new Float64Array(last - first + 1);
  let p = 1 / total;
  probabilities[mode - first] = p;
  for (let j = mode; j < last; j++) {
    p *= ratioUp(shape, j);
    probabilities[j + 1 - first] = p;
  }
  p = 1 / total;
  for (let j = mode; j > first; j--) {
    p /= ratioUp(shape, j - 1);
    probabilities[j - 1 - first] = p;
  }
  return { from: first, mode, probabilities };
}

const hypergeometricShape = (canary: number, baseline: number, errors: number, odds: number): Shape => ({
  low: Math.max(0, errors - baseline),
  high: Math.min(errors, canary),
  errors,
  odds,
  requests: { canary, baseline },
});

/**
 * Fisher's non-central hypergeometric law of the canary's errors, for the odds ratio `oddsRatio` (1: no difference).
 */
export function hypergeometric(canary: number, baseline: number, errors: number, oddsRatio = 1): Law {
  return lawOf(hypergeometricShape(canary, baseline, errors, oddsRatio));
}

/** log of the sum over j of C(canary, j) C(baseline, errors − j) oddsRatio^j. */
export function logHypergeometricSum(canary: number, baseline: number, errors: number, oddsRatio: number): number {
  const shape = hypergeometricShape(canary, baseline, errors, oddsRatio);
  const mode = modeOf(shape);
  let sum = 1;
  for (let j = mode, p = 1; j > shape.low && p > NEGLIGIBLE; j--) {
    p /= ratioUp(shape, j - 1);
    sum += p;
  }
  for (let j = mode, p = 1; j < shape.high && p > NEGLIGIBLE; j++) {
    p *= ratioUp(shape, j);
    sum += p;
  }
  return logChoose(canary, mode) + logChoose(baseline, errors - mode) + mode * Math.log(oddsRatio) + Math.log(sum);
}

const logChoose = (n: number, k: number) => logFactorial(n) - logFactorial(k) - logFactorial(n - k);

/** Binomial law of the canary's share of `errors` when each one falls on it with the odds of `share` times `oddsRatio`. */
export function binomial(errors: number, share: number, oddsRatio = 1): Law {
  if (share <= 0) return certain(0);
  if (share >= 1) return certain(errors);
  return lawOf({ low: 0, high: errors, errors, odds: (share / (1 - share)) * oddsRatio, requests: undefined });
}
