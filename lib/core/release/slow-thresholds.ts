import { factsOf, type Log } from "../log.ts";
import type { Clock, MonitoringPort } from "../ports.ts";

const HOUR_MS = 3_600_000;
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

/**
 * The durations that will count as slow during the shift, from the alias' last hour. They are fixed before any traffic
 * moves: limits that are chosen while the canary runs would be chosen by what it does. Never throws; without them the
 * versions' durations are compared by the fixed rules only.
 */
export async function fixSlowThresholds(
  ports: { clock: Clock; monitoring: Pick<MonitoringPort, "durationPercentiles"> },
  { functionName, alias }: { functionName: string; alias: string },
  log: Log,
): Promise<number[]> {
  const to = ports.clock.now();
  const from = new Date(to.getTime() - HOUR_MS);
  try {
    const fixed = await slowThresholds((percentiles) =>
      ports.monitoring.durationPercentiles({ functionName, alias, from, to, percentiles }),
    );
    log.info("durations that count as slow", { slowThresholdsMs: fixed });
    return fixed;
  } catch (error) {
    log.warn("durations could not be read; the versions' are compared by fixed rules only", factsOf(error));
    return [];
  }
}
