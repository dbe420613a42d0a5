import type { MetricDataQuery } from "@aws-sdk/client-cloudwatch";
import type { AlarmRecord, AlarmState, MetricAlarmRecord } from "./alarm-records.ts";
import { eventTimestamp, longTimestamp, regionName } from "./formats.ts";

/** One alarm has three encodings: notification, event and API. These are the first two, from samples of 2019 to 2026. */

export interface Transition {
  alarm: AlarmRecord;
  previous: AlarmState;
  accountId: string;
  region: string;
  /** Id of a single-metric alarm's metric in events: a random UUID. */
  metricId: string;
}

/** SNS refuses subjects of 100 characters and more, so long names are cut. [inferred] */
const SUBJECT_LIMIT = 99;

export function notification({ alarm, previous, accountId, region }: Transition) {
  const title = (name: string) => `${alarm.state.value}: "${name}" in ${regionName(region)}`;
  const excess = title(alarm.name).length - SUBJECT_LIMIT;
  const shortened = `${alarm.name.slice(0, alarm.name.length - excess - 3)}...`;
  const subject = excess <= 0 ? title(alarm.name) : title(shortened);
  const body = {
    AlarmName: alarm.name,
    AlarmDescription: alarm.description ?? null,
    AWSAccountId: accountId,
    AlarmConfigurationUpdatedTimestamp: eventTimestamp(alarm.configurationUpdatedMs),
    NewStateValue: alarm.state.value,
    NewStateReason: alarm.state.reason,
    StateChangeTime: eventTimestamp(alarm.state.transitionedMs),
    Region: regionName(region),
    AlarmArn: alarm.arn,
    OldStateValue: previous.value,
    OKActions: alarm.okActions,
    AlarmActions: alarm.alarmActions,
    InsufficientDataActions: alarm.insufficientDataActions,
    ...(alarm.kind === "metric"
      ? { Trigger: trigger(alarm) }
      : { AlarmRule: alarm.ruleText, TriggeringChildren: triggeringChildren(alarm.state) }),
  };
  const email = [
    `You are receiving this email because your Amazon CloudWatch Alarm "${alarm.name}" in the ${regionName(region)} region has entered the ${alarm.state.value} state, because "${alarm.state.reason}" at "${longTimestamp(alarm.state.transitionedMs)}".`,
    "",
    "Alarm Details:",
    `- Name:                       ${alarm.name}`,
    `- Description:                ${alarm.description ?? ""}`,
    `- State Change:               ${previous.value} -> ${alarm.state.value}`,
    `- Reason for State Change:    ${alarm.state.reason}`,
    `- Timestamp:                  ${longTimestamp(alarm.state.transitionedMs)}`,
    `- AWS Account:                ${accountId}`,
    `- Alarm Arn:                  ${alarm.arn}`,
  ].join("\n");
  return { subject, message: JSON.stringify({ default: JSON.stringify(body), sms: subject, email }) };
}

function trigger({ input, periodSeconds, queries }: MetricAlarmRecord) {
  const rule = {
    Period: periodSeconds,
    EvaluationPeriods: input.EvaluationPeriods,
    ...(input.DatapointsToAlarm === undefined ? {} : { DatapointsToAlarm: input.DatapointsToAlarm }),
    ComparisonOperator: input.ComparisonOperator,
    Threshold: input.Threshold,
    TreatMissingData: input.TreatMissingData ?? "missing",
    EvaluateLowSampleCountPercentile: input.EvaluateLowSampleCountPercentile ?? "",
  };
  if (queries) return { ...rule, Metrics: queries.queries.map(triggerMetric) };
  return {
    MetricName: input.MetricName,
    Namespace: input.Namespace,
    ...(input.Statistic
      ? { StatisticType: "Statistic", Statistic: input.Statistic.toUpperCase() }
      : { StatisticType: "ExtendedStatistic", ExtendedStatistic: input.ExtendedStatistic }),
    Unit: input.Unit ?? null,
    Dimensions: pairs(input.Dimensions),
    ...rule,
  };
}

function triggerMetric(query: MetricDataQuery) {
  const { MetricStat: stat } = query;
  return {
    ...(query.Expression ? { Expression: query.Expression } : {}),
    Id: query.Id,
    ...(query.Label ? { Label: query.Label } : {}),
    ...(stat
      ? {
          MetricStat: {
            Metric: {
              Dimensions: pairs(stat.Metric?.Dimensions),
              MetricName: stat.Metric?.MetricName,
              Namespace: stat.Metric?.Namespace,
            },
            Period: stat.Period,
            Stat: stat.Stat,
            ...(stat.Unit ? { Unit: stat.Unit } : {}),
          },
        }
      : {}),
    ReturnData: query.ReturnData ?? true,
  };
}

function pairs(dimensions: readonly { Name?: string; Value?: string }[] | undefined) {
  return (dimensions ?? []).map(({ Name, Value }) => ({ value: Value, name: Name }));
}

