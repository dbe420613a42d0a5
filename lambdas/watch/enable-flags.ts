import { factsOf, type Log } from "../../lib/core/log.ts";
import type { DeploymentInfo } from "../../lib/core/ports.ts";
import { mustEnable, waitingFlags } from "../../lib/core/release/enable-flags.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import type { ResponderPort } from "../../lib/core/release/watch-ports.ts";
import { type FlagWatcherPorts, watchFlags } from "./flag-watcher.ts";

export interface EnablingPorts extends FlagWatcherPorts {
  responder: Pick<ResponderPort, "switchOff" | "enableFlags">;
}

/** How often the responder is asked to look at the flag deployment: while it grows, and while something holds it back. */
const ASK_MS = { growing: 60_000, waiting: 300_000 };
const FIRST_MS = 15_000;
/**
 * Minutes before the growth are looked at too, where the shift's looks have not got to them: what can be told is known
 * when the first readers see the flag. Milliseconds.
 */
const BEFORE_MS = 5 * 60_000;

/**
 * After a release that has succeeded: the responder switches its waiting flags on in steps, and the watch goes on looking
 * at who sees them on and off. Undefined when no flag waits, or all is over.
 */
export async function watchEnabling(
  ports: EnablingPorts,
  release: ReleaseRecord,
  deployment: Pick<DeploymentInfo, "status">,
  log: Log,
): Promise<{ changes: Partial<ReleaseRecord> | undefined; nextAt: Date } | undefined> {
  if (!mustEnable(release, deployment)) return undefined;
  const { deploymentId, enabling } = release;
  try {
    await ports.responder.enableFlags(deploymentId);
  } catch (error) {
    log.error("the responder could not be asked to enable flags", { deploymentId, ...factsOf(error) });
  }
  const now = ports.clock.now().getTime();
  if (enabling?.beganAt === undefined) {
    return { changes: undefined, nextAt: new Date(now + (enabling ? ASK_MS.waiting : FIRST_MS)) };
  }
  const shift = { startedAt: new Date(Date.parse(enabling.beganAt) - BEFORE_MS), endedAt: undefined };
  const { changes, nextAt } = await watchFlags(ports, { ...release, flags: waitingFlags(release) }, { shift }, log);
  return { changes, nextAt: new Date(Math.min(now + ASK_MS.growing, nextAt?.getTime() ?? Number.POSITIVE_INFINITY)) };
}
