import type { Look, SideCounts } from "../../lib/core/judge/types.ts";
import type { Clock, MonitoringPort } from "../../lib/core/ports.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import type { LookWindow } from "../../lib/core/release/shift.ts";
import { factsOf, type Log } from "./log.ts";

/**
 * Lambda publishes a minute's metrics some time after the minute; AWS gives no bound. One to two minutes are seen
 * [unverified]. Milliseconds.
 */
export const METRIC_LAG_MS = 90_000;

const ATTEMPTS = 3;
const RETRY_MS = 5000;

interface LookPorts {
  clock: Clock;
  monitoring: Pick<MonitoringPort, "versionCounts">;
}

/** When the window's metrics are out. */
export const publishedAt = ({ to }: LookWindow) => new Date(to.getTime() + METRIC_LAG_MS);

/** Reads both versions over the same minutes. Monitoring that cannot be read gives an unobserved look, not an error. */
export async function takeLook(
  ports: LookPorts,
  release: Pick<ReleaseRecord, "functionName" | "alias" | "canaryVersion" | "baselineVersion">,
  window: LookWindow,
  log: Log,
  signal: AbortSignal,
): Promise<Look> {
  const { from, to, expectedShare, elapsedSeconds } = window;
  const about = { elapsedSeconds, seconds: (to.getTime() - from.getTime()) / 1000, expectedShare };
  const { functionName, alias } = release;
  const count = (version: string) => ports.monitoring.versionCounts({ functionName, alias, version, from, to });
  for (let attempt = 1; ; attempt += 1) {
    try {
      const [canary, baseline] = await Promise.all([count(release.canaryVersion), count(release.baselineVersion)]);
      return { ...about, observed: true, canary, baseline };
    } catch (error) {
      signal.throwIfAborted();
      log.warn("monitoring could not be read", { attempt, ...factsOf(error) });
      if (attempt === ATTEMPTS) return { ...about, ...unobserved };
      await ports.clock.sleep(RETRY_MS, signal);
    }
  }
}

const nothing: SideCounts = {
  invocations: 0,
  errors: 0,
  throttles: 0,
  averageDurationMs: undefined,
  p99DurationMs: undefined,
};

export const unobserved = { observed: false, canary: nothing, baseline: nothing };
