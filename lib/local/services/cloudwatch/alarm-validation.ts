import type { ComparisonOperator, PutCompositeAlarmInput, PutMetricAlarmInput } from "@aws-sdk/client-cloudwatch";
import { notImplemented } from "../../kernel/errors.ts";
import {
  constraintError,
  invalidCombination,
  missingParameter,
  notInEnum,
  nullMember,
  tooLong,
  validationError,
} from "./errors.ts";
import { evaluationGrid, SUPPORTED_OPERATORS } from "./metric-alarm-evaluation.ts";
import { QuerySet, seriesForAnswer } from "./metric-queries.ts";
import { MetricStore } from "./metric-store.ts";
import { BASIC_STATISTICS, statisticFunction } from "./statistics.ts";
import { UNITS } from "./units.ts";

const OPERATORS: readonly ComparisonOperator[] = [
  "GreaterThanOrEqualToThreshold",
  "GreaterThanThreshold",
  "LessThanThreshold",
  "LessThanOrEqualToThreshold",
  "LessThanLowerOrGreaterThanUpperThreshold",
  "LessThanLowerThreshold",
  "GreaterThanUpperThreshold",
];
const TREATMENTS = ["breaching", "notBreaching", "ignore", "missing"];
const DAY_SECONDS = 86_400;

/** Throws what CloudWatch answers to a wrong alarm; texts that no recording shows are listed in docs/fidelity. */
export function checkActions(operation: string, input: Partial<Record<ActionList, string[]>>): void {
  const problems: string[] = [];
  for (const list of ["OKActions", "AlarmActions", "InsufficientDataActions"] as const) {
    if ((input[list]?.length ?? 0) > 5) problems.push(tooLong(memberName(list), `[${input[list]?.join(", ")}]`, 5));
  }
  if (problems.length > 0) throw constraintError(problems);
  for (const action of [input.OKActions, input.AlarmActions, input.InsufficientDataActions].flatMap((l) => l ?? [])) {
    const [arn, partition, service] = action.split(":");
    if (arn !== "arn" || !partition || !service) throw validationError(`Invalid arn syntax: ${action}`);
    if (service !== "sns" && service !== "lambda") throw notImplemented("cloudwatch", operation, `action ${action}`);
  }
}

type ActionList = "OKActions" | "AlarmActions" | "InsufficientDataActions";

function memberName(name: string): string {
  return name === "OKActions" ? "oKActions" : name.charAt(0).toLowerCase() + name.slice(1);
}

export interface CheckedMetricAlarm {
  queries: QuerySet | undefined;
  returnedId: string | undefined;
  periodSeconds: number;
}

export function checkMetricAlarm(input: PutMetricAlarmInput): CheckedMetricAlarm {
  const problems: string[] = [];
  if (!input.AlarmName) problems.push(nullMember("alarmName"));
  else if (input.AlarmName.length > 255) problems.push(tooLong("alarmName", input.AlarmName, 255));
  if ((input.AlarmDescription?.length ?? 0) > 1024) {
    problems.push(tooLong("alarmDescription", input.AlarmDescription ?? "", 1024));
  }
  if (input.EvaluationPeriods === undefined) problems.push(nullMember("evaluationPeriods"));
  for (const [member, value] of [
    ["evaluationPeriods", input.EvaluationPeriods],
    ["datapointsToAlarm", input.DatapointsToAlarm],
  ] as const) {
    if (value !== undefined && value < 1) {
      problems.push(
        `Value '${value}' at '${member}' failed to satisfy constraint: Member must have value greater than or equal to 1`,
      );
    }
  }
  if (input.ComparisonOperator === undefined) problems.push(nullMember("comparisonOperator"));
  else if (!OPERATORS.includes(input.ComparisonOperator)) {
    problems.push(notInEnum("comparisonOperator", input.ComparisonOperator, OPERATORS));
  }
  if (input.Statistic !== undefined && !BASIC_STATISTICS.includes(input.Statistic)) {
    problems.push(notInEnum("statistic", input.Statistic, BASIC_STATISTICS));
  }
  if (input.Unit !== undefined && !UNITS.includes(input.Unit)) problems.push(notInEnum("unit", input.Unit, UNITS));
  if (problems.length > 0) throw constraintError(problems);
  refuseUnsupported(input);
  checkActions("PutMetricAlarm", input);

  const n = input.EvaluationPeriods ?? 1;
  if ((input.DatapointsToAlarm ?? n) > n) {
    throw validationError("DatapointsToAlarm must be less than or equal to EvaluationPeriods.");
  }
  if (input.TreatMissingData !== undefined && !TREATMENTS.includes(input.TreatMissingData)) {
    throw validationError(`The value ${input.TreatMissingData} is unsupported for parameter TreatMissingData.`);
  }
  const low = input.EvaluateLowSampleCountPercentile;
  if (low !== undefined && low !== "evaluate" && low !== "ignore") {
    throw validationError(`The value ${low} is unsupported for parameter EvaluateLowSampleCountPercentile.`);
  }
  if (input.Threshold === undefined) throw missingParameter("Threshold");
  const checked = input.Metrics ? checkQueries(input) : checkSingleMetric(input);
  const limit = checked.periodSeconds >= 3600 ? 7 * DAY_SECONDS : DAY_SECONDS;
  if (checked.periodSeconds * n > limit) {
    throw validationError(
      `Metrics cannot be checked across more than ${limit === DAY_SECONDS ? "a day" : "a week"} (EvaluationPeriods * Period must be <= ${limit}).`,
    );
  }
  return checked;
}

