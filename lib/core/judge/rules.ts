import type { RuleCode } from "../../contract/rules.ts";
import { surelyAbove } from "./certainty.ts";
import type { Rule } from "./rule-settings.ts";
import type { Reason, SideCounts } from "./types.ts";

export type Rules = Record<RuleCode, Rule>;

export interface Sides {
  canary: SideCounts;
  baseline: SideCounts;
}

export interface Breach {
  /** True when the baseline breaks the rule as well: nobody is blamed. */
  shared: boolean;
  reason: Reason;
}

/** Percent of invocations that failed; undefined where nothing ran. */
export const errorPercent = (side: SideCounts): number | undefined =>
  side.invocations === 0 ? undefined : (100 * side.errors) / side.invocations;

/** Below so many errors of the canary a multiple of the baseline's rate says nothing. */
const MIN_ERRORS_OF_RATIO = 5;

/**
 * The rules that the two sides break, worst first. None below a rule's minimum of canary requests: a rate over a handful
 * of requests is noise. A baseline that served nothing cannot excuse the canary. `threshold`: percent errors, set for
 * one release by the person who started it.
 */
export function breachesOf(sides: Sides, rules: Rules, threshold: number | undefined): Breach[] {
  const { invocations } = sides.canary;
  const inForce = ({ enabled, minSamples }: Rule) => enabled && invocations >= minSamples;
  return [
    threshold !== undefined && invocations >= rules["error-rate"].minSamples && rollbackThreshold(sides, threshold),
    inForce(rules["error-rate"]) && errorRate(sides, rules["error-rate"]),
    inForce(rules["average-duration"]) && averageDuration(sides, rules["average-duration"]),
    inForce(rules["p99-duration"]) && p99Duration(sides, rules["p99-duration"]),
  ].filter((breach) => typeof breach === "object");
}

/** Over the limit, and over the ratio to the baseline in the same minutes. */
function errorRate({ canary, baseline }: Sides, rule: Rule): Breach | undefined {
  const rate = errorPercent(canary) ?? 0;
  const other = errorPercent(baseline);
  if (rate <= rule.limit) return undefined;
  const limit = Math.max(rule.limit, rule.timesBaseline * (other ?? 0));
  if (rate > limit) {
    return blamed("error-rate", rate, limit, other, canary, (value) => `${format(value)} % of canary requests failed`);
  }
  if (other === undefined || other <= rule.limit) return undefined;
  return shared("errors", "%", rate, rule.limit, other, canary);
}

/** An absolute limit, set for one release by the person who started it. */
function rollbackThreshold({ canary, baseline }: Sides, limit: number): Breach | undefined {
  const rate = errorPercent(canary) ?? 0;
  const other = errorPercent(baseline);
  if (rate <= limit) return undefined;
  if (other !== undefined && other > limit) return shared("errors", "%", rate, limit, other, canary);
  return blamed(
    "rollback-threshold",
    rate,
    limit,
    other,
    canary,
    (value) => `${format(value)} % of canary requests failed, over the threshold of this release`,
  );
}

/**
 * An absolute limit that needs no comparison, for errors (`limit` is the highest percentage that may fail). It counts only
 * where the canary is above it for sure, because a rate of few requests lies anywhere.
 */
export function absoluteErrors(
  code: "success-rate" | "absolute-error-rate",
  { canary, baseline }: Sides,
  { enabled, minSamples }: Rule,
  limit: number,
  alpha: number,
): Breach | undefined {
  if (!enabled || canary.invocations < minSamples) return undefined;
  if (!surelyAbove(canary.errors, canary.invocations, limit / 100, alpha)) return undefined;
  const rate = errorPercent(canary) ?? 0;
  const other = errorPercent(baseline);
  if (other !== undefined && other > limit) return shared("errors", "%", rate, limit, other, canary);
  return blamed(
    code,
    rate,
    limit,
    other,
    canary,
    (value) => `${format(value)} % of canary requests failed, for sure more than ${format(limit)} %`,
  );
}

/** Far more errors than the baseline, whatever their number. */
export function errorRatio({ canary, baseline }: Sides, rule: Rule): Breach | undefined {
  const [rate, other] = [errorPercent(canary) ?? 0, errorPercent(baseline)];
  if (!rule.enabled || canary.invocations < rule.minSamples || baseline.invocations < rule.minSamples) return undefined;
  const limit = rule.timesBaseline * (other ?? 0);
  if (canary.errors < MIN_ERRORS_OF_RATIO || rate <= limit) return undefined;
  return blamed("error-ratio", rate, limit, other, canary, (value) => `${format(value)} % of canary requests failed`);
}

function averageDuration({ canary, baseline }: Sides, { limit }: Rule): Breach | undefined {
  const observed = canary.averageDurationMs ?? 0;
  const other = baseline.averageDurationMs;
  if (observed <= limit) return undefined;
  if (other !== undefined && other > limit) return shared("average duration", "ms", observed, limit, other, canary);
  return blamed("average-duration", observed, limit, other, canary, (value) => `canary average is ${format(value)} ms`);
}

function p99Duration({ canary, baseline }: Sides, { minSamples, timesBaseline }: Rule): Breach | undefined {
  const [observed, other] = [canary.p99DurationMs, baseline.p99DurationMs];
  if (observed === undefined || other === undefined || baseline.invocations < minSamples) return undefined;
  const limit = timesBaseline * other;
  if (observed <= limit) return undefined;
  return blamed("p99-duration", observed, limit, other, canary, (value) => `canary p99 is ${format(value)} ms`);
}

function blamed(
  code: string,
  observed: number,
  limit: number,
  baseline: number | undefined,
  { invocations }: SideCounts,
  describe: (value: number) => string,
): Breach {
  const compared = baseline === undefined ? "the baseline served nothing" : `baseline ${format(baseline)}`;
  const message = `${describe(observed)} (limit ${format(limit)}, ${compared}, ${invocations} requests)`;
  return {
    shared: false,
    reason: { code, message, observed, limit, baseline: baseline ?? null, samples: invocations },
  };
}

function shared(
  what: string,
  unit: string,
  observed: number,
  limit: number,
  baseline: number,
  { invocations }: SideCounts,
): Breach {
  const message = `both versions are over the limit for ${what}: canary ${format(observed)} ${unit}, baseline ${format(baseline)} ${unit} (limit ${format(limit)}), so the release is not to blame`;
  return {
    shared: true,
    reason: { code: "baseline-unhealthy", message, observed, limit, baseline, samples: invocations },
  };
}

/** Two significant decimals at most: figures are for people. */
export const format = (value: number) => String(Math.round(value * 100) / 100);
