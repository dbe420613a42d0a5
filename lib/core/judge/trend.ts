/** Does a series rise? Robust against single outliers. */
export interface Trend {
  /** Median of the slopes between all pairs (Theil–Sen), units a step. */
  slope: number;
  /** One-sided p-value of "rises" (Mann–Kendall, normal approximation with continuity correction). */
  pValue: number;
}

/** Undefined below four values. Quadratic in their number. */
export function trendOf(values: readonly number[]): Trend | undefined {
  const n = values.length;
  if (n < 4) return undefined;
  const slopes: number[] = [];
  let score = 0;
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      slopes.push((values[j]! - values[i]!) / (j - i));
      score += Math.sign(values[j]! - values[i]!);
    }
  }
  slopes.sort((a, b) => a - b);
  const middle = slopes.length / 2;
  const slope = slopes.length % 2 === 1 ? slopes[Math.floor(middle)]! : (slopes[middle - 1]! + slopes[middle]!) / 2;
  const variance = (n * (n - 1) * (2 * n + 5)) / 18;
  const z = (score - Math.sign(score)) / Math.sqrt(variance);
  return { slope, pValue: upperTail(z) };
}

/** P(normal > z), Abramowitz and Stegun 7.1.26: error below 1.5e-7. */
function upperTail(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const polynomial = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  const tail = (polynomial * Math.exp(-x * x)) / 2;
  return z >= 0 ? tail : 1 - tail;
}
