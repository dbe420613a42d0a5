import { logFactorial } from "./sequential/null-law.ts";

/**
 * Whether a rate is above `rate` for sure: a version whose requests fail with at most that probability gets there, at any
 * look, with probability `alpha` at most (a uniform mixture of bets on higher rates; Ville 1939).
 */
export function surelyAbove(errors: number, requests: number, rate: number, alpha: number): boolean {
  if (requests === 0 || errors <= rate * requests) return false;
  const mixture = logFactorial(errors) + logFactorial(requests - errors) - logFactorial(requests + 1);
  const term = (count: number, p: number) => (count === 0 ? 0 : count * Math.log(p));
  return mixture - term(errors, rate) - term(requests - errors, 1 - rate) >= Math.log(1 / alpha);
}

/** The highest rate that the counts are surely above; 0 where there is none. */
export function surelyAtLeast(errors: number, requests: number, alpha: number): number {
  let [sure, unsure] = [0, requests === 0 ? 0 : errors / requests];
  for (let i = 0; i < 40 && unsure > sure; i++) {
    const middle = (sure + unsure) / 2;
    if (surelyAbove(errors, requests, middle, alpha)) sure = middle;
    else unsure = middle;
  }
  return sure;
}
