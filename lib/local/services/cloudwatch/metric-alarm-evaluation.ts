import type { ComparisonOperator } from "@aws-sdk/client-cloudwatch";
import type { MetricAlarmRecord } from "./alarm-records.ts";
import { doubleText, eventTimestamp, reasonTimestamp } from "./formats.ts";
import { dimensionRecord, type MetricPoint, readMetric, seriesForAnswer, statOf } from "./metric-queries.ts";
import type { MetricStore } from "./metric-store.ts";
import { type AlarmStateValue, decideState, type MissingDataTreatment } from "./missing-data.ts";
import { percentileOf } from "./statistics.ts";

/**
 * Points fetched beyond EvaluationPeriods. The guide's example has 5 points for 3 periods and names no rule;
 * two more for every N is [inferred].
 */
const EXTRA_POINTS = 2;

const COMPARE: Partial<Record<ComparisonOperator, { holds: (v: number, t: number) => boolean; words: string }>> = {
  GreaterThanOrEqualToThreshold: { holds: (v, t) => v >= t, words: "greater than or equal to" },
  GreaterThanThreshold: { holds: (v, t) => v > t, words: "greater than" },
  LessThanThreshold: { holds: (v, t) => v < t, words: "less than" },
  LessThanOrEqualToThreshold: { holds: (v, t) => v <= t, words: "less than or equal to" },
};

/** Operators that need no anomaly band. */
export const SUPPORTED_OPERATORS = Object.keys(COMPARE);

export interface Evaluation {
  state: AlarmStateValue | "keep";
  reason: string;
  reasonData: string;
}

interface GridPoint extends MetricPoint {
  startMs: number;
}

/** Starts of the windows that an evaluation at `nowMs` looks at, oldest first; the last one ends with the last whole minute. */
export function evaluationGrid(
  alarm: { periodSeconds: number; input: { EvaluationPeriods?: number } },
  nowMs: number,
): number[] {
  const stepSeconds = alarm.periodSeconds < 60 ? 10 : 60;
  const end = Math.floor(nowMs / 1000 / stepSeconds) * stepSeconds;
  const length = (alarm.input.EvaluationPeriods ?? 1) + EXTRA_POINTS;
  return Array.from({ length }, (_, index) => end - (length - index) * alarm.periodSeconds);
}

/** True when none of the alarm's metrics has readable data in its evaluation range. */
export function seesNoData(alarm: MetricAlarmRecord, store: MetricStore, nowMs: number): boolean {
  const from = evaluationGrid(alarm, nowMs)[0] as number;
  const metrics = alarm.queries
    ? alarm.queries.metricsBehind(alarm.returnedId ?? "").map(statOf)
    : [singleMetric(alarm)];
  return metrics.every((metric) => store.find(metric)?.isSilentSince(from, nowMs) ?? true);
}

export function evaluateMetricAlarm(alarm: MetricAlarmRecord, store: MetricStore, nowMs: number): Evaluation {
  const n = alarm.input.EvaluationPeriods ?? 1;
  const m = alarm.input.DatapointsToAlarm ?? n;
  const threshold = alarm.input.Threshold ?? 0;
  const treatment = (alarm.input.TreatMissingData ?? "missing") as MissingDataTreatment;
  const comparison = COMPARE[alarm.input.ComparisonOperator as ComparisonOperator];
  if (!comparison) throw new Error(`alarm ${alarm.name} has an operator that PutMetricAlarm should have refused`);
  const breaches = (value: number) => comparison.holds(value, threshold);

  const points = readPoints(alarm, store, nowMs);
  const state = decideState(
    points.map(({ value }) => (value === undefined ? undefined : breaches(value))),
    { evaluationPeriods: n, datapointsToAlarm: m, treatment },
  );
  const real = points.filter((point) => point.value !== undefined);
  const evaluated = real.slice(-n);
  const reasonData = describeData(alarm, points, evaluated, nowMs);
  if (state === "keep" || tooFewSamples(alarm, evaluated)) return { state: "keep", reason: "", reasonData };
  return {
    state,
    reasonData,
    reason: describeReason({
      state,
      n,
      m,
      explicitM: alarm.input.DatapointsToAlarm !== undefined,
      threshold,
      treatment,
      words: comparison.words,
      evaluated,
      breaches,
    }),
  };
}

function singleMetric(alarm: MetricAlarmRecord) {
  const { Namespace = "", MetricName = "", Dimensions, Statistic, ExtendedStatistic, Unit } = alarm.input;
  return {
    namespace: Namespace,
    name: MetricName,
    dimensions: dimensionRecord(Dimensions),
    statistic: Statistic ?? ExtendedStatistic ?? "",
    ...(Unit ? { unit: Unit } : {}),
  };
}

