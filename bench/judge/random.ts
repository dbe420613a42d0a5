import { logFactorial } from "../../lib/core/judge/sequential/null-law.ts";
import type { Uniform } from "../../lib/core/judge/sequential/traffic.ts";

/**
 * The numbers of one run of one cell (sfc32, Doty-Humphrey 2010: 128 bits of state, so that runs do not overlap). The
 * same cell and run give the same traffic whichever process draws it.
 */
export function uniformOf(cell: string, run: number): Uniform {
  let a = hash(cell);
  let b = run >>> 0;
  let c = 0x9e3779b9;
  let counter = 1;
  const next = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 15; i++) next();
  return next;
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value;
}

/** How many of `errors` fall on the canary when every set of requests is equally likely to be the one that failed. */
export function drawHypergeometric(uniform: Uniform, canary: number, baseline: number, errors: number): number {
  const low = Math.max(0, errors - baseline);
  const high = Math.min(errors, canary);
  if (low >= high) return low;
  const mode = Math.min(high, Math.max(low, Math.floor(((canary + 1) * (errors + 1)) / (canary + baseline + 2))));
  const logChoose = (n: number, k: number) => logFactorial(n) - logFactorial(k) - logFactorial(n - k);
  const top = Math.exp(
    logChoose(canary, mode) + logChoose(baseline, errors - mode) - logChoose(canary + baseline, errors),
  );
  let left = uniform() - top;
  let [up, down, pUp, pDown] = [mode, mode, top, top];
  while (left > 0 && (pUp > 1e-15 || pDown > 1e-15)) {
    pUp *= up < high ? ((canary - up) * (errors - up)) / ((up + 1) * (baseline - errors + up + 1)) : 0;
    up++;
    left -= pUp;
    if (left <= 0) return up;
    pDown *= down > low ? (down * (baseline - errors + down)) / ((canary - down + 1) * (errors - down + 1)) : 0;
    down--;
    left -= pDown;
    if (left <= 0) return down;
  }
  return mode;
}
