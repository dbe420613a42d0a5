import { Annotations } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { errorTestAlpha } from "../contract/budget.ts";
import { type Expectation, remedyFor, type ShiftStep, visibility } from "../contract/detectability.ts";
import type { Policy } from "../contract/policy.ts";

export interface ExpectedTraffic {
  /** Requests a second to the alias in the hours of releases, both versions together. */
  readonly requestsPerSecond: number;
  /** Errors over requests of a version that is in order, percent. Default 0.1. */
  readonly errorRatePercent?: number;
}

const DEFAULT_ERROR_RATE_PERCENT = 0.1;

/** Throws an error that lists everything that is wrong with the expectation. */
function checkTraffic({ requestsPerSecond, errorRatePercent = DEFAULT_ERROR_RATE_PERCENT }: ExpectedTraffic): void {
  const problems: string[] = [];
  if (!(Number.isFinite(requestsPerSecond) && requestsPerSecond > 0)) {
    problems.push(`expectedTraffic.requestsPerSecond is ${requestsPerSecond}; give a number above 0`);
  }
  if (!(errorRatePercent >= 0 && errorRatePercent < 100)) {
    problems.push(`expectedTraffic.errorRatePercent is ${errorRatePercent}; give a number from 0 to below 100`);
  }
  if (problems.length > 0) throw new Error(problems.join("\n"));
}

/**
 * Warns when a shift is blind to a canary that fails as many requests as the policy's limit says: there is not enough
 * traffic for any test to tell it from chance.
 */
export function warnOfThinTraffic(
  scope: Construct,
  traffic: ExpectedTraffic,
  steps: readonly ShiftStep[],
  checks: Policy["checks"],
): void {
  checkTraffic(traffic);
  const { requestsPerSecond, errorRatePercent = DEFAULT_ERROR_RATE_PERCENT } = traffic;
  const limit = checks.maxErrorRatePercent;
  // Without a baseline in the shift, or with one that is beyond the limit itself, there is nothing to find.
  if (steps.length === 0 || errorRatePercent >= limit) return;
  const expectation: Expectation = {
    requestsPerSecond,
    baselineRate: errorRatePercent / 100,
    canaryRate: limit / 100,
    alpha: errorTestAlpha(checks.falseRollbackPercent),
  };
  if (visibility(steps, expectation) >= 1) return;
  const minutes = steps.reduce((sum, step) => sum + step.minutes, 0);
  const requests = steps.reduce((sum, step) => sum + step.share * step.minutes * 60 * requestsPerSecond, 0);
  Annotations.of(scope).addWarningV2(
    "goaround:thinTraffic",
    `At ${requestsPerSecond} requests a second the canary gets about ${figure(requests)} in the ${minutes} minutes of the ` +
      `shift: too few to tell a version that fails ${limit} % of its requests from one that fails ${errorRatePercent} %. ` +
      `Such a release ends undecided. ${helpFor(steps, expectation, minutes)}`,
  );
}

function helpFor(steps: readonly ShiftStep[], expectation: Expectation, minutes: number): string {
  const { timesLonger, sharePercent } = remedyFor(steps, expectation);
  const ways = [
    ...(timesLonger === undefined ? [] : [`shift for ${Math.ceil(timesLonger * minutes)} minutes or more`]),
    ...(sharePercent === undefined ? [] : [`give the canary ${sharePercent} % of the traffic`]),
    "send synthetic requests to the alias during releases",
  ];
  return `What helps: ${ways.join(", or ")}.`;
}

const figure = (value: number) => String(value < 10 ? Number(value.toPrecision(2)) : Math.round(value));
