/** The middle, the slow tenth and the slow hundredth. */
const PERCENTILES = [50, 90, 99];
/** Below this many requests the 99th percentile is the slowest request. */
const ENOUGH_REQUESTS = 100;

type Read = (percentiles: readonly number[]) => Promise<{ requests: number; valuesMs: readonly number[] } | undefined>;

/**
 * Durations above which requests count as slow, milliseconds, lowest first, from what was served before the shift; none
 * where too little was. Three digits are enough, and two percentiles that are as good as equal are one threshold.
 */
export async function slowThresholds(read: Read): Promise<number[]> {
  const served = await read(PERCENTILES);
  if (served === undefined || served.requests < ENOUGH_REQUESTS) return [];
  const rounded = served.valuesMs.map((value) => Number(value.toPrecision(3))).filter((value) => value > 0);
  return [...new Set(rounded)].sort((a, b) => a - b);
}
