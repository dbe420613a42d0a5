import { drawBinomial, type Uniform } from "../../lib/core/judge/sequential/traffic.ts";

/** Probability that a standard normal is above `z` (Abramowitz and Stegun 26.2.17, error below 1e-7). */
export function normalTail(z: number): number {
  if (z < 0) return 1 - normalTail(-z);
  const t = 1 / (1 + 0.2316419 * z);
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * series;
}

/** Of `count` requests, those above each of the thresholds, whose probabilities fall. */
export function drawAbove(uniform: Uniform, count: number, probabilities: readonly number[]): number[] {
  let left = count;
  let before = 1;
  return probabilities.map((probability) => {
    left = drawBinomial(uniform, left, Math.min(1, probability / before));
    before = probability;
    return left;
  });
}

/** The p99 of so many standard normal values (the least of them that 99 % are not above), without drawing them all. */
export function drawP99(uniform: Uniform, count: number): number {
  const rank = Math.ceil(0.99 * count);
  const above = drawGamma(uniform, count + 1 - rank);
  const share = above / (above + drawGamma(uniform, rank));
  let [low, high] = [-8, 8];
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2;
    if (normalTail(middle) > share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Marsaglia and Tsang 2000; shape ≥ 1. */
function drawGamma(uniform: Uniform, shape: number): number {
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = drawNormal(uniform);
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - uniform()) < (x * x) / 2 + d - d * v + d * Math.log(v)) return d * v;
  }
}

const drawNormal = (uniform: Uniform) => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
