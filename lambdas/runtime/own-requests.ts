import type { FunctionsPort } from "../../lib/core/ports.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import type { SignalBooksPort } from "../../lib/core/signals/ports.ts";

/** Notes Lambda's ids of the guard's own invocations: their log is none of the traffic's. */
export const noting = (
  functions: Pick<FunctionsPort, "invoke">,
  requests: string[],
): Pick<FunctionsPort, "invoke"> => ({
  async invoke(request) {
    const answer = await functions.invoke(request);
    if (answer.requestId !== undefined) requests.push(answer.requestId);
    return answer;
  },
});

/**
 * Leaves further requests out of what is counted of a release's log. It is told as soon as they are over: their log takes
 * seconds to arrive.
 */
export async function leaveOut(
  books: Pick<SignalBooksPort, "leaveOut">,
  { deploymentId, signals }: Pick<ReleaseRecord, "deploymentId" | "signals">,
  requests: readonly string[],
): Promise<void> {
  for (const logGroup of signals?.logGroups ?? []) await books.leaveOut(logGroup, deploymentId, requests);
}
