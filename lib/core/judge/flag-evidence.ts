import type { FlagCohorts } from "../ports.ts";
import { type CesState, initialCes, JUDGE_CELLS, lookCes } from "./sequential/ces.ts";
import type { Reason } from "./types.ts";

/** Serialisable. */
export interface FlagTestState {
  seconds: number;
  ces: CesState;
}

export interface FlagTest {
  state: FlagTestState;
  /** Undefined: nothing against the flag, which is no proof that it is harmless. */
  harmful: Reason | undefined;
}

/**
 * Whether requests that saw a flag on fail more than those of the same version, over the same minutes, that saw it off.
 * Versions are never mixed: one that fails by itself fails in both cohorts and says nothing about the flag. A flag that
 * is on for everyone has nothing to be compared with, and no evidence comes of it.
 *
 * `alpha` is the probability of ever switching a harmless flag off. Each block is tested with the split it really had:
 * no share of readers is promised by AppConfig.
 */
export function lookFlag(
  given: FlagTestState | undefined,
  look: { seconds: number; cohorts: readonly FlagCohorts[] },
  { flag, alpha }: { flag: string; alpha: number },
): FlagTest {
  const seconds = (given?.seconds ?? 0) + look.seconds;
  let ces = given?.ces ?? initialCes;
  let harmful: Reason | undefined;
  for (const { on, off } of look.cohorts) {
    const block = {
      canaryRequests: on.requests,
      canaryErrors: Math.min(on.errors, on.requests),
      baselineRequests: off.requests,
      baselineErrors: Math.min(off.errors, off.requests),
    };
    const one = lookCes(ces, block, seconds, { alpha, share: 0.5, sparseBelow: 0, widest: JUDGE_CELLS });
    ces = one.state;
    if (one.rollback) harmful ??= reasonOf(flag, ces, alpha);
  }
  return { state: { seconds, ces }, harmful };
}

function reasonOf(flag: string, { totals, spent }: CesState, limit: number): Reason {
  const rate = (errors: number, requests: number) => (requests === 0 ? 0 : errors / requests);
  const on = rate(totals.canaryErrors, totals.canaryRequests);
  const off = rate(totals.baselineErrors, totals.baselineRequests);
  const percent = (value: number) => `${(100 * value).toFixed(1)} %`;
  return {
    code: "flag-errors",
    message: `${percent(on)} of ${totals.canaryRequests} requests with flag ${flag} on failed, ${percent(off)} of ${totals.baselineRequests} with it off`,
    observed: on,
    limit,
    baseline: off,
    samples: totals.canaryRequests,
    spent,
  };
}
