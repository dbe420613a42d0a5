import type { FlagCohorts } from "../ports.ts";
import { surelyAbove } from "./certainty.ts";
import { type FlagTestState, lookFlag } from "./flag-evidence.ts";
import { type PackedCes, packCes, unpackCes } from "./sequential/compact.ts";
import type { Reason } from "./types.ts";

interface Cohort {
  requests: number;
  errors: number;
}

/** What is known of one flag after the looks so far. Serialisable, about 1 KB. */
export interface FlagJudgement {
  seconds: number;
  ces: PackedCes;
  /** Both cohorts of each version since the first look. */
  totals: Record<string, { on: Cohort; off: Cohort }>;
  /** Looks of which anything was told of the flag, all looks, and the newest in a row of which nothing was. */
  heard?: { told: number; looks: number; silent: number };
}

export interface FlagLimits {
  /** Probability of ever switching a harmless flag off, 0 to 1. */
  alpha: number;
  /** Percent of failed requests that a version may have. */
  maxErrorRatePercent: number;
  /** Fewer requests of a cohort say nothing. */
  minSamples: number;
}

export interface FlagLook {
  flag: string;
  /** Length of the look. */
  seconds: number;
  /** Of each version that served. */
  cohorts: readonly FlagCohorts[];
}

/**
 * - `harmful`: requests fail where the flag is on, for sure
 * - `cleared`: they fail as well where it is off, so that switching it off would help nobody
 * - `unknown`: neither, or too little was told
 */
export type FlagStanding =
  | { kind: "harmful"; reason: Reason }
  | { kind: "cleared"; reason: Reason }
  | { kind: "unknown"; told: boolean };

/**
 * One look at a flag of a release. Two ways lead to `harmful`, each at half of `alpha`:
 *
 * - requests that saw it on fail more than those of the same version and minutes that saw it off (`lookFlag`)
 * - nobody saw it off, and on both versions more requests that saw it on fail than a version may have fail. That is no
 *   comparison: an outage looks the same. The flag is what both share and the cheaper lever, so it goes first.
 */
export function judgeFlag(
  given: FlagJudgement | undefined,
  look: FlagLook,
  limits: FlagLimits,
): { judgement: FlagJudgement; standing: FlagStanding } {
  const alpha = limits.alpha / 2;
  const before: FlagTestState | undefined = given && { seconds: given.seconds, ces: unpackCes(given.ces) };
  const { state, harmful } = lookFlag(before, look, { flag: look.flag, alpha });
  const totals = withLook(given?.totals ?? {}, look.cohorts);
  const judgement = { seconds: state.seconds, ces: packCes(state.ces), totals, heard: withHeard(given, look) };
  if (harmful) return { judgement, standing: { kind: "harmful", reason: harmful } };
  return { judgement, standing: standingOf(look.flag, totals, { ...limits, alpha }) };
}

/** Looks without a word that are more than a quiet moment. */
const SILENT_LOOKS = 3;
/** A silence is no chance where looks as often told as before would bring it in fewer than one of a thousand. */
const BY_CHANCE = 0.001;

/**
 * Whether functions that told of a flag have fallen silent: their metrics do not arrive, or they fail before they can tell.
 * A function that is called now and then is not taken for silent, nor one that has never told.
 */
export function hasFallenSilent({ heard }: FlagJudgement): boolean {
  if (!heard || heard.silent < SILENT_LOOKS) return false;
  // One look more, without a word, keeps a few told ones in a row from being taken for a rule.
  const often = heard.told / (heard.looks - heard.silent + 1);
  return (1 - often) ** heard.silent < BY_CHANCE;
}

/** Requests that saw the flag on. */
export const seenOn = ({ totals }: FlagJudgement): number =>
  sum(Object.values(totals).map((version) => version.on)).requests;

function withHeard(given: FlagJudgement | undefined, { cohorts }: FlagLook): NonNullable<FlagJudgement["heard"]> {
  const { told, looks, silent } = given?.heard ?? { told: 0, looks: 0, silent: 0 };
  const isTold = cohorts.some(({ on, off }) => on.requests + off.requests > 0);
  return { told: told + (isTold ? 1 : 0), looks: looks + 1, silent: isTold ? 0 : silent + 1 };
}

function standingOf(flag: string, totals: FlagJudgement["totals"], limits: FlagLimits): FlagStanding {
  const { alpha, maxErrorRatePercent, minSamples } = limits;
  const versions = Object.values(totals);
  const isOver = ({ requests, errors }: Cohort) =>
    requests >= minSamples && surelyAbove(errors, requests, maxErrorRatePercent / 100, alpha);
  const on = sum(versions.map((version) => version.on));
  const off = sum(versions.map((version) => version.off));
  if (on.requests + off.requests === 0) return { kind: "unknown", told: false };
  const figures = { limit: maxErrorRatePercent / 100, samples: on.requests };
  if (versions.some((version) => isOver(version.off))) {
    const message = `${percentOf(off)} of ${off.requests} requests that saw flag ${flag} off failed as well, so it is not to blame`;
    return {
      kind: "cleared",
      reason: { code: "flag-cleared", message, observed: rateOf(on), baseline: rateOf(off), ...figures },
    };
  }
  const everyone = off.requests < minSamples && versions.length > 1 && versions.every((version) => isOver(version.on));
  if (!everyone) return { kind: "unknown", told: true };
  const message = `${percentOf(on)} of ${on.requests} requests with flag ${flag} on failed, on both versions (limit ${maxErrorRatePercent} %), and nobody saw it off`;
  return {
    kind: "harmful",
    reason: { code: "flag-errors", message, observed: rateOf(on), baseline: null, ...figures },
  };
}

/** Errors that are told before their requests count as part of them: never more errors than requests. */
function withLook(totals: FlagJudgement["totals"], cohorts: readonly FlagCohorts[]): FlagJudgement["totals"] {
  const next = { ...totals };
  for (const { version, on, off } of cohorts) {
    if (on.requests + off.requests === 0) continue;
    const known = next[version] ?? { on: NONE, off: NONE };
    next[version] = { on: sum([known.on, whole(on)]), off: sum([known.off, whole(off)]) };
  }
  return next;
}

const NONE: Cohort = { requests: 0, errors: 0 };
const whole = ({ requests, errors }: Cohort): Cohort => ({ requests, errors: Math.min(errors, requests) });
const sum = (cohorts: Cohort[]): Cohort => ({
  requests: cohorts.reduce((all, { requests }) => all + requests, 0),
  errors: cohorts.reduce((all, { errors }) => all + errors, 0),
});
const rateOf = ({ requests, errors }: Cohort) => (requests === 0 ? 0 : errors / requests);
const percentOf = (cohort: Cohort) => `${(100 * rateOf(cohort)).toFixed(1)} %`;
