import { factsOf, type Log } from "../../lib/core/log.ts";
import { judgeWindow, windowsAhead } from "../../lib/core/release/judge-shift.ts";
import { type LookPorts, publishedAt } from "../../lib/core/release/look.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import type { LookWindow } from "../../lib/core/release/shift.ts";
import type { SignalPort } from "../../lib/core/release/watch-ports.ts";

const MINUTE_MS = 60_000;
/** No minute of Lambda's metrics has been seen sooner after its end than this [unverified]. Milliseconds. */
const EARLIEST_MS = 60_000;
/** How often it is asked after that whether they are out, until the time by which they are taken to be. */
const ASK_MS = 10_000;

/** Lambda's own metrics by version, minute by minute. */
export function lambdaMetrics(ports: LookPorts, log: Log): SignalPort {
  return {
    async next(watched, now) {
      const [window] = windowsAhead(watched, now);
      return window && { window, at: await readableAt(watched.release, window, now) };
    },

    look: (release, window, signal) => judgeWindow(ports, release, window, log, signal),
  };

  async function readableAt(release: ReleaseRecord, window: LookWindow, now: Date): Promise<Date> {
    const earliest = new Date(window.to.getTime() + EARLIEST_MS);
    const latest = publishedAt(window);
    if (now < earliest) return earliest;
    if (now >= latest) return now;
    const { functionName, alias } = release;
    const last = { functionName, alias, from: new Date(window.to.getTime() - MINUTE_MS), to: window.to };
    try {
      const minutes = await Promise.all(
        [release.canaryVersion, release.baselineVersion].map((version) =>
          ports.monitoring.minuteCounts({ ...last, version, slowThresholdsMs: [] }),
        ),
      );
      // One version alone may have had no traffic, or may not be out yet: only time tells.
      if (minutes.every((counted) => counted.length > 0)) return now;
    } catch (error) {
      log.warn("monitoring could not be asked what is out", factsOf(error));
    }
    return new Date(Math.min(now.getTime() + ASK_MS, latest.getTime()));
  }
}
