import type { EnvironmentCounts, Reason } from "../types.ts";
import { type Block, binomial, hypergeometric, type Law } from "./null-law.ts";

/**
 * Which part of the canary's errors may be one execution environment's fault and not the version's. All tests take
 * requests to fail each by itself; those of an environment that goes bad fail together. So where errors are counted by
 * environment, the canary is blamed only when it is worse without any one of them. docs/decisions/0057 tells more.
 */
export interface EnvironmentsState {
  /** Requests and errors since the shift began, by environment; the ones with the most errors. */
  known: Record<string, [requests: number, errors: number]>;
  /** When something first accused the canary of errors: seconds since the shift began; null before. */
  accusedSeconds: number | null;
}

export const initialEnvironments: EnvironmentsState = { known: {}, accusedSeconds: null };

/** Environments that are told apart; only those with the most errors matter. */
const MOST_KNOWN = 12;
/** The end of a log stream's name is what differs. */
const MOST_CHARACTERS = 32;
/** What the rest of a harmless canary shows with this probability, at one look, is no evidence. */
const LEVEL = 0.02;
/** The rest is excused where it would have shown such evidence, were it as bad, with this probability. */
const POWER = 0.9;
/** So long a rollback waits for enough requests of the other environments to tell. Seconds. */
const PATIENCE_SECONDS = 120;

export function addEnvironments(
  state: EnvironmentsState,
  counts: Readonly<Record<string, EnvironmentCounts>> = {},
): EnvironmentsState {
  const known = new Map(Object.entries(state.known));
  for (const [id, { requests, errors }] of Object.entries(counts)) {
    const name = `…${id.slice(-MOST_CHARACTERS)}`;
    const [before, failed] = known.get(name) ?? [0, 0];
    known.set(name, [before + requests, failed + errors]);
  }
  const worst = [...known].sort(([, a], [, b]) => b[1] - a[1] || b[0] - a[0]).slice(0, MOST_KNOWN);
  return { ...state, known: Object.fromEntries(worst) };
}

/**
 * Why errors may be one environment's, when something accuses the canary of them at `seconds`; undefined where they are
 * the version's, or where nobody can tell: fewer than two environments are known, or the others served too little for
 * two minutes.
 */
export function oneEnvironment(
  { known, accusedSeconds }: EnvironmentsState,
  totals: Block,
  seconds: number,
): Reason | undefined {
  const all = Object.values(known);
  if (all.length < 2) return undefined;
  const [worst] = all
    .filter(([, errors]) => errors > 0)
    .map((one) => ({ one, rest: without(totals, one), chance: 0 }))
    .map((each) => ({ ...each, chance: chanceOf(each.rest) }))
    .sort((a, b) => b.chance - a.chance);
  if (!worst || worst.chance <= LEVEL) return undefined;
  const { one, rest } = worst;
  const told = `${one[1]} of the canary's ${totals.canaryErrors} errors are of one execution environment, which served ${one[0]} requests; of the others ${rest.canaryErrors} of ${rest.canaryRequests} requests failed`;
  const tells = wouldShow(rest, one[1] / Math.max(1, one[0])) >= POWER;
  const left = (accusedSeconds ?? seconds) + PATIENCE_SECONDS - seconds;
  if (!tells && left <= 0) return undefined;
  return {
    code: "one-environment",
    message: tells
      ? `${told}: the environment may be to blame, not the version`
      : `${told}: too few to tell the environment from the version, for which the judge waits ${left} s more`,
    observed: rest.canaryErrors,
    limit: null,
    baseline: rest.baselineErrors,
    samples: rest.canaryRequests,
  };
}

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
