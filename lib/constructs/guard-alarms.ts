import { CfnAlarm, type CfnAlarmProps } from "aws-cdk-lib/aws-cloudwatch";
import type { Construct } from "constructs";
import { alarmName } from "../contract/names.ts";
import type { Policy } from "../contract/policy.ts";
import { aliasDimensions, METRIC_PERIOD_SECONDS, metricInput, unsearched, type WatchedAlias } from "./alias-metrics.ts";

/** What the alarms of a guarded function allow. */
export interface AlarmLimits {
  /** Errors over invocations, percent. Default: `policy.checks.maxErrorRatePercent` (5). */
  readonly errorRatePercent?: number;
  /** Average duration, milliseconds. Default: `policy.checks.maxAverageDurationMs` (10,000). */
  readonly averageDurationMs?: number;
  /** 99th percentile of the duration, milliseconds. Default 5,000. */
  readonly p99DurationMs?: number;
  /** A canary alarm breaches only from this many canary requests a minute. Default: `policy.checks.minSamples` (20). */
  readonly minimumRequests?: number;
  /** A canary alarm breaches only when the canary is worse than the baseline by more than this factor. Default 2. */
  readonly timesBaseline?: number;
}

export type ResolvedLimits = Required<AlarmLimits>;

export function resolveLimits(limits: AlarmLimits, checks: Policy["checks"]): ResolvedLimits {
  const resolved = {
    errorRatePercent: checks.maxErrorRatePercent,
    averageDurationMs: checks.maxAverageDurationMs,
    p99DurationMs: 5000,
    minimumRequests: checks.minSamples,
    timesBaseline: 2,
    ...limits,
  };
  const problems = Object.entries(resolved)
    .filter(([, value]) => !(Number.isFinite(value) && value > 0))
    .map(([name, value]) => `alarmLimits.${name} is ${value}; give a number above 0`);
  if (problems.length > 0) throw new Error(problems.join("\n"));
  return resolved;
}

export interface GuardAlarmsProps extends WatchedAlias {
  readonly environmentName: string;
  /** The version that this template publishes: a token. */
  readonly version: string;
  readonly limits: ResolvedLimits;
  /** ARNs of topics that the absolute alarms publish to themselves. */
  readonly alarmActions: string[];
}

/** Two periods in a row: one bad minute is noise, two still leave detection within five minutes. */
const PERIODS = 2;

/** The share of requests above a limit, in percent, that makes the 99th percentile pass it. */
const SHARE_ABOVE_P99 = 1;

/**
 * Alarms on the canary, for the deployment group. Each compares the canary with the baseline of the same minutes, which
 * is the alias minus the canary: an outage that hits both blames neither. Once the canary has all the traffic there is
 * no baseline and they stay quiet. The version is in the name, because an alarm keeps its state when its definition
 * changes (CloudWatch API reference, PutMetricAlarm).
 *
 * Quotients are multiplied out, so that an empty baseline divides nothing by zero.
 */
export function canaryAlarms(scope: Construct, props: GuardAlarmsProps): CfnAlarm[] {
  const { limits, version } = props;
  const input = (id: string, metricName: string, stat: string) => [
    metricInput(`c${id}`, props, metricName, stat, version),
    metricInput(`a${id}`, props, metricName, stat),
  ];
  const enough = (count: string) => `${count} >= ${limits.minimumRequests}`;
  const times = limits.timesBaseline;
  const slow = `PR(${limits.p99DurationMs}:)`;
  return [
    compared(scope, props, "CanaryErrorRate", {
      check: "error-rate",
      description: `Errors of the canary above ${limits.errorRatePercent} % and ${times} times the baseline's`,
      threshold: limits.errorRatePercent,
      metrics: [...input("Inv", "Invocations", "Sum"), ...input("Err", "Errors", "Sum")],
      expression: `IF(${enough("cInv")} AND cErr * (aInv - cInv) > ${times} * (aErr - cErr) * cInv, 100 * cErr / cInv, 0)`,
      label: "canary error rate, percent, where worse than the baseline",
    }),
    compared(scope, props, "CanaryDuration", {
      check: "duration",
      description: `Average duration of the canary above ${limits.averageDurationMs} ms and ${times} times the baseline's`,
      threshold: limits.averageDurationMs,
      metrics: [...input("Sum", "Duration", "Sum"), ...input("Count", "Duration", "SampleCount")],
      expression: `IF(${enough("cCount")} AND cSum * (aCount - cCount) > ${times} * (aSum - cSum) * cCount, cSum / cCount, 0)`,
      label: "canary average duration, ms, where worse than the baseline",
    }),
    // A percentile cannot be subtracted, the share of requests above a limit can (statistic PR, CloudWatch user guide).
    compared(scope, props, "CanaryP99", {
      check: "p99",
      description: `p99 of the canary above ${limits.p99DurationMs} ms and ${times} times the baseline's share of slow requests`,
      threshold: SHARE_ABOVE_P99,
      metrics: [...input("Slow", "Duration", slow), ...input("Count", "Duration", "SampleCount")],
      expression: `IF(${enough("cCount")} AND cSlow * (aCount - cCount) > ${times} * (aSlow * aCount - cSlow * cCount), cSlow, 0)`,
      label: `canary requests above ${limits.p99DurationMs} ms, percent, where worse than the baseline`,
    }),
  ];
}

