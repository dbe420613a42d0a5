import { errorPercent, format } from "../rules.ts";
import { trendOf } from "../trend.ts";
import type { Reason, SideCounts } from "../types.ts";
import { effectOf } from "./effect.ts";
import type { ErrorsLook, ErrorsState } from "./errors.ts";
import type { Block } from "./null-law.ts";
import { PROMOTION_ALPHA } from "./promotion.ts";

/** What the judge knows after a look. */
interface Seen {
  seconds: number;
  totals: Block;
  errors: Pick<ErrorsState<unknown>, "evidence">;
  /** One for each duration that requests are compared at. */
  latency: readonly unknown[];
  /** How much longer the canary's requests took than the baseline's, look by look, milliseconds. */
  durations: number[];
  /** The canary's, at the latest look. */
  averageMs: number;
}

const TREND_ALPHA = 0.05;
/** Below this average a rise is no finding. Milliseconds. */
const SLOW_MS = 2000;

/** Slow, and slower with every look beside the baseline. */
export function degrading({ durations, averageMs: latest, totals }: Seen): Reason[] {
  const trend = trendOf(durations);
  if (!trend || latest <= SLOW_MS || trend.slope <= 0 || trend.pValue > TREND_ALPHA) return [];
  return [
    {
      code: "degrading",
      message: `the canary's average duration is ${format(latest)} ms and rises by ${format(trend.slope)} ms a look against the baseline's`,
      observed: latest,
      limit: SLOW_MS,
      baseline: null,
      samples: totals.canaryRequests,
    },
  ];
}

/** Said, so that nobody takes a promotion for more than it is. */
export function uncompared({ latency, totals }: Seen): Reason[] {
  if (latency.length > 0 || totals.canaryRequests === 0) return [];
  const message =
    "requests were not counted by duration, because no thresholds were fixed before the shift: durations were held against the fixed rules only";
  const { canaryRequests: samples } = totals;
  return [{ code: "durations-not-compared", message, observed: null, limit: null, baseline: null, samples }];
}

const percentOf = (count: number, of: number) =>
  format(errorPercent({ invocations: of, errors: count } as SideCounts) ?? 0);

const figures = (totals: Block) => ({
  observed: totals.canaryErrors,
  baseline: totals.baselineErrors,
  samples: totals.canaryRequests,
});

/** `alpha`: what the test may spend, 0 to 1. */
export function moreErrors(totals: Block, { boundary, pValue, spent }: ErrorsLook, alpha: number): Reason {
  const how = boundary === null ? `anytime p ${pValue.toPrecision(2)}` : `boundary ${boundary} errors`;
  return {
    code: "more-errors",
    message: `${totals.canaryErrors} of ${totals.canaryRequests} canary requests failed and ${totals.baselineErrors} of ${totals.baselineRequests} of the baseline: a harmless version gets there in less than ${format(100 * alpha)} % of releases (${how})`,
    ...figures(totals),
    limit: boundary,
    spent,
  };
}

/** More errors, in an outage of both that may explain them. `alpha`: what blames the canary all the same, 0 to 1. */
export const inOutage = (more: Reason, alpha: number): Reason => ({
  ...more,
  message: `${more.message}; the baseline fails too, so the canary is blamed only for what a harmless version gets to in less than ${(100 * alpha).toPrecision(1)} %`,
});

export function moreSlow(totals: Block, what: string, boundary: number | null, spent: number, alpha: number): Reason {
  return {
    code: "slower",
    message: `${totals.canaryErrors} of ${totals.canaryRequests} canary requests were ${what} and ${totals.baselineErrors} of ${totals.baselineRequests} of the baseline, cold starts credited: a harmless version gets there in less than ${format(100 * alpha)} % of releases`,
    ...figures(totals),
    limit: boundary,
    spent,
  };
}

export function lessTraffic(totals: Block, share: number, logWealth: number, alpha: number): Reason {
  const total = totals.canaryRequests + totals.baselineRequests;
  return {
    code: "traffic-deficit",
    message: `the canary finished ${totals.canaryRequests} of ${total} requests where ${percentOf(share * total, total)} % were meant for it (odds ${Math.exp(Math.min(logWealth, 50)).toExponential(1)} to 1, limit ${format(1 / alpha)}): it may hang`,
    observed: totals.canaryRequests,
    limit: share * total,
    baseline: totals.baselineRequests,
    samples: total,
    spent: alpha,
  };
}

/** `bound`: the rate that must be ruled out, 0 to 1. `missing`: canary requests without errors that would do it. */
export function notProven({ totals, seconds }: Seen, missing: number, bound: number): Reason {
  const perSecond = totals.canaryRequests / Math.max(1, seconds);
  const time = perSecond > 0 ? `, about ${Math.ceil(missing / perSecond / 60)} min at this rate` : "";
  return {
    code: "not-proven-healthy",
    message: `${totals.canaryErrors} of ${totals.canaryRequests} canary requests failed; that fewer than ${format(100 * bound)} % would is not shown with ${100 * (1 - PROMOTION_ALPHA)} % confidence: about ${missing} more canary requests without errors would do${time}`,
    observed: totals.canaryRequests,
    limit: totals.canaryRequests + missing,
    baseline: totals.baselineRequests,
    samples: totals.canaryRequests,
  };
}

/** For people: how much worse, and what can be ruled out at all looks together. */
export function effectReason({ totals, errors }: Seen): Reason[] {
  const effect = effectOf(totals);
  if (!effect) return [];
  const [difference, low, high] = [effect.difference, effect.low, effect.high].map((value) => format(100 * value));
  return [
    {
      code: "effect",
      message: `canary minus baseline: ${difference} percentage points of errors (95 % interval ${low} to ${high}), anytime p ${Math.min(1, Math.exp(-errors.evidence.maxLogWealth)).toPrecision(2)}`,
      observed: 100 * effect.difference,
      limit: null,
      baseline: (100 * totals.baselineErrors) / totals.baselineRequests,
      samples: totals.canaryRequests,
    },
  ];
}
