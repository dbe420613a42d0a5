import { withinBudget } from "../../lib/core/deadline.ts";
import { fact } from "../../lib/core/judge/reason.ts";
import type { Reason } from "../../lib/core/judge/types.ts";
import { factsOf, type Log, messageOf } from "../../lib/core/log.ts";
import type { Clock, LedgerPort } from "../../lib/core/ports.ts";
import type { ExecutionsPort, SweepPort } from "../../lib/core/release/watch-ports.ts";
import type { HookRun } from "../runtime/hook.ts";

/** How long a release waits for its second net. Milliseconds. */
const NET_LIMIT_MS = 10_000;

export interface WatchStartPorts {
  clock: Clock;
  ledger: Pick<LedgerPort, "updateRelease">;
  executions: Pick<ExecutionsPort, "start">;
  sweep: Pick<SweepPort, "add" | "enable">;
}

/**
 * From here on the sweep answers for this hook if it dies and its on-failure destination too. A net that cannot be spread
 * stops no release: it is the second one.
 */
export async function spreadNet(
  { ledger, sweep, clock }: WatchStartPorts,
  { deploymentId, executionId }: HookRun,
  log: Log,
): Promise<void> {
  const done = await Promise.allSettled([
    ledger.updateRelease(deploymentId, { preTrafficHookId: executionId }),
    // The sweep goes off when its list is empty: first the entry, then the switch.
    withinBudget(clock, NET_LIMIT_MS, () => sweep.add(deploymentId).then(() => sweep.enable())),
  ]);
  for (const one of done) {
    if (one.status === "rejected") log.warn("the net could not be spread", { deploymentId, ...factsOf(one.reason) });
  }
}

/** Without a watch alarms and the hook at the end still judge the release; that it has none is a finding. */
export async function startWatch(
  { executions }: WatchStartPorts,
  { deploymentId }: HookRun,
  log: Log,
): Promise<Reason[]> {
  try {
    log.info("the watch is on", { deploymentId, start: await executions.start(deploymentId) });
    return [];
  } catch (error) {
    log.error("the watch could not be started", { deploymentId, ...factsOf(error) });
    const message = `nobody compares the versions during the shift, only alarms and the hook at its end: ${messageOf(error)}`;
    return [fact("unwatched", message)];
  }
}
