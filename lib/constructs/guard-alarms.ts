import { CfnAlarm, type CfnAlarmProps } from "aws-cdk-lib/aws-cloudwatch";
import type { Construct } from "constructs";
import { alarmName } from "../contract/names.ts";
import type { Policy } from "../contract/policy.ts";
import { aliasDimensions, LAMBDA_NAMESPACE, METRIC_PERIOD_SECONDS, type WatchedAlias } from "./alias-metrics.ts";
import { templatePart } from "./template-part.ts";

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
  const times = limits.timesBaseline;
  const enough = (count: string) => `${count} >= ${limits.minimumRequests}`;
  /** Of the canary and of the whole alias: `cInv` and `aInv`. */
  const both = (id: string, metricName: string, stat: string): Input[] => [
    { id: `c${id}`, metricName, stat, of: "canary" },
    { id: `a${id}`, metricName, stat, of: "alias" },
  ];
  // The guard hears of them through the deployment that they stop.
  const quiet = { ...props, alarmActions: [] };
  return [
    mathAlarm(scope, quiet, "CanaryErrorRate", "error-rate", {
      description: `Errors of the canary above ${limits.errorRatePercent} % and ${times} times the baseline's`,
      threshold: limits.errorRatePercent,
      inputs: [...both("Inv", "Invocations", "Sum"), ...both("Err", "Errors", "Sum")],
      expression: `IF(${enough("cInv")} AND cErr * (aInv - cInv) > ${times} * (aErr - cErr) * cInv, 100 * cErr / cInv, 0)`,
      label: "canary error rate, percent, where worse than the baseline",
      version,
    }),
    mathAlarm(scope, quiet, "CanaryDuration", "duration", {
      description: `Average duration of the canary above ${limits.averageDurationMs} ms and ${times} times the baseline's`,
      threshold: limits.averageDurationMs,
      inputs: [...both("Sum", "Duration", "Sum"), ...both("Count", "Duration", "SampleCount")],
      expression: `IF(${enough("cCount")} AND cSum * (aCount - cCount) > ${times} * (aSum - cSum) * cCount, cSum / cCount, 0)`,
      label: "canary average duration, ms, where worse than the baseline",
      version,
    }),
    // A percentile cannot be subtracted, the share of requests above a limit can (statistic PR, CloudWatch user guide).
    mathAlarm(scope, quiet, "CanaryP99", "p99", {
      description: `p99 of the canary above ${limits.p99DurationMs} ms and ${times} times the baseline's share of slow requests`,
      threshold: SHARE_ABOVE_P99,
      inputs: [
        ...both("Slow", "Duration", `PR(${limits.p99DurationMs}:)`),
        ...both("Count", "Duration", "SampleCount"),
      ],
      expression: `IF(${enough("cCount")} AND cSlow * (aCount - cCount) > ${times} * (aSlow * aCount - cSlow * cCount), cSlow, 0)`,
      label: `canary requests above ${limits.p99DurationMs} ms, percent, where worse than the baseline`,
      version,
    }),
  ];
}

/** Alarms on the whole alias, beside the group: they notify and serve the guard time. */
export function aliasAlarms(scope: Construct, props: GuardAlarmsProps): CfnAlarm[] {
  const { limits } = props;
  const dimensions = Object.entries(aliasDimensions(props)).map(([name, value]) => ({ name, value }));
  const metric = (metricName: string) => ({
    namespace: LAMBDA_NAMESPACE,
    metricName,
    dimensions,
    period: METRIC_PERIOD_SECONDS,
  });
  return [
    mathAlarm(scope, props, "ErrorRate", "error-rate", {
      description: `Errors of the alias above ${limits.errorRatePercent} %`,
      threshold: limits.errorRatePercent,
      inputs: [
        { id: "invocations", metricName: "Invocations", stat: "Sum", of: "alias" },
        { id: "errors", metricName: "Errors", stat: "Sum", of: "alias" },
      ],
      expression: "IF(invocations > 0, 100 * errors / invocations, 0)",
      label: "error rate, percent",
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

/** A metric that goes into an alarm's expression. */
interface Input {
  readonly id: string;
  readonly metricName: string;
  readonly stat: string;
  readonly of: "alias" | "canary";
}

interface Calculation {
  readonly description: string;
  readonly threshold: number;
  readonly inputs: readonly Input[];
  readonly expression: string;
  readonly label: string;
  /** The canary's, which is also in the name of its alarm. */
  readonly version?: string;
}

/** An alarm on an expression. Its queries are most of what a guarded function puts into the template: ready as they are. */
function mathAlarm(
  scope: Construct,
  props: GuardAlarmsProps,
  id: string,
  check: string,
  { description, threshold, inputs, expression, label, version }: Calculation,
): CfnAlarm {
  const made = alarm(scope, props, id, check, { alarmDescription: description, threshold }, version);
  const queries = templatePart((resolve) => {
    const ofAlias = dimensionsOf(aliasDimensions(props));
    const ofCanary = version === undefined ? [] : [...ofAlias, { Name: "ExecutedVersion", Value: resolve(version) }];
    return [
      ...inputs.map((input) => ({
        Id: input.id,
        MetricStat: {
          Metric: {
            Dimensions: input.of === "canary" ? ofCanary : ofAlias,
            MetricName: input.metricName,
            Namespace: LAMBDA_NAMESPACE,
          },
          Period: METRIC_PERIOD_SECONDS,
          Stat: input.stat,
        },
        ReturnData: false,
      })),
      { Expression: expression, Id: "breach", Label: label },
    ];
  });
  made.addPropertyOverride("Metrics", queries);
  return made;
}

const dimensionsOf = (dimensions: Record<string, string>): { Name: string; Value: unknown }[] =>
  Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));

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
