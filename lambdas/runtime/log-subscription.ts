import { guardFunctionName, signalFilterName } from "../../lib/contract/names.ts";
import type { Log } from "../../lib/core/log.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import type { LogSubscriptionsPort, SignalBooksPort } from "../../lib/core/signals/ports.ts";

export interface UnsubscribePorts {
  books: Pick<SignalBooksPort, "close">;
  subscriptions: Pick<LogSubscriptionsPort, "remove">;
}

/** The filter that counts a release's log; a permanent one has one name for all releases. */
export const filterNameOf = (environment: string, deploymentId: string, permanent: boolean) =>
  signalFilterName(environment, permanent ? "always" : deploymentId);

/** Where CloudWatch Logs delivers, next to the state machine of the watch. */
export function signalsArn(environment: string, watchArn: string): string {
  const [, partition, , region, account] = watchArn.split(":");
  return `arn:${partition}:lambda:${region}:${account}:function:${guardFunctionName(environment, "signals")}`;
}

/**
 * Ends the counting of a release. Doing it twice changes nothing. Throws when a filter could not be removed: whoever
 * looks after the release must come back.
 */
export async function stopCounting(
  { books, subscriptions }: UnsubscribePorts,
  { deploymentId, signals }: Pick<ReleaseRecord, "deploymentId" | "signals">,
  log: Log,
): Promise<void> {
  if (!signals) return;
  const { logGroups, filterName, permanent } = signals;
  if (!permanent) await Promise.all(logGroups.map((logGroup) => subscriptions.remove(logGroup, filterName)));
  await Promise.all(logGroups.map((logGroup) => books.close(logGroup, deploymentId)));
  log.info("the log is counted no more", { deploymentId, logGroups });
}
