import type { Policy } from "../../contract/policy.ts";
import type { Reason, SideCounts } from "./types.ts";

type Checks = Policy["checks"];

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

/**
 * The rules that the two sides break, worst first. None below `minSamples` canary requests: a rate over a handful of
 * requests is noise. A baseline that served nothing cannot excuse the canary.
 */
export function breachesOf(sides: Sides, checks: Checks): Breach[] {
  if (sides.canary.invocations < checks.minSamples) return [];
  return [
    rollbackThreshold(sides, checks),
    errorRate(sides, checks),
    averageDuration(sides, checks),
    p99Duration(sides, checks),
  ].filter((breach) => breach !== undefined);
}

/** F8 and F9: over the limit, and over the ratio to the baseline in the same minutes. */
function errorRate({ canary, baseline }: Sides, checks: Checks): Breach | undefined {
  const rate = errorPercent(canary) ?? 0;
  const other = errorPercent(baseline);
  if (rate <= checks.maxErrorRatePercent) return undefined;
  const limit = Math.max(checks.maxErrorRatePercent, checks.maxErrorRateRatio * (other ?? 0));
  if (rate > limit) {
    return blamed("error-rate", rate, limit, other, canary, (value) => `${format(value)} % of canary requests failed`);
  }
  if (other === undefined || other <= checks.maxErrorRatePercent) return undefined;
  return shared("errors", "%", rate, checks.maxErrorRatePercent, other, canary);
}

/** An absolute limit, set for one release by the person who started it. */
function rollbackThreshold({ canary, baseline }: Sides, checks: Checks): Breach | undefined {
  const limit = checks.rollbackThresholdPercent;
  const rate = errorPercent(canary) ?? 0;
  const other = errorPercent(baseline);
  if (limit === undefined || rate <= limit) return undefined;
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

function averageDuration({ canary, baseline }: Sides, checks: Checks): Breach | undefined {
  const observed = canary.averageDurationMs ?? 0;
  const limit = checks.maxAverageDurationMs;
  const other = baseline.averageDurationMs;
  if (observed <= limit) return undefined;
  if (other !== undefined && other > limit) return shared("average duration", "ms", observed, limit, other, canary);
  return blamed("average-duration", observed, limit, other, canary, (value) => `canary average is ${format(value)} ms`);
}

function p99Duration({ canary, baseline }: Sides, checks: Checks): Breach | undefined {
  const [observed, other] = [canary.p99DurationMs, baseline.p99DurationMs];
  if (observed === undefined || other === undefined || baseline.invocations < checks.minSamples) return undefined;
  const limit = checks.maxP99Ratio * other;
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
