import type { FunctionsPort } from "../../lib/core/ports.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import type { SignalBooksPort } from "../../lib/core/signals/ports.ts";

/** Of a release at a time: what is forgotten is older than batches come late, unless very many probes are asked for. */
const MOST_KEPT = 500;

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
  books: Pick<SignalBooksPort, "planOf" | "open">,
  { deploymentId, signals }: Pick<ReleaseRecord, "deploymentId" | "signals">,
  requests: readonly string[],
): Promise<void> {
  for (const logGroup of signals?.logGroups ?? []) {
    const plan = await books.planOf(logGroup);
    if (plan?.deploymentId !== deploymentId) continue;
    await books.open(logGroup, { ...plan, ownRequests: [...plan.ownRequests, ...requests].slice(-MOST_KEPT) });
  }
}
