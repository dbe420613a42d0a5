import { notImplemented } from "../../kernel/errors.ts";
import type { Distribution } from "./distribution.ts";
import { validationError } from "./errors.ts";

export type StatisticFunction = (samples: Distribution) => number | undefined;

const BASIC: Record<string, StatisticFunction> = {
  SampleCount: (samples) => samples.count,
  Average: (samples) => samples.sum / samples.count,
  Sum: (samples) => samples.sum,
  Minimum: (samples) => samples.minimum,
  Maximum: (samples) => samples.maximum,
};

export const BASIC_STATISTICS = ["SampleCount", "Average", "Sum", "Minimum", "Maximum"];

/** `PR(low:high)` and `TC(low:high)`: bounds are values, the lower one excluded; either may be missing, not both. */
const BETWEEN = /^(PR|TC)\((-?\d+(?:\.\d+)?)?:(-?\d+(?:\.\d+)?)?\)$/;

/** Statistics that CloudWatch knows and that are not needed here: refused with 501, never computed wrongly. */
const KNOWN_ELSEWHERE = /^(IQM|(tc|ts|wm)\d{1,2}(\.\d+)?|(TM|TC|TS|WM|PR)\(.*\))$/;

/** The function behind a statistic name: the basic ones, `pNN`, `tmNN`, `PR(:)`, `TC(:)`. Throws ValidationError or 501. */
export function statisticFunction(name: string, operation: string): StatisticFunction {
  const basic = BASIC[name];
  if (basic) return basic;
  const percentile = percentileOf(name);
  if (percentile !== undefined) return (samples) => samples.quantile(percentile / 100);
  const trimmed = /^tm(\d{1,2}(?:\.\d{1,10})?)$/.exec(name);
  if (trimmed) return (samples) => samples.trimmedMean(Number(trimmed[1]) / 100);
  const between = BETWEEN.exec(name);
  if (between && (between[2] !== undefined || between[3] !== undefined)) {
    const low = between[2] === undefined ? Number.NEGATIVE_INFINITY : Number(between[2]);
    const high = between[3] === undefined ? Number.POSITIVE_INFINITY : Number(between[3]);
    if (between[1] === "TC") return (samples) => samples.countBetween(low, high);
    return (samples) => {
      const counted = samples.countBetween(low, high);
      return counted === undefined ? undefined : (100 * counted) / samples.count;
    };
  }
  if (KNOWN_ELSEWHERE.test(name)) throw notImplemented("cloudwatch", operation, `statistic ${name}`);
  throw validationError(`The value ${name} for parameter Stat is not supported.`);
}

/** 99 for `p99`; undefined for anything that is not a percentile. */
export function percentileOf(name: string): number | undefined {
  const match = /^p(\d{1,2}(?:\.\d{1,10})?|100)$/.exec(name);
  return match ? Number(match[1]) : undefined;
}