function readPoints(alarm: MetricAlarmRecord, store: MetricStore, nowMs: number): GridPoint[] {
  const grid = evaluationGrid(alarm, nowMs);
  if (!alarm.queries || !alarm.returnedId) {
    const windows = { grid, periodSeconds: alarm.periodSeconds };
    const { points } = readMetric(store, singleMetric(alarm), windows, nowMs, "PutMetricAlarm");
    return points.map((point, index) => ({ ...point, startMs: (grid[index] as number) * 1000 }));
  }
  const { value } = alarm.queries.evaluate(alarm.returnedId, store, grid, nowMs);
  const [series = []] = seriesForAnswer(alarm.returnedId, value);
  return grid.map((start, index) => ({ value: series[index], sampleCount: 0, startMs: start * 1000 }));
}

/** `EvaluateLowSampleCountPercentile=ignore`: fewer than 10/(1-p) samples (10/p below the median) decide nothing. */
function tooFewSamples(alarm: MetricAlarmRecord, evaluated: GridPoint[]): boolean {
  if (alarm.input.EvaluateLowSampleCountPercentile !== "ignore") return false;
  const percentile = percentileOf(alarm.input.ExtendedStatistic ?? "");
  if (percentile === undefined) return false;
  const share = percentile / 100;
  const needed = share >= 0.5 ? 10 / (1 - share) : 10 / share;
  return evaluated.some((point) => point.sampleCount < needed - 1e-6);
}

function describeData(alarm: MetricAlarmRecord, points: GridPoint[], evaluated: GridPoint[], nowMs: number): string {
  const n = alarm.input.EvaluationPeriods ?? 1;
  const shown = evaluated.length > 0 ? evaluated : points.slice(-n);
  const statistic = alarm.queries ? undefined : (alarm.input.Statistic ?? alarm.input.ExtendedStatistic);
  return JSON.stringify({
    version: "1.0",
    queryDate: eventTimestamp(nowMs),
    ...(evaluated[0] ? { startDate: eventTimestamp(evaluated[0].startMs) } : {}),
    ...(alarm.input.Unit ? { unit: alarm.input.Unit } : {}),
    ...(statistic ? { statistic } : {}),
    period: alarm.periodSeconds,
    recentDatapoints: evaluated.map((point) => point.value),
    threshold: alarm.input.Threshold ?? 0,
    evaluatedDatapoints: shown.toReversed().map((point) => ({
      timestamp: eventTimestamp(point.startMs),
      ...(point.sampleCount > 0 ? { sampleCount: point.sampleCount } : {}),
      ...(point.value === undefined ? {} : { value: point.value }),
    })),
  });
}

const count = (amount: number, noun: string) => `${amount} ${noun}${amount === 1 ? "" : "s"}`;

function describeReason(facts: {
  state: AlarmStateValue;
  n: number;
  m: number;
  explicitM: boolean;
  threshold: number;
  treatment: MissingDataTreatment;
  words: string;
  evaluated: GridPoint[];
  breaches: (value: number) => boolean;
}): string {
  const { state, n, m, evaluated } = facts;
  if (state === "INSUFFICIENT_DATA") {
    return `Insufficient Data: ${count(n, "datapoint")} ${n === 1 ? "was" : "were"} unknown.`;
  }
  const filled = n - evaluated.length;
  if (filled > 0 && (facts.treatment === "breaching" || facts.treatment === "notBreaching")) {
    const received =
      evaluated.length === 0
        ? "no datapoints were received"
        : `${count(evaluated.length, "datapoint")} ${evaluated.length === 1 ? "was" : "were"} received`;
    const as = facts.treatment === "breaching" ? "Breaching" : "NonBreaching";
    const missing = `${count(filled, "missing datapoint")} ${filled === 1 ? "was" : "were"} treated as [${as}]`;
    return `Threshold Crossed: ${received} for ${count(n, "period")} and ${missing}.`;
  }
  const deciding = evaluated
    .filter((point) => facts.breaches(point.value as number) === (state === "ALARM"))
    .toReversed();
  const list = deciding.map((point) => `${doubleText(point.value as number)} (${reasonTimestamp(point.startMs)})`);
  const verb = `${deciding.length === 1 ? "was" : "were"}${state === "ALARM" ? "" : " not"}`;
  const compared = `[${list.join(", ")}] ${verb} ${facts.words} the threshold (${doubleText(facts.threshold)})`;
  if (!facts.explicitM) return `Threshold Crossed: ${count(deciding.length, "datapoint")} ${compared}.`;
  const needed = state === "ALARM" ? m : n - m + 1;
  const transition = state === "ALARM" ? "OK -> ALARM" : "ALARM -> OK";
  const minimum = `(minimum ${count(needed, "datapoint")} for ${transition} transition)`;
  return `Threshold Crossed: ${deciding.length} out of the last ${n} datapoints ${compared} ${minimum}.`;
}
