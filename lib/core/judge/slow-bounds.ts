import type { SlowCount } from "../ports.ts";

/**
 * Between how many and how many of `requests` were slower than `thresholdMs`, from percentiles alone: where the p90 lies
 * above the threshold, at least a tenth of the requests do; where the p95 does not, at most a twentieth do.
 * `percentilesMs`: by number, such as 90.
 */
export function slowBounds(
  requests: number,
  percentilesMs: Readonly<Record<number, number>>,
  thresholdMs: number,
): SlowCount {
  const bounds: SlowCount = { least: 0, most: requests };
  for (const [name, value] of Object.entries(percentilesMs)) {
    const notAbove = (Number(name) / 100) * requests;
    // Rounded to the safe side, because how CloudWatch draws a percentile between two requests is not told.
    if (value > thresholdMs) bounds.least = Math.max(bounds.least, Math.floor(requests - notAbove + ROUNDING));
    else bounds.most = Math.min(bounds.most, requests - Math.floor(notAbove + ROUNDING));
  }
  return { ...bounds, most: Math.max(bounds.least, bounds.most) };
}

/** Far below one request. */
const ROUNDING = 1e-6;
