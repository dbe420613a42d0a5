import { type Block, logFactorial } from "./null-law.ts";

/** Canary error rate minus baseline error rate, with an interval that holds at all looks together; 0 to 1. */
export interface Effect {
  difference: number;
  low: number;
  high: number;
}

/** Each rate gets half of what the interval may miss. */
const MISS = 0.05;

/** Undefined until both sides have served. The interval takes each side's rate as constant. */
export function effectOf(totals: Block): Effect | undefined {
  if (totals.canaryRequests === 0 || totals.baselineRequests === 0) return undefined;
  const canary = rateInterval(totals.canaryErrors, totals.canaryRequests);
  const baseline = rateInterval(totals.baselineErrors, totals.baselineRequests);
  const difference = totals.canaryErrors / totals.canaryRequests - totals.baselineErrors / totals.baselineRequests;
  return { difference, low: canary.low - baseline.high, high: canary.high - baseline.low };
}

/** Rates that a uniform mixture of bets has not refuted (Ville 1939; Robbins 1970). */
function rateInterval(errors: number, requests: number): { low: number; high: number } {
  const logMixture = logFactorial(errors) + logFactorial(requests - errors) - logFactorial(requests + 1);
  return { low: edge(0, errors, requests, logMixture), high: edge(1, errors, requests, logMixture) };
}

/** Where the interval ends on the side of `outer`, by bisection. */
function edge(outer: number, errors: number, requests: number, logMixture: number): number {
  if (!isRefuted(outer, errors, requests, logMixture)) return outer;
  let [inside, outside] = [errors / requests, outer];
  for (let i = 0; i < 30; i++) {
    const middle = (inside + outside) / 2;
    if (isRefuted(middle, errors, requests, logMixture)) outside = middle;
    else inside = middle;
  }
  return outside;
}

function isRefuted(rate: number, errors: number, requests: number, logMixture: number): boolean {
  const failed = errors === 0 ? 0 : errors * Math.log(rate);
  const served = requests === errors ? 0 : (requests - errors) * Math.log1p(-rate);
  return logMixture - failed - served >= Math.log(2 / MISS);
}
