import { type CesState, initialCes, JUDGE_CELLS, lookCes } from "./ces.ts";
import { type EProcessState, initialEProcess, lookEProcess } from "./e-process.ts";
import type { Block } from "./null-law.ts";

/**
 * The error test of the judge: CES, and in thin traffic CES together with the e-process, each with its part of alpha.
 * docs/decisions/0030 tells why and what it gains.
 */
export interface ErrorsState<Ces = CesState> {
  /** Undefined until the first request. */
  thin: boolean | undefined;
  ces: Ces;
  evidence: EProcessState;
  shown: { boundary: number | null; spent: number; canaryErrors: number; pValue: number };
}

export interface ErrorsOptions {
  alpha: number;
  /** Share of traffic the canary is meant to get, 0 to 1. */
  share: number;
  /** Canary error rate minus baseline error rate, 0 to 1, below which nothing is rolled back. Default 0. */
  minExcess?: number;
}

export interface ErrorsLook {
  state: ErrorsState;
  rollback: boolean;
  /** Cumulative canary errors at which CES would have rolled back; null when it could not have. */
  boundary: number | null;
  /** False-rollback probability spent so far; what the e-process has is spent from the start. */
  spent: number;
  pValue: number;
}

/** Below this many requests a minute, seen before any error is, traffic is thin. */
const THIN_TRAFFIC_PER_MINUTE = 50;
/** The e-process's part of alpha in thin traffic. */
const THIN_PART = 0.5;
/** The bet's error rate begins at 5 %, and is worth so many requests of the baseline. */
const GUESSED_REQUESTS = 9;
/** The bet on a late onset is spread over this long. Minutes. */
const PLANNED_MINUTES = 10;
/** From so many expected requests on the smaller side, the realised split tells more than the configured share. */
const ENOUGH_TO_SPLIT = 3;
const MOST_SPARSE = 50;

export const initialErrors: ErrorsState = {
  thin: undefined,
  ces: initialCes,
  evidence: initialEProcess,
  shown: { boundary: null, spent: 0, canaryErrors: 0, pValue: 1 },
};

export const isThin = (requests: number, seconds: number) => (requests / seconds) * 60 < THIN_TRAFFIC_PER_MINUTE;

/**
 * The share that a sparse block is tested with: the configured one, or what the canary has had before this block if that
 * is more. Only a share that is too small could blame a harmless version.
 */
function safeShare(share: number, { canaryRequests, baselineRequests }: Block): number {
  const requests = canaryRequests + baselineRequests;
  return requests === 0 ? share : Math.max(share, canaryRequests / requests);
}

/** One look of `seconds` at `elapsedSeconds` since the shift began. */
export function lookErrors(
  state: ErrorsState,
  block: Block,
  seconds: number,
  elapsedSeconds: number,
  { alpha, share, minExcess = 0 }: ErrorsOptions,
): ErrorsLook {
  const requests = block.canaryRequests + block.baselineRequests;
  const thin = state.thin ?? (requests === 0 ? undefined : isThin(requests, seconds));
  const part = thin ? THIN_PART : 0;
  const side = Math.max(1e-6, Math.min(share, 1 - share));
  const sparseBelow = Math.min(MOST_SPARSE, Math.ceil(ENOUGH_TO_SPLIT / side));
  const ces = lookCes(state.ces, block, elapsedSeconds, {
    alpha: alpha * (1 - part),
    share: safeShare(share, state.ces.totals),
    sparseBelow,
    minExcess,
    widest: JUDGE_CELLS,
  });
  // What the baseline has shown before this block: a bet may depend on anything but the block that it is on.
  const { baselineErrors, baselineRequests } = state.ces.totals;
  const history = { errors: baselineErrors, invocations: baselineRequests + GUESSED_REQUESTS };
  const plannedMinutes = PLANNED_MINUTES;
  const bet = lookEProcess(state.evidence, block, elapsedSeconds, { alpha, share, plannedMinutes, history });
  const { totals } = ces.state;
  const excess =
    totals.canaryErrors / Math.max(1, totals.canaryRequests) -
    totals.baselineErrors / Math.max(1, totals.baselineRequests);
  const wins = thin === true && bet.pValue <= alpha * part && totals.canaryErrors >= 2 && excess >= minExcess;
  const { boundary, canaryErrors } = ces;
  const spent = ces.spent + alpha * part;
  const { pValue } = bet;
  return {
    state: { thin, ces: ces.state, evidence: bet.state, shown: { boundary, spent, canaryErrors, pValue } },
    rollback: ces.rollback || wins,
    boundary,
    spent,
    pValue,
  };
}
