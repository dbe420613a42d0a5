import { informationPerRequest } from "../../../contract/detectability.ts";
import { type Block, logFactorial } from "./null-law.ts";

/** Random counts of releases, from a stream of uniform numbers in [0, 1): the same stream, the same traffic. */
export type Uniform = () => number;

/** A small, fast generator with a period of 2^32 (mulberry32). */
export function uniformFrom(seed: number): Uniform {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Inversion outwards from the mode: exact, and as many steps as the law is wide. */
function outwards(u: number, mode: number, high: number, top: number, ratioUp: (j: number) => number): number {
  let left = u - top;
  let [up, down, pUp, pDown] = [mode, mode, top, top];
  while (left > 0 && (pUp > 0 || pDown > 0)) {
    pUp = up < high ? pUp * ratioUp(up) : 0;
    up++;
    left -= pUp;
    if (left <= 0) return up;
    pDown = down > 0 ? pDown / ratioUp(down - 1) : 0;
    down--;
    left -= pDown;
    if (left <= 0) return down;
    if (pUp < 1e-15 && pDown < 1e-15) return mode;
  }
  return mode;
}

export function drawBinomial(uniform: Uniform, n: number, p: number): number {
  if (n === 0 || p <= 0) return 0;
  if (p >= 1) return n;
  const mode = Math.min(n, Math.floor((n + 1) * p));
  const logTop =
    logFactorial(n) - logFactorial(mode) - logFactorial(n - mode) + mode * Math.log(p) + (n - mode) * Math.log1p(-p);
  const odds = p / (1 - p);
  return outwards(uniform(), mode, n, Math.exp(logTop), (j) => ((n - j) / (j + 1)) * odds);
}

export function drawPoisson(uniform: Uniform, mean: number): number {
  if (mean <= 0) return 0;
  const mode = Math.floor(mean);
  const logTop = mode * Math.log(mean) - mean - logFactorial(mode);
  return outwards(uniform(), mode, Number.POSITIVE_INFINITY, Math.exp(logTop), (j) => mean / (j + 1));
}

export interface Conditions {
  /** Requests a second to both versions together. */
  requestsPerSecond: number;
  share: number;
  baselineRate: number;
  canaryRate: number;
}

/** One look's worth of traffic. */
export function drawBlock(uniform: Uniform, conditions: Conditions, seconds: number): Block {
  const requests = drawPoisson(uniform, conditions.requestsPerSecond * seconds);
  const canaryRequests = drawBinomial(uniform, requests, conditions.share);
  const baselineRequests = requests - canaryRequests;
  return {
    canaryRequests,
    baselineRequests,
    canaryErrors: drawBinomial(uniform, canaryRequests, conditions.canaryRate),
    baselineErrors: drawBinomial(uniform, baselineRequests, conditions.baselineRate),
  };
}

/**
 * Least mean time, in seconds, in which any test can find the regression when it may wrongly blame the version with
 * probability `alpha` at most (Wald): log(1/alpha) over the information that a second brings about which version failed.
 */
export function leastSeconds(
  { requestsPerSecond, share, baselineRate, canaryRate }: Conditions,
  alpha: number,
): number {
  const information = informationPerRequest(share, baselineRate, canaryRate);
  return Math.log(1 / alpha) / (requestsPerSecond * information);
}
