import type { Look, Reason } from "../types.ts";
import { type Block, binomial, hypergeometric, type Law } from "./null-law.ts";

/**
 * Which part of the canary's errors may be one execution environment's fault and not the version's. All tests take
 * requests to fail each by itself; those of an environment that goes bad fail together. So where errors are counted by
 * environment, the canary is blamed only when it is worse without any one of them. docs/decisions/0057 tells more.
 */
export interface EnvironmentsState {
  /** The canary's requests and errors by environment; the ones with the most errors. */
  known: Record<string, [requests: number, errors: number]>;
  /** Both versions' over the same time: since the canary last failed no more of its requests than the baseline. */
  totals: Block;
  /** How long they have been counted, and how long something has accused the canary of errors. Seconds. */
  seconds: number;
  accusedSeconds: number;
}

const NOTHING: Block = { canaryRequests: 0, baselineRequests: 0, canaryErrors: 0, baselineErrors: 0 };

export const initialEnvironments: EnvironmentsState = { known: {}, totals: NOTHING, seconds: 0, accusedSeconds: 0 };

/** Environments that are told apart; only those with the most errors matter. */
const MOST_KNOWN = 12;
/** The end of a log stream's name is what differs. */
const MOST_CHARACTERS = 32;
/** What the rest of a harmless canary shows with this probability, at one look, is no evidence. */
const LEVEL = 0.01;
/** The rest is excused where it would have shown such evidence, were it as bad, with this probability. */
const POWER = 0.8;
/** So long a rollback waits for enough requests of the other environments to tell, where the canary serves few. Seconds. */
const PATIENCE_SECONDS = 120;
/** Where it serves more a second, waiting costs more than a bad environment that is taken for a bad version. */
const PATIENT_UP_TO = 0.5;

/**
 * Counting begins anew as long as nothing accuses the canary and it fails no more of its requests than the baseline: what
 * an environment served before anything was wrong tells nothing about who is to blame.
 */
export function addEnvironments(
  state: EnvironmentsState,
  { canary, baseline, seconds }: Pick<Look, "canary" | "baseline" | "seconds">,
  isAccused: boolean,
): EnvironmentsState {
  const totals: Block = {
    canaryRequests: state.totals.canaryRequests + canary.invocations,
    baselineRequests: state.totals.baselineRequests + baseline.invocations,
    canaryErrors: state.totals.canaryErrors + canary.errors,
    baselineErrors: state.totals.baselineErrors + baseline.errors,
  };
  const isNoWorse = totals.canaryErrors * totals.baselineRequests <= totals.baselineErrors * totals.canaryRequests;
  if (isNoWorse && !isAccused) return initialEnvironments;
  const known = new Map(Object.entries(state.known));
  for (const [id, { requests, errors }] of Object.entries(canary.environments ?? {})) {
    const name = `…${id.slice(-MOST_CHARACTERS)}`;
    const [before, failed] = known.get(name) ?? [0, 0];
    known.set(name, [before + requests, failed + errors]);
  }
  const worst = [...known].sort(([, a], [, b]) => b[1] - a[1] || b[0] - a[0]).slice(0, MOST_KNOWN);
  const accusedSeconds = isAccused ? state.accusedSeconds + seconds : 0;
  return { known: Object.fromEntries(worst), totals, seconds: state.seconds + seconds, accusedSeconds };
}

/**
 * Why errors may be one environment's, when something accuses the canary of them; undefined where they are the version's,
 * or where nobody can tell: fewer than two environments are known, or the others have served too little and the canary
 * serves too much meanwhile for anyone to wait: a bad version is likelier than a bad environment.
 */
export function oneEnvironment(state: EnvironmentsState): Reason | undefined {
  const { known, totals } = state;
  const all = Object.values(known);
  if (all.length < 2) return undefined;
  const [worst] = all
    .filter(([, errors]) => errors > 0)
    .map((one) => ({ one, rest: without(totals, one), chance: 0 }))
    .map((each) => ({ ...each, chance: chanceOf(each.rest) }))
    .sort((a, b) => b.chance - a.chance);
  if (!worst || worst.chance <= LEVEL) return undefined;
  const { one, rest } = worst;
  const tells = wouldShow(rest, one[1] / Math.max(1, one[0])) >= POWER;
  if (!tells && !mayWait(state)) return undefined;
  const told = `${one[1]} of the canary's ${totals.canaryErrors} errors are of one execution environment, which served ${one[0]} requests; of the others ${rest.canaryErrors} of ${rest.canaryRequests} requests failed`;
  return {
    code: "one-environment",
    message: tells
      ? `${told}: the environment may be to blame, not the version`
      : `${told}: too few to tell the environment from the version; the judge waits for more, ${PATIENCE_SECONDS} s at most`,
    observed: rest.canaryErrors,
    limit: null,
    baseline: rest.baselineErrors,
    samples: rest.canaryRequests,
  };
}

const mayWait = ({ totals, seconds, accusedSeconds }: EnvironmentsState) =>
  accusedSeconds <= PATIENCE_SECONDS && totals.canaryRequests < PATIENT_UP_TO * seconds;

const without = (totals: Block, [requests, errors]: readonly [number, number]): Block => ({
  ...totals,
  canaryRequests: Math.max(0, totals.canaryRequests - requests),
  canaryErrors: Math.max(0, Math.min(totals.canaryErrors - errors, totals.canaryRequests - requests)),
});

/** How likely a canary that is no worse has so many of the errors, or more (Fisher's exact test, one-sided). */
function chanceOf({ canaryRequests, baselineRequests, canaryErrors, baselineErrors }: Block): number {
  if (canaryRequests === 0 || baselineRequests === 0) return 1;
  return tail(hypergeometric(canaryRequests, baselineRequests, canaryErrors + baselineErrors), canaryErrors);
}

/** How likely the requests of `rest` show evidence when each fails with probability `rate`. */
function wouldShow(rest: Block, rate: number): number {
  let [low, high] = [rest.canaryErrors, rest.canaryRequests];
  if (chanceOf({ ...rest, canaryErrors: high }) > LEVEL) return 0;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (chanceOf({ ...rest, canaryErrors: middle }) <= LEVEL) high = middle;
    else low = middle + 1;
  }
  return tail(binomial(rest.canaryRequests, Math.min(1, rate)), high);
}

const tail = ({ from, probabilities }: Law, atLeast: number) =>
  probabilities.subarray(Math.max(0, atLeast - from)).reduceRight((sum, p) => sum + p, 0);
