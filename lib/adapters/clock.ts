import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "../core/ports.ts";

/** Real time. `sleep` rejects with the signal's reason when aborted. */
export const systemClock: Clock = {
  now: () => new Date(),
  async sleep(ms, signal) {
    try {
      await delay(ms, undefined, signal ? { signal } : {});
    } catch (error) {
      throw signal?.aborted ? signal.reason : error;
    }
  },
};

/** A `Date` header counts whole seconds and the reply takes a moment: closer than this is the same time. */
const TOLERANCE_MS = 2000;

export interface ServiceClock extends Clock {
  /** Takes note of the `Date` header of a reply that has just arrived. */
  heard(dateHeader: string | undefined): void;
}

/**
 * The time of the service that answers, as its replies tell it: metric windows and ages are cut by that clock, not by
 * the one of a laptop that goes wrong, nor by real time when a local AWS runs ahead of it. It is the computer's own
 * time until a reply says otherwise, and as long as the two agree. `sleep` waits in real time.
 */
export function createServiceClock(local: Clock = systemClock): ServiceClock {
  let offsetMs = 0;
  const now = () => new Date(local.now().getTime() + offsetMs);
  return {
    now,
    sleep: (ms, signal) => local.sleep(ms, signal),
    heard(dateHeader) {
      const at = Date.parse(dateHeader ?? "");
      if (Number.isNaN(at)) return;
      // Half a second: the header is cut to whole seconds.
      const service = at + 500;
      if (Math.abs(service - now().getTime()) <= TOLERANCE_MS) return;
      const skewMs = service - local.now().getTime();
      offsetMs = Math.abs(skewMs) <= TOLERANCE_MS ? 0 : skewMs;
    },
  };
}
