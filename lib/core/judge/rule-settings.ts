import type { Policy } from "../../contract/policy.ts";
import type { RuleCode, RuleSettings } from "../../contract/rules.ts";

/** A rule as it is in force. */
export interface Rule {
  limit: number;
  timesBaseline: number;
  forSeconds: number;
  minSamples: number;
  enabled: boolean;
}

/** Requests that a ratio of 0.8 needs to be four standard deviations off. */
const ENOUGH_FOR_RATIO = 400;

/** The fixed rules of a policy: the shipped ones with what it changes. */
export function rulesOf({ checks, rules }: Pick<Policy, "checks" | "rules">): Record<RuleCode, Rule> {
  const { minSamples } = checks;
  const rule = (code: RuleCode, shipped: RuleSettings): Rule => ({
    limit: 0,
    timesBaseline: 1,
    forSeconds: 0,
    minSamples,
    enabled: true,
    ...shipped,
    ...Object.fromEntries(Object.entries(rules?.[code] ?? {}).filter(([, value]) => value !== undefined)),
  });
  return {
    // Two periods of a minute, as the alarms ask for.
    "error-rate": rule("error-rate", {
      limit: checks.maxErrorRatePercent,
      timesBaseline: checks.maxErrorRateRatio,
      forSeconds: 120,
    }),
    "error-ratio": rule("error-ratio", { timesBaseline: checks.maxErrorRateRatio, forSeconds: 300 }),
    "success-rate": rule("success-rate", { limit: 95, forSeconds: 180 }),
    "absolute-error-rate": rule("absolute-error-rate", { limit: 3, forSeconds: 120 }),
    "average-duration": rule("average-duration", { limit: checks.maxAverageDurationMs, forSeconds: 120 }),
    // The p99 of a minute with few requests is its slowest one, so a single cold start breaks it: every look of so long
    // must. A five-minute canary holds four whole minutes.
    "p99-duration": rule("p99-duration", { timesBaseline: checks.maxP99Ratio, forSeconds: 240 }),
    "traffic-share": rule("traffic-share", { limit: checks.minTrafficShareRatio }),
    "traffic-low": rule("traffic-low", { limit: 0.8, minSamples: ENOUGH_FOR_RATIO }),
  };
}
