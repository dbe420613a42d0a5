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
  let first = mode;
  let total = 1;
  for (let p = 1; first > low; first--) {
    p /= ratioUp(first - 1);
    if (p < NEGLIGIBLE) break;
    total += p;
  }
  let last = mode;
  for (let p = 1; last < high; last++) {
    p *= ratioUp(last);
    if (p < NEGLIGIBLE) break;
    total += p;
  }
  const probabilities = new Float64Array(last - first + 1);
  const top = 1 / total;
  for (let j = mode, p = top; ; p *= ratioUp(j++)) {
    probabilities[j - first] = p;
    if (j === last) break;
  }
  for (let j = mode, p = top; ; p /= ratioUp(--j)) {
    probabilities[j - first] = p;
    if (j === first) break;
  }
  return { from: first, mode, probabilities };
}

/** The sum of what `fromMode` would hold, over its largest cell. */
function sumFromMode(mode: number, low: number, high: number, ratioUp: (j: number) => number): number {
  let total = 1;
  for (let j = mode, p = 1; j > low && p > NEGLIGIBLE; j--) total += p /= ratioUp(j - 1);
  for (let j = mode, p = 1; j < high && p > NEGLIGIBLE; j++) total += p *= ratioUp(j);
  return total;
}

/**
 * Fisher's non-central hypergeometric law of the canary's errors, for the odds ratio `oddsRatio` (1: no difference).
 */
export function hypergeometric(canary: number, baseline: number, errors: number, oddsRatio = 1): Law {
  const { mode, low, high, ratioUp } = hypergeometricShape(canary, baseline, errors, oddsRatio);
  return fromMode(mode, low, high, ratioUp);
}

/** log of the sum over j of C(canary, j) C(baseline, errors − j) oddsRatio^j. */
export function logHypergeometricSum(canary: number, baseline: number, errors: number, oddsRatio: number): number {
  const { mode, low, high, ratioUp } = hypergeometricShape(canary, baseline, errors, oddsRatio);
  return (
    logChoose(canary, mode) +
    logChoose(baseline, errors - mode) +
    mode * Math.log(oddsRatio) +
    Math.log(sumFromMode(mode, low, high, ratioUp))
  );
}

const logChoose = (n: number, k: number) => logFactorial(n) - logFactorial(k) - logFactorial(n - k);

function hypergeometricShape(canary: number, baseline: number, errors: number, oddsRatio: number) {
  const low = Math.max(0, errors - baseline);
  const high = Math.min(errors, canary);
  const ratioUp = (j: number) => (((canary - j) * (errors - j)) / ((j + 1) * (baseline - errors + j + 1))) * oddsRatio;
  // The mode is where the ratio of neighbours falls below 1; it is monotone, so bisection finds it.
  let mode = low;
  let above = high;
  while (mode < above) {
    const middle = Math.floor((mode + above) / 2);
    if (ratioUp(middle) >= 1) mode = middle + 1;
    else above = middle;
  }
  return { mode, low, high, ratioUp };
}

/** Binomial law of the canary's share of `errors` when each one falls on it with the odds of `share` times `oddsRatio`. */
export function binomial(errors: number, share: number, oddsRatio = 1): Law {
  if (share <= 0) return certain(0);
  if (share >= 1) return certain(errors);
  const odds = (share / (1 - share)) * oddsRatio;
  const mode = Math.min(errors, Math.floor(((errors + 1) * odds) / (1 + odds)));
  return fromMode(mode, 0, errors, (j) => ((errors - j) / (j + 1)) * odds);
}
