import { withinBudget } from "../../lib/core/deadline.ts";
import { factsOf } from "../../lib/core/log.ts";
import type { AlarmEvent } from "../../lib/core/release/events.ts";
import type { RollbackRecord } from "../../lib/core/release/journal.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import type { Response } from "./responder.ts";

/** A release may have been opened by an operator's clock: five minutes off at most. Milliseconds. */
const SKEW_MS = 5 * 60_000;
/** How long the alias waits to hear how the alarm stands now. Milliseconds. */
const STATE_LIMIT_MS = 5000;
/** A read that comes right after the event may not know of it yet. Milliseconds. */
const REREAD_MS = 2000;

/**
 * Whether an alarm says nothing of the release any more: it turned red before there was the release, or has recovered. Events come
 * late, in any order and more than once. What is begun is gone on with, and a state that cannot be read excuses nobody.
 */
export async function isStale(
  response: Response,
  { alarmName, at }: AlarmEvent,
  { deploymentId, openedAt }: ReleaseRecord,
  journal: RollbackRecord | undefined,
): Promise<boolean> {
  if (journal?.deploymentId === deploymentId && !journal.result) return false;
  const { log } = response;
  if (at && at.getTime() < Date.parse(openedAt) - SKEW_MS) {
    log.warn("the alarm turned red before the release", { deploymentId, alarm: alarmName, at: at.toISOString() });
    return true;
  }
  if (!(await hasRecovered(response, alarmName))) return false;
  log.warn("the alarm has recovered; nothing is moved", { deploymentId, alarm: alarmName });
  return true;
}

async function hasRecovered({ ports, log, signal }: Response, alarmName: string): Promise<boolean> {
  const { clock, monitoring } = ports;
  const isGreen = async () => {
    const { [alarmName]: state } = await monitoring.alarmStates([alarmName]);
    return state !== undefined && state !== "ALARM";
  };
  try {
    return await withinBudget(clock, STATE_LIMIT_MS, async () => {
      if (!(await isGreen())) return false;
      await clock.sleep(REREAD_MS, signal);
      return isGreen();
    });
  } catch (error) {
    log.warn("how the alarm stands now is not known", { alarm: alarmName, ...factsOf(error) });
    return false;
  }
}