function triggeringChildren(state: AlarmState) {
  const data = JSON.parse(state.reasonData ?? "{}") as {
    triggeringAlarms?: { arn: string; state: { value: string; timestamp: string } }[];
  };
  return (data.triggeringAlarms ?? []).map(({ arn, state: child }) => ({
    Arn: arn,
    State: { Value: child.value, Timestamp: child.timestamp },
  }));
}

/** `detail` of the event `CloudWatch Alarm State Change`, and `alarmData` of the Lambda action. */
export function stateChangeDetail({ alarm, previous, metricId }: Transition): Record<string, unknown> {
  const suppressedBy = alarm.kind === "composite" ? alarm.suppression.by : undefined;
  return {
    alarmName: alarm.name,
    state: {
      ...(suppressedBy
        ? { actionsSuppressedBy: suppressedBy, actionsSuppressedReason: `Actions suppressed by ${suppressedBy}` }
        : {}),
      ...stateFields(alarm.state),
    },
    previousState: stateFields(previous),
    configuration: {
      ...(alarm.description === undefined ? {} : { description: alarm.description }),
      ...subject(alarm, metricId),
    },
  };
}

function stateFields(state: AlarmState) {
  return {
    value: state.value,
    reason: state.reason,
    ...(state.reasonData === undefined ? {} : { reasonData: state.reasonData }),
    timestamp: eventTimestamp(state.updatedMs),
  };
}

/** What an alarm looks at: its metrics, or its rule. */
function subject(alarm: AlarmRecord, metricId: string): Record<string, unknown> {
  if (alarm.kind === "composite") {
    return {
      alarmRule: alarm.ruleText,
      ...(alarm.suppressor
        ? {
            actionsSuppressor: alarm.suppressor.alarm,
            actionsSuppressorWaitPeriod: alarm.suppressor.waitSeconds,
            actionsSuppressorExtensionPeriod: alarm.suppressor.extensionSeconds,
          }
        : {}),
    };
  }
  const { input } = alarm;
  const queries: readonly MetricDataQuery[] = alarm.queries?.queries ?? [
    {
      Id: metricId,
      MetricStat: {
        Metric: { Namespace: input.Namespace, MetricName: input.MetricName, Dimensions: input.Dimensions },
        Period: input.Period,
        Stat: input.Statistic ?? input.ExtendedStatistic,
        Unit: input.Unit,
      },
    },
  ];
  return {
    metrics: queries.map(({ Id, Expression, Label, MetricStat, ReturnData }) => ({
      id: Id,
      ...(Expression ? { expression: Expression } : {}),
      ...(Label ? { label: Label } : {}),
      ...(MetricStat
        ? {
            metricStat: {
              metric: {
                namespace: MetricStat.Metric?.Namespace,
                name: MetricStat.Metric?.MetricName,
                dimensions: Object.fromEntries(
                  (MetricStat.Metric?.Dimensions ?? []).map(({ Name = "", Value }) => [Name, Value]),
                ),
              },
              period: MetricStat.Period,
              stat: MetricStat.Stat,
              ...(MetricStat.Unit ? { unit: MetricStat.Unit } : {}),
            },
          }
        : {}),
      returnData: ReturnData ?? true,
    })),
  };
}

/** `configuration` of the event `CloudWatch Alarm Configuration Change`. */
export function configurationFields(alarm: AlarmRecord, metricId: string): Record<string, unknown> {
  return {
    ...(alarm.kind === "metric"
      ? {
          evaluationPeriods: alarm.input.EvaluationPeriods,
          ...(alarm.input.DatapointsToAlarm === undefined ? {} : { datapointsToAlarm: alarm.input.DatapointsToAlarm }),
          threshold: alarm.input.Threshold,
          comparisonOperator: alarm.input.ComparisonOperator,
          ...(alarm.input.TreatMissingData ? { treatMissingData: alarm.input.TreatMissingData } : {}),
        }
      : {}),
    ...subject(alarm, metricId),
    alarmName: alarm.name,
    ...(alarm.description === undefined ? {} : { description: alarm.description }),
    actionsEnabled: alarm.actionsEnabled,
    timestamp: eventTimestamp(alarm.configurationUpdatedMs),
    okActions: alarm.okActions,
    alarmActions: alarm.alarmActions,
    insufficientDataActions: alarm.insufficientDataActions,
  };
}

export function lambdaActionPayload(transition: Transition): Record<string, unknown> {
  const { alarm, accountId, region } = transition;
  return {
    source: "aws.cloudwatch",
    alarmArn: alarm.arn,
    accountId,
    time: eventTimestamp(alarm.state.updatedMs),
    region,
    alarmData: stateChangeDetail(transition),
  };
}

/** `HistoryData` of a state update. */
export function stateHistory(previous: AlarmState, next: AlarmState): Record<string, unknown> {
  const fields = (state: AlarmState) => ({
    stateValue: state.value,
    stateReason: state.reason,
    ...(state.reasonData === undefined ? {} : { stateReasonData: parsed(state.reasonData) }),
  });
  return { version: "1.0", oldState: fields(previous), newState: fields(next) };
}

/** SetAlarmState takes any text as reason data, though it is meant to be JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
