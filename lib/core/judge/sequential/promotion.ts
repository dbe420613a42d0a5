import { conditionalLogE } from "./e-process.ts";
import type { Block } from "./null-law.ts";

/**
 * The reversed test: evidence against "the canary is worse than tolerated". That null is a canary error rate of at least
 * `limit` and error odds of at least `oddsRatio` times the baseline's; refuting either refutes it, so the mean of bets
 * against both is a bet against it.
 */
export interface Tolerance {
  /** Canary error rate, 0 to 1. */
  limit: number;
  oddsRatio: number;
}

const RATES = [0.5, 0.1, 0.01];
const RATIOS = [1, 0.5];
/** Confidence with which a tolerated size must be excluded. */
export const PROMOTION_ALPHA = 0.05;

export interface PromotionState {
  rates: number[];
  ratios: number[];
}

export const initialPromotion: PromotionState = { rates: RATES.map(() => 0), ratios: RATIOS.map(() => 0) };

export function lookPromotion(state: PromotionState, block: Block, { limit, oddsRatio }: Tolerance) {
  const { canaryRequests, baselineRequests, canaryErrors } = block;
  const next = {
    rates: state.rates.map((wealth, i) => wealth + bet(canaryRequests, canaryErrors, limit, RATES[i]! * limit)),
    ratios: state.ratios.map((wealth, i) =>
      canaryRequests === 0 || baselineRequests === 0
        ? wealth
        : wealth + conditionalLogE(block, RATIOS[i]!) - conditionalLogE(block, oddsRatio),
    ),
  };
  const all = [...next.rates, ...next.ratios];
  const top = Math.max(...all);
  const logWealth = top + Math.log(all.reduce((sum, wealth) => sum + Math.exp(wealth - top), 0) / all.length);
  return { state: next, logWealth, healthy: logWealth >= Math.log(1 / PROMOTION_ALPHA) };
}

const bet = (requests: number, errors: number, limit: number, rate: number) =>
  errors * Math.log(rate / limit) + (requests - errors) * Math.log((1 - rate) / (1 - limit));

/** Canary requests without errors that would still be needed; what the best bet wins with each. */
export const requestsMissing = (logWealth: number, { limit }: Tolerance) =>
  Math.max(1, Math.ceil((Math.log(1 / PROMOTION_ALPHA) - logWealth) / Math.log((1 - RATES[1]! * limit) / (1 - limit))));
