import { surelyAbove } from "../certainty.ts";
import type { CesState } from "./ces.ts";
import { type ErrorsLook, type ErrorsState, initialErrors, lookErrors } from "./errors.ts";
import type { Block } from "./null-law.ts";

/**
 * Part of the budget that is left to blame a canary for its errors once the baseline was over the limit for errors too.
 * With all of its alpha the error test is right in an outage as well; but whoever is called for the outage, and reads
 * that a release was taken back in it, needs to be surer than one in a hundred that the two are not the same.
 */
const OUTAGE_PART = 0.05;
/** Probability of taking a baseline within the limit for one over it: costs the error test power, never validity. */
const OUTAGE_ALPHA = 0.05;

/** An outage that ends leaves no charge behind, so there is no way out of this state. Serialisable. */
export interface OutageState<Ces = CesState> {
  /** Seconds from the start of the shift to the look before the one that showed it. */
  sinceSeconds: number;
  /** The error test of what has come since, with what an outage leaves of alpha. */
  errors: ErrorsState<Ces>;
}

interface OutageOptions {
  /** Probability of rolling a harmless version back, all tests together, 0 to 1. */
  budget: number;
  /** Share of traffic the canary is meant to get, 0 to 1. */
  share: number;
  /** A version whose errors are surely above it fails too much, 0 to 1. */
  maxErrorRate: number;
  /** Canary error rate minus baseline error rate, 0 to 1, below which nothing is rolled back. */
  minExcess: number;
}

interface OutageLook {
  state: OutageState;
  errors: ErrorsLook;
  alpha: number;
}

/**
 * One look of `seconds` at the block that is new, `elapsedSeconds` since the shift began; undefined where there was no
 * outage so far. `totals` include the block.
 *
 * The test begins anew with the outage: the bets of the first one are lost by then where both versions failed alike.
 */
export function lookOutage(
  state: OutageState | undefined,
  totals: Block,
  block: Block,
  seconds: number,
  elapsedSeconds: number,
  { budget, maxErrorRate, ...options }: OutageOptions,
): OutageLook | undefined {
  if (!state && !surelyAbove(totals.baselineErrors, totals.baselineRequests, maxErrorRate, OUTAGE_ALPHA)) return;
  const { sinceSeconds, errors: given } = state ?? { sinceSeconds: elapsedSeconds - seconds, errors: initialErrors };
  const alpha = budget * OUTAGE_PART;
  const errors = lookErrors(given, block, seconds, elapsedSeconds - sinceSeconds, { ...options, alpha });
  return { state: { sinceSeconds, errors: errors.state }, errors, alpha };
}
