import type { Clock, MonitoringPort } from "../../lib/core/ports.ts";
import { slowThresholds } from "../../lib/core/release/slow-thresholds.ts";
import { factsOf, type Log } from "../runtime/log.ts";

const HOUR_MS = 3_600_000;

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