function refuseUnsupported(input: PutMetricAlarmInput): void {
  const operator = input.ComparisonOperator ?? "";
  if (input.ThresholdMetricId !== undefined || !SUPPORTED_OPERATORS.includes(operator)) {
    throw notImplemented("cloudwatch", "PutMetricAlarm", "anomaly detection");
  }
  for (const member of ["WarmUpConfiguration", "EvaluationCriteria", "EvaluationInterval"]) {
    if (Object.entries(input).some(([key, value]) => key === member && value !== undefined)) {
      throw notImplemented("cloudwatch", "PutMetricAlarm", member);
    }
  }
}

function checkSingleMetric(input: PutMetricAlarmInput): CheckedMetricAlarm {
  if (!input.MetricName) throw missingParameter("MetricName");
  if (!input.Namespace) throw missingParameter("Namespace");
  if (input.Period === undefined) throw missingParameter("Period");
  if (input.Statistic && input.ExtendedStatistic) {
    throw invalidCombination(
      "The parameters Statistic and ExtendedStatistic are mutually exclusive and you have specified both.",
    );
  }
  const statistic = input.Statistic ?? input.ExtendedStatistic;
  if (!statistic) throw missingParameter("Statistic");
  statisticFunction(statistic, "PutMetricAlarm");
  checkAlarmPeriod(input.Period);
  return { queries: undefined, returnedId: undefined, periodSeconds: input.Period };
}

function checkQueries(input: PutMetricAlarmInput): CheckedMetricAlarm {
  for (const member of ["MetricName", "Namespace", "Period", "Statistic", "ExtendedStatistic", "Dimensions"] as const) {
    if (input[member] !== undefined && !(member === "Dimensions" && input.Dimensions?.length === 0)) {
      throw invalidCombination(
        `The parameters Metrics and ${member} are mutually exclusive and you have specified both.`,
      );
    }
  }
  const queries = new QuerySet(input.Metrics ?? [], "PutMetricAlarm");
  const returned = queries.queries.filter((query) => query.ReturnData ?? true);
  const [only] = returned;
  if (!only?.Id || returned.length !== 1) {
    throw validationError("Exactly one element of the metrics list should return data.");
  }
  if (queries.queries.filter((query) => query.MetricStat).length > 10) {
    throw validationError("The maximum number of metrics of an alarm based on a metric math expression is 10.");
  }
  const periodSeconds = queries.periodOf(only.Id);
  if (periodSeconds === undefined) throw missingParameter("Period");
  checkAlarmPeriod(periodSeconds);
  // An evaluation over no data finds type errors now instead of at the first evaluation.
  const probe = { periodSeconds, input: { EvaluationPeriods: input.EvaluationPeriods } };
  const { value } = queries.evaluate(only.Id, new MetricStore(), evaluationGrid(probe, 0), 0);
  if (seriesForAnswer(only.Id, value).length !== 1) {
    throw validationError(
      "Metrics expression that return multi time series are only allowed for MetricsInsights expression with an ORDER BY clause",
    );
  }
  return { queries, returnedId: only.Id, periodSeconds };
}

/** 20 s is valid since 2025 (API reference); the text is CloudWatch's of 2020 with that value added. */
function checkAlarmPeriod(period: number): void {
  if (![10, 20, 30].includes(period) && (period < 60 || period % 60 !== 0)) {
    throw validationError("Period must be 10, 20, 30 or a multiple of 60");
  }
}

export function checkCompositeAlarm(input: PutCompositeAlarmInput): void {
  const problems: string[] = [];
  if (!input.AlarmName) problems.push(nullMember("alarmName"));
  else if (input.AlarmName.length > 255) problems.push(tooLong("alarmName", input.AlarmName, 255));
  if (!input.AlarmRule) problems.push(nullMember("alarmRule"));
  else if (input.AlarmRule.length > 10_240) problems.push(tooLong("alarmRule", input.AlarmRule, 10_240));
  if (problems.length > 0) throw constraintError(problems);
  if (input.AlarmRule !== input.AlarmRule?.trim()) {
    throw validationError("AlarmRule must not contain leading or trailing whitespace or be null");
  }
  checkActions("PutCompositeAlarm", input);
  if (input.ActionsSuppressor === undefined) return;
  if (input.ActionsSuppressorWaitPeriod === undefined) throw missingParameter("ActionsSuppressorWaitPeriod");
  if (input.ActionsSuppressorExtensionPeriod === undefined) throw missingParameter("ActionsSuppressorExtensionPeriod");
}
