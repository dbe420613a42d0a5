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
  const mixture = logFactorial(errors) + logFactorial(requests - errors) - logFactorial(requests + 1);
  const refuted = (rate: number) => {
    const term = (count: number, p: number) => (count === 0 ? 0 : count * Math.log(p));
    return mixture - term(errors, rate) - term(requests - errors, 1 - rate) >= Math.log(2 / MISS);
  };
  const estimate = errors / requests;
  const edge = (outer: number) => {
    if (!refuted(outer)) return outer;
    let [inside, outside] = [estimate, outer];
    for (let i = 0; i < 40; i++) {
      const middle = (inside + outside) / 2;
      if (refuted(middle)) outside = middle;
      else inside = middle;
    }
    return outside;
  };
  return { low: edge(0), high: edge(1) };
}
