import type { Policy } from "../../contract/policy.ts";
import { type Counted, countNew, LATE_MINUTES, nothingCounted } from "../judge/increments.ts";
import { type Look, NO_COUNTS } from "../judge/types.ts";
import { factsOf, type Log, messageOf } from "../log.ts";
import type { Clock, DeclaredQuery, DeclaredValues, MonitoringPort } from "../ports.ts";
import type { ReleaseRecord } from "./records.ts";
import type { LookWindow } from "./shift.ts";

/**
 * Lambda publishes a minute's metrics some time after the minute; AWS gives no bound. One to two minutes are seen
 * [unverified]. Milliseconds.
 */
export const METRIC_LAG_MS = 90_000;

const ATTEMPTS = 3;
const RETRY_MS = 5000;
const MINUTE_MS = 60_000;

export interface LookPorts {
  clock: Clock;
  monitoring: Pick<MonitoringPort, "versionCounts" | "minuteCounts" | "peakConcurrency" | "declaredMetrics">;
}

/** What has been taken of both versions, and the most requests at once that cold starts were credited for. */
export interface Taken {
  canary: Counted;
  baseline: Counted;
  peak: number;
}

export const nothingTaken: Taken = { canary: nothingCounted, baseline: nothingCounted, peak: 0 };

/** When the window's metrics are out. */
export const publishedAt = ({ to }: LookWindow) => new Date(to.getTime() + METRIC_LAG_MS);

/**
 * Reads both versions over the same minutes; what came late for earlier ones is part of it. Monitoring that cannot be
 * read gives an unobserved look, not an error, and takes nothing.
 */
export async function takeLook(
  ports: LookPorts,
  release: Release,
  window: LookWindow,
  before: Taken,
  log: Log,
  signal: AbortSignal,
): Promise<{ look: Look; taken: Taken }> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await read(ports, release, window, before, attempt === ATTEMPTS);
    } catch (error) {
      signal.throwIfAborted();
      log.warn("monitoring could not be read", { attempt, ...factsOf(error) });
      if (attempt === ATTEMPTS) return { look: unobserved(window), taken: before };
      await ports.clock.sleep(RETRY_MS, signal);
    }
  }
}

type Release = Pick<
  ReleaseRecord,
  "functionName" | "alias" | "canaryVersion" | "baselineVersion" | "slowThresholdsMs" | "policy"
>;

/**
 * The policy's metrics of one version; undefined where it has none. They fail apart from Lambda's own, say for an
 * expression that CloudWatch refuses: then all of them are told to be unreadable.
 */
export async function readDeclared(
  monitoring: Pick<MonitoringPort, "declaredMetrics">,
  { metrics = [] }: Pick<Policy, "metrics">,
  query: DeclaredQuery,
): Promise<DeclaredValues | undefined> {
  if (metrics.length === 0) return undefined;
  try {
    return await monitoring.declaredMetrics({ ...query, metrics });
  } catch (error) {
    const why = messageOf(error);
    return { values: {}, unreadable: Object.fromEntries(metrics.map(({ name }) => [name, why])) };
  }
}

/** `isLast`: metrics of the policy that cannot be read do not take Lambda's own with them. */
async function read({ monitoring }: LookPorts, release: Release, window: LookWindow, before: Taken, isLast: boolean) {
  const { functionName, alias, slowThresholdsMs = [] } = release;
  const { from, to, since } = window;
  const { metrics = [] } = release.policy;
  const again = new Date(Math.max(since.getTime(), from.getTime() - LATE_MINUTES * MINUTE_MS));
  const side = (version: string) => {
    const query = { functionName, alias, version, to };
    return Promise.all([
      monitoring.versionCounts({ ...query, from }),
      monitoring.minuteCounts({ ...query, from: again, slowThresholdsMs }),
      isLast || metrics.length === 0
        ? readDeclared(monitoring, release.policy, { ...query, since, from })
        : monitoring.declaredMetrics({ ...query, since, from, metrics }),
    ]);
  };
  const [[canary, canaryMinutes, ofCanary], [baseline, baselineMinutes, ofBaseline], peakNow] = await Promise.all([
    side(release.canaryVersion),
    side(release.baselineVersion),
    monitoring.peakConcurrency({ functionName, alias, from, to }),
  ]);
  const fresh = countNew(before.canary, canaryMinutes, "least");
  const other = countNew(before.baseline, baselineMinutes, "most");
  // Lambda has no metric of cold starts by version. The canary has started no more sandboxes than the alias has had
  // requests at once: so many may have been slow for that reason, and what the peak grows by later on.
  const coldStarts = Math.min(fresh.increment.invocations, Math.max(0, (peakNow ?? 0) - before.peak));
  const look: Look = {
    ...timesOf(window),
    observed: true,
    ...(slowThresholdsMs.length > 0 ? { slowThresholdsMs } : {}),
    unreadable: { ...ofCanary?.unreadable, ...ofBaseline?.unreadable },
    canary: { ...canary, ...fresh.increment, coldStarts, metrics: ofCanary?.values },
    baseline: { ...baseline, ...other.increment, metrics: ofBaseline?.values },
  };
  const taken = { canary: fresh.counted, baseline: other.counted, peak: Math.max(before.peak, peakNow ?? 0) };
  return { look, taken };
}

const timesOf = ({ from, to, expectedShare, elapsedSeconds }: LookWindow) => ({
  elapsedSeconds,
  seconds: (to.getTime() - from.getTime()) / 1000,
  expectedShare,
});

/** A look at which nothing could be seen. */
export const unobserved = (window: LookWindow): Look => ({
  ...timesOf(window),
  observed: false,
  canary: NO_COUNTS,
  baseline: NO_COUNTS,
});
