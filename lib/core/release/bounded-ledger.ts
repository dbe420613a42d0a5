import { withinBudget } from "../deadline.ts";
import { GoaroundError } from "../errors.ts";
import type { Clock, LedgerPort } from "../ports.ts";

/** How long each call of the ledger is waited for. Milliseconds. */
export interface LedgerLimits {
  /** What is asked before something is done: reads, claims, the lease. */
  askMs: number;
  /** What is written down; a change of a shared record is a read and a write, and once more for each conflict. */
  keepMs: number;
  /** The same for all calls after one that hung, until one is answered: several in a row must not add up. */
  hungMs: number;
}

/** Whoever pulls a lever goes on without the books after two seconds, and catches up with them later. */
export const LEVER_LIMITS: LedgerLimits = { askMs: 2000, keepMs: 5000, hungMs: 1000 };
/** Whoever decides from the books gives a throttled ledger the time of the SDK's own retries, and no more. */
export const DECISION_LIMITS: LedgerLimits = { askMs: 10_000, keepMs: 10_000, hungMs: 5000 };

/**
 * The same ledger, but a call that hangs fails (`aws-fault`) when its time is up. What it was to write may still be
 * written afterwards.
 */
export function boundedLedger(ledger: LedgerPort, clock: Clock, { askMs, keepMs, hungMs }: LedgerLimits): LedgerPort {
  let hangs = false;
  const within =
    <A extends unknown[], R>(patienceMs: number, call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      const limitMs = hangs ? Math.min(hungMs, patienceMs) : patienceMs;
      try {
        const answer = await withinBudget(clock, limitMs, () => call.apply(ledger, args));
        hangs = false;
        return answer;
      } catch (error) {
        hangs = error instanceof GoaroundError && error.code === "timed-out";
        if (!hangs) throw error;
        throw new GoaroundError("aws-fault", "dependency", `the ledger did not answer within ${limitMs} ms`, {
          advice: "Look at the ledger table in DynamoDB and at the AWS Health Dashboard.",
        });
      }
    };
  return {
    getRelease: within(askMs, ledger.getRelease),
    getAlias: within(askMs, ledger.getAlias),
    getEnvironment: within(askMs, ledger.getEnvironment),
    getRollback: within(askMs, ledger.getRollback),
    claim: within(askMs, ledger.claim),
    complete: within(askMs, ledger.complete),
    wasClaimed: within(askMs, ledger.wasClaimed),
    putRollback: within(askMs, ledger.putRollback),
    openRelease: within(keepMs, ledger.openRelease),
    updateRelease: within(keepMs, ledger.updateRelease),
    changeAlias: within(keepMs, ledger.changeAlias),
    changeEnvironment: within(keepMs, ledger.changeEnvironment),
    archiveRollback: within(keepMs, ledger.archiveRollback),
  };
}
