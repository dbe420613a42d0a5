import { progressOf, type RollbackRecord, type StepName } from "../../lib/core/release/journal.ts";
import {
  type RollbackResult,
  type RollbackRun,
  type RollbackWatcher,
  runRollback,
} from "../../lib/core/release/run-rollback.ts";
import { DEFAULT_REASON } from "./options.ts";
import type { Session } from "./session.ts";

export interface Lease {
  functionName: string;
  alias: string;
  version: string;
  deploymentId: string | undefined;
  steps: readonly StepName[];
  /** Default: what the operator gave. */
  reason?: string;
}

/**
 * Runs an operator's rollback under the alias's lease. Who is on the same way already (the guard, another operator) is
 * followed to its end; who is on another way is left alone (`conflict`).
 */
export async function underLease<T>(
  session: Session,
  lease: Lease,
  work: (run: RollbackRun) => Promise<T>,
  describe: (value: T) => string,
): Promise<RollbackResult<T>> {
  const { ledger, discovery } = session.ports;
  const identity = await session.attempt("who you are could not be found out", discovery.identity());
  return runRollback(
    { clock: session.clock, ledger },
    {
      ...lease,
      reason: lease.reason ?? session.options.reason ?? DEFAULT_REASON,
      owner: crypto.randomUUID(),
      actor: identity?.arn ?? "an operator",
      automatic: false,
    },
    watcherOf(session),
    work,
    describe,
  );
}

/** Tells the person who watches what becomes of the lease. */
export function watcherOf(session: Session): RollbackWatcher {
  let isTold = false;
  return {
    signal: session.signal,
    onJoin: (other) => session.say(`  ${describeOther(other)}: following it`),
    onResume: (before) => session.say(`  going on with what ${before.actor} has begun (${progressOf(before)})`),
    onWithoutLedger: (error) => {
      if (!isTold)
        session.warn(`the ledger does not answer (${(error as Error).message}); going on without lease and journal`);
      isTold = true;
    },
  };
}

export const describeOther = ({ actor, version, startedAt, reason }: RollbackRecord) =>
  `${actor} has been doing the same since ${startedAt} (to version ${version}: ${reason})`;
