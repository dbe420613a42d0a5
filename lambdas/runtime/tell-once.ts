import { factsOf, type Log } from "../../lib/core/log.ts";
import type { Clock, LedgerPort, Notification, NotifierPort } from "../../lib/core/ports.ts";

export interface TellPorts {
  clock: Clock;
  ledger: Pick<LedgerPort, "claim" | "complete">;
  notifier: NotifierPort;
}

/** What is told once. */
export interface Telling {
  deploymentId: string;
  claim: string;
  /** The same for a retry of this run: a notification that could not be sent is then sent after all. */
  owner: string;
}

/** News can wait a little for a ledger that is throttled; people are not kept in the dark longer. Milliseconds. */
const PATIENCE_MS = 20_000;
const ASK_AGAIN_MS = 2000;

/**
 * Sends one notification for each claim, however often and by whomever this is called. It counts as sent when the ledger
 * says so; people hear twice only where the ledger could not be asked for 20 s, or not be told. Throws when sending failed;
 * false where they know already.
 */
export async function tellOnce(
  ports: TellPorts,
  { deploymentId, claim, owner }: Telling,
  notification: Notification,
  log: Log,
): Promise<boolean> {
  const { clock, ledger, notifier } = ports;
  try {
    if (!(await patiently(clock, () => ledger.claim(deploymentId, claim, owner)))) {
      log.info("people are told already", { deploymentId, claim });
      return false;
    }
  } catch (error) {
    log.error("whether people were told is not known; telling them", { deploymentId, claim, ...factsOf(error) });
  }
  await notifier.notify(notification);
  try {
    await patiently(clock, () => ledger.complete(deploymentId, claim));
  } catch (error) {
    log.error("people were told and the ledger does not know", { deploymentId, claim, ...factsOf(error) });
  }
  return true;
}

async function patiently<T>(clock: Clock, work: () => Promise<T>): Promise<T> {
  const until = clock.now().getTime() + PATIENCE_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (clock.now().getTime() + ASK_AGAIN_MS >= until) throw error;
    }
    await clock.sleep(ASK_AGAIN_MS);
  }
}
