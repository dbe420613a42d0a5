import type { Look, SideCounts } from "../../lib/core/judge/types.ts";
import { factsOf, type Log } from "../../lib/core/log.ts";
import type { MinuteCounts, MonitoringPort } from "../../lib/core/ports.ts";
import { readDeclared } from "../../lib/core/release/look.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";

const MINUTE_MS = 60_000;

/** What metrics tell of the minutes that a log is held against. */
export interface Published {
  canary: PublishedSide;
  baseline: PublishedSide;
  /** Lambda's own, of both versions. */
  isRead: boolean;
  isEmpty: boolean;
}

export interface PublishedSide {
  /** None where they could not be read. */
  minutes: MinuteCounts[];
  /** What no log tells. */
  beyond: Pick<SideCounts, "p99DurationMs" | "percentilesMs" | "throttles" | "metrics">;
  unreadable: Look["unreadable"];
}

/**
 * Both versions over whole minutes; for a look of `seconds`, of whose requests the throttles are to be a part. Where Lambda's
 * own metrics cannot be read nobody is blamed, and the policy's are read all the same.
 */
export async function readPublished(
  monitoring: Pick<MonitoringPort, "minuteCounts" | "versionCounts" | "declaredMetrics">,
  release: Pick<ReleaseRecord, "functionName" | "alias" | "policy" | "canaryVersion" | "baselineVersion">,
  { from, to }: { from: Date; to: Date },
  seconds: number,
  log: Log,
): Promise<Published> {
  const { functionName, alias, policy } = release;
  const part = (seconds * 1000) / (to.getTime() - from.getTime());
  const read = async (version: string): Promise<{ isRead: boolean; side: PublishedSide }> => {
    const query = { functionName, alias, version, from, to };
    const latest = new Date(to.getTime() - MINUTE_MS);
    const [own, declared] = await Promise.all([
      Promise.all([monitoring.minuteCounts({ ...query, slowThresholdsMs: [] }), monitoring.versionCounts(query)]).catch(
        (error: unknown) => {
          log.warn("metrics could not be read; the log is not compared yet", factsOf(error));
          return undefined;
        },
      ),
      readDeclared(monitoring, policy, { ...query, since: from, from: latest }),
    ]);
    const [minutes = [], { p99DurationMs = undefined, percentilesMs = undefined, throttles = 0 } = {}] = own ?? [];
    const beyond = { p99DurationMs, percentilesMs, throttles: throttles * part, metrics: declared?.values };
    return { isRead: own !== undefined, side: { minutes, beyond, unreadable: declared?.unreadable } };
  };
  const [canary, baseline] = await Promise.all([read(release.canaryVersion), read(release.baselineVersion)]);
  const isRead = canary.isRead && baseline.isRead;
  const isEmpty = isRead && canary.side.minutes.length + baseline.side.minutes.length === 0;
  return { canary: canary.side, baseline: baseline.side, isRead, isEmpty };
}