/** Alarms on the whole alias, beside the group: they notify and serve the guard time. */
export function aliasAlarms(scope: Construct, props: GuardAlarmsProps): CfnAlarm[] {
  const { limits } = props;
  const dimensions = Object.entries(aliasDimensions(props)).map(([name, value]) => ({ name, value }));
  const metric = (metricName: string) => ({
    namespace: "AWS/Lambda",
    metricName,
    dimensions,
    period: METRIC_PERIOD_SECONDS,
  });
  return [
    alarm(scope, props, "ErrorRate", "error-rate", {
      alarmDescription: `Errors of the alias above ${limits.errorRatePercent} %`,
      threshold: limits.errorRatePercent,
      metrics: [
        metricInput("invocations", props, "Invocations", "Sum"),
        metricInput("errors", props, "Errors", "Sum"),
        { id: "rate", expression: "IF(invocations > 0, 100 * errors / invocations, 0)", label: "error rate, percent" },
      ],
    }),
    alarm(scope, props, "Duration", "duration", {
      alarmDescription: `Average duration of the alias above ${limits.averageDurationMs} ms`,
      threshold: limits.averageDurationMs,
      statistic: "Average",
      ...metric("Duration"),
    }),
    alarm(scope, props, "P99", "p99", {
      alarmDescription: `p99 of the alias' duration above ${limits.p99DurationMs} ms`,
      threshold: limits.p99DurationMs,
      extendedStatistic: "p99",
      ...metric("Duration"),
    }),
    // Throttled requests run no version, so this has no meaning per version [inferred].
    alarm(scope, props, "Throttles", "throttles", {
      alarmDescription: "Requests to the alias were throttled",
      threshold: 0,
      statistic: "Sum",
      ...metric("Throttles"),
    }),
  ];
}

interface Comparison {
  check: string;
  description: string;
  threshold: number;
  metrics: CfnAlarm.MetricDataQueryProperty[];
  expression: string;
  label: string;
}

function compared(scope: Construct, props: GuardAlarmsProps, id: string, comparison: Comparison): CfnAlarm {
  return alarm(
    scope,
    { ...props, alarmActions: [] },
    id,
    comparison.check,
    {
      alarmDescription: comparison.description,
      threshold: comparison.threshold,
      metrics: unsearched([
        ...comparison.metrics,
        { id: "breach", expression: comparison.expression, label: comparison.label },
      ]),
    },
    props.version,
  );
}

type AlarmDefinition = Pick<CfnAlarmProps, "alarmDescription" | "threshold"> & Partial<CfnAlarmProps>;

function alarm(
  scope: Construct,
  props: GuardAlarmsProps,
  id: string,
  check: string,
  definition: AlarmDefinition,
  version?: string,
): CfnAlarm {
  return new CfnAlarm(scope, id, {
    alarmName: alarmName({
      environment: props.environmentName,
      functionName: props.functionName,
      alias: props.aliasName,
      check,
      version,
    }),
    comparisonOperator: "GreaterThanThreshold",
    evaluationPeriods: PERIODS,
    datapointsToAlarm: PERIODS,
    // No traffic is no evidence of a fault.
    treatMissingData: "notBreaching",
    ...(props.alarmActions.length > 0 ? { alarmActions: props.alarmActions } : {}),
    ...definition,
  });
}
