import type {
  Datapoint,
  GetMetricDataInput,
  GetMetricDataOutput,
  GetMetricStatisticsInput,
  GetMetricStatisticsOutput,
  ListMetricsInput,
  ListMetricsOutput,
  MetricDataQuery,
  MetricDataResult,
  MetricDatum,
  PutMetricDataInput,
} from "@aws-sdk/client-cloudwatch";
import type { World } from "../../kernel/service.ts";
import {
  constraintError,
  invalidCombination,
  invalidValue,
  missingParameter,
  nullMember,
  validationError,
} from "./errors.ts";
import { checkPeriod, dimensionRecord, QuerySet, seriesForAnswer } from "./metric-queries.ts";
import type { MetricStore } from "./metric-store.ts";
import { decodeOffset, encodeOffset, page } from "./paging.ts";
import { BASIC_STATISTICS, statisticFunction } from "./statistics.ts";
import { UNITS } from "./units.ts";

const DAY_MS = 86_400_000;
/** Data points per GetMetricData answer (API reference, 2026). */
const MAX_DATAPOINTS = 100_800;
/** Data points per GetMetricStatistics answer (API reference, 2026). */
const MAX_STATISTICS_DATAPOINTS = 1_440;

export function metricOperations(world: World, store: MetricStore) {
  function putMetricData({ Namespace, MetricData, EntityMetricData }: PutMetricDataInput): Record<string, never> {
    if (!Namespace) throw missingParameter("Namespace");
    if (Namespace.startsWith(":")) {
      throw constraintError([
        `Value '${Namespace}' at 'namespace' failed to satisfy constraint: Member must satisfy regular expression pattern: [^:].*`,
      ]);
    }
    if (Namespace.startsWith("AWS/")) throw invalidValue("The value AWS/ for parameter Namespace is invalid.");
    const data = [...(MetricData ?? []), ...(EntityMetricData ?? []).flatMap((each) => each.MetricData ?? [])];
    if (data.length === 0) throw missingParameter("MetricData");
    if (data.length > 1000) throw validationError("The collection MetricData must not have a size greater than 1000.");
    const now = world.clock.now();
    for (const [index, datum] of data.entries()) checkDatum(datum, `MetricData.member.${index + 1}`, now);
    for (const datum of data) {
      const { StatisticValues: set } = datum;
      store.record(
        {
          namespace: Namespace,
          name: datum.MetricName ?? "",
          dimensions: dimensionRecord(datum.Dimensions),
          timestampMs: datum.Timestamp?.getTime() ?? now,
          unit: datum.Unit,
          storageResolutionSeconds: datum.StorageResolution === 1 ? 1 : 60,
          values: datum.Values ?? (datum.Value === undefined ? [] : [datum.Value]),
          counts: datum.Values ? datum.Counts : undefined,
          ...(set
            ? {
                statisticSet: {
                  count: set.SampleCount ?? 0,
                  sum: set.Sum ?? 0,
                  minimum: set.Minimum ?? 0,
                  maximum: set.Maximum ?? 0,
                },
              }
            : {}),
        },
        now,
      );
    }
    return {};
  }

  function getMetricData(input: GetMetricDataInput): GetMetricDataOutput {
    const queries = input.MetricDataQueries ?? [];
    const problems = [
      ...(input.MetricDataQueries ? [] : [nullMember("metricDataQueries")]),
      ...(input.StartTime ? [] : [nullMember("startTime")]),
      ...(input.EndTime ? [] : [nullMember("endTime")]),
    ];
    if (problems.length > 0 || !input.StartTime || !input.EndTime) throw constraintError(problems);
    if (input.EndTime <= input.StartTime)
      throw validationError("The parameter EndTime must be greater than StartTime.");
    if (queries.length > 500)
      throw validationError("The collection MetricDataQueries must not have a size greater than 500.");
    const set = new QuerySet(queries, "GetMetricData");
    const newestFirst = input.ScanBy !== "TimestampAscending";
    const labels = defaultLabels(queries);
    const results = queries
      .filter((query) => query.ReturnData ?? true)
      .flatMap((query) => answer(set, query, labels.get(query.Id ?? "") ?? "", input, newestFirst));
    return pageResults(results, input.NextToken, input.MaxDatapoints ?? MAX_DATAPOINTS);
  }

  function answer(
    set: QuerySet,
    query: MetricDataQuery,
    label: string,
    input: GetMetricDataInput,
    newestFirst: boolean,
  ): MetricDataResult[] {
    const id = query.Id ?? "";
    const period = query.MetricStat?.Period ?? set.periodOf(id) ?? query.Period ?? 60;
    const now = world.clock.now();
    const grid = requestGrid(input.StartTime as Date, input.EndTime as Date, period, now);
    const { value, severalUnits } = set.evaluate(id, store, grid, now);
    return seriesForAnswer(id, value).map((points) => {
      const present = points.flatMap((point, index) =>
        point === undefined ? [] : [{ at: new Date((grid[index] as number) * 1000), point }],
      );
      if (newestFirst) present.reverse();
      return {
        Id: id,
        Label: label,
        Timestamps: present.map(({ at }) => at),
        Values: present.map(({ point }) => point),
        StatusCode: "Complete",
        ...(severalUnits.length > 0
          ? {
              Messages: [
                { Code: "MultipleUnits", Value: `Multiple units returned: '[${severalUnits.sort().join(", ")}]'` },
              ],
            }
          : {}),
      };
    });
  }

  function getMetricStatistics(input: GetMetricStatisticsInput): GetMetricStatisticsOutput {
    const { Namespace, MetricName, StartTime, EndTime, Period, Statistics = [], ExtendedStatistics = [] } = input;
    if (!Namespace) throw missingParameter("Namespace");
    if (!MetricName) throw missingParameter("MetricName");
    if (!StartTime) throw missingParameter("StartTime");
    if (!EndTime) throw missingParameter("EndTime");
    if (Period === undefined) throw missingParameter("Period");
    if (Statistics.length === 0 && ExtendedStatistics.length === 0) {
      throw invalidCombination("At least one of the parameters Statistics and ExtendedStatistics must be specified.");
    }
    if (EndTime <= StartTime) {
      throw invalidValue("The parameter StartTime must be less than the parameter EndTime.");
    }
    checkPeriod(Period);
    for (const statistic of Statistics) {
      if (!BASIC_STATISTICS.includes(statistic))
        throw invalidValue(`The value ${statistic} for parameter Statistics is invalid.`);
    }
    const requested = (EndTime.getTime() - StartTime.getTime()) / 1000 / Period;
    if (requested > MAX_STATISTICS_DATAPOINTS) {
      throw invalidCombination(
        `You have requested up to ${Math.ceil(requested)} datapoints, which exceeds the limit of 1,440. You may reduce the datapoints requested by increasing Period, or decreasing the time range.`,
      );
    }
    const now = world.clock.now();
    const series = store.find({
      namespace: Namespace,
      name: MetricName,
      dimensions: dimensionRecord(input.Dimensions),
    });
    const datapoints: Datapoint[] = [];
    for (const from of requestGrid(StartTime, EndTime, Period, now)) {
      for (const [unit, samples] of series?.read(from, from + Period, now) ?? []) {
        if (input.Unit && input.Unit !== unit) continue;
        const point: Datapoint = { Timestamp: new Date(from * 1000), Unit: unit as Datapoint["Unit"] };
        for (const name of Statistics) point[name] = statisticFunction(name, "GetMetricStatistics")(samples);
        for (const name of ExtendedStatistics) {
          const value = statisticFunction(name, "GetMetricStatistics")(samples);
          if (value !== undefined) point.ExtendedStatistics = { ...point.ExtendedStatistics, [name]: value };
        }
        datapoints.push(point);
      }
    }
    return { Label: MetricName, Datapoints: datapoints };
  }

  function listMetrics(input: ListMetricsInput): ListMetricsOutput {
    const now = world.clock.now();
    const window = input.RecentlyActive === "PT3H" ? 3 * 3_600_000 : 14 * DAY_MS;
    const found = [...store.all()].filter((series) => {
      const newest = series.newestReadable(now);
      const { namespace, name, dimensions } = series.identity;
      return (
        newest !== undefined &&
        newest * 1000 > now - window &&
        (input.Namespace === undefined || input.Namespace === namespace) &&
        (input.MetricName === undefined || input.MetricName === name) &&
        (input.Dimensions ?? []).every(
          (filter) =>
            filter.Name !== undefined &&
            dimensions[filter.Name] !== undefined &&
            (filter.Value === undefined || dimensions[filter.Name] === filter.Value),
        )
      );
    });
    const { items, next } = page(found, input.NextToken, 500, { name: "maxResults", limit: 500 });
    return {
      Metrics: items.map(({ identity }) => ({
        Namespace: identity.namespace,
        MetricName: identity.name,
        Dimensions: Object.entries(identity.dimensions).map(([Name, Value]) => ({ Name, Value })),
      })),
      ...(next ? { NextToken: next } : {}),
    };
  }

  return {
    PutMetricData: putMetricData,
    GetMetricData: getMetricData,
    GetMetricStatistics: getMetricStatistics,
    ListMetrics: listMetrics,
  };
}

/** Texts for exclusive and unequal members are those of the real service (LocalStack's validated tests, 2023). */
function checkDatum(datum: MetricDatum, place: string, nowMs: number): void {
  const { Value, Values, Counts, StatisticValues, Timestamp } = datum;
  if (!datum.MetricName) throw missingParameter(`${place}.MetricName`);
  const exclusive = (other: string) =>
    invalidCombination(
      `The parameters ${place}.Value and ${place}.${other} are mutually exclusive and you have specified both.`,
    );
  if (Value !== undefined && Values) throw exclusive("Values");
  if (Value !== undefined && StatisticValues) throw exclusive("StatisticValues");
  if (Values && Counts && Values.length !== Counts.length) {
    throw invalidValue(`The parameters ${place}.Values and ${place}.Counts must be of the same size.`);
  }
  if (Value === undefined && !Values && !StatisticValues) {
    throw invalidCombination(
      `At least one of the parameters must be specified: ${place}.Value, ${place}.StatisticValues, ${place}.Values`,
    );
  }
  if ((Values?.length ?? 0) > 150)
    throw invalidValue(`The collection ${place}.Values must not have a size greater than 150.`);
  if ((datum.Dimensions?.length ?? 0) > 30) {
    throw invalidValue(`The collection ${place}.Dimensions must not have a size greater than 30.`);
  }
  for (const [index, { Name, Value: content }] of (datum.Dimensions ?? []).entries()) {
    const at = `${place}.Dimensions.member.${index + 1}`;
    if (!Name) throw missingParameter(`${at}.Name`);
    if (!content) throw missingParameter(`${at}.Value`);
  }
  if (datum.Unit !== undefined && !UNITS.includes(datum.Unit)) {
    throw invalidValue(`The parameter ${place}.Unit must be a value in the set [ ${UNITS.join(", ")} ].`);
  }
  if (datum.StorageResolution !== undefined && datum.StorageResolution !== 1 && datum.StorageResolution !== 60) {
    throw invalidValue(`The parameter ${place}.StorageResolution must be a value in the set [ 1, 60 ].`);
  }
  for (const value of [Value ?? 0, ...(Values ?? [])]) {
    if (!Number.isFinite(value)) throw invalidValue(`The value ${value} for parameter ${place}.Value is invalid.`);
  }
  const at = Timestamp?.getTime() ?? nowMs;
  if (at < nowMs - 14 * DAY_MS || at > nowMs + 2 * 3_600_000) {
    throw invalidValue(
      `The parameter ${place}.Timestamp must specify a time no more than two weeks in the past and no more than two hours in the future.`,
    );
  }
}

/** Starts of the periods in [start, end): the start is rounded down by its age and period (API reference, 2026). */
export function requestGrid(start: Date, end: Date, periodSeconds: number, nowMs: number): number[] {
  const ageMs = nowMs - start.getTime();
  const division = periodSeconds < 60 ? periodSeconds : ageMs < 15 * DAY_MS ? 60 : ageMs < 63 * DAY_MS ? 300 : 3600;
  const first = Math.floor(start.getTime() / 1000 / division) * division;
  const endSecond = end.getTime() / 1000;
  const length = Math.max(0, Math.ceil((endSecond - first) / periodSeconds));
  return Array.from({ length }, (_, index) => first + index * periodSeconds);
}

/** A metric's label names what sets it apart: the statistic and the period where they differ (recorded 2023-12). */
function defaultLabels(queries: readonly MetricDataQuery[]): Map<string, string> {
  const stats = queries.flatMap((query) => query.MetricStat ?? []);
  const severalStatistics = new Set(stats.map((stat) => stat.Stat)).size > 1;
  const severalPeriods = new Set(stats.map((stat) => stat.Period)).size > 1;
  return new Map(
    queries.map(({ Id = "", Label, MetricStat }) => {
      const parts = [
        MetricStat?.Metric?.MetricName ?? Id,
        ...(MetricStat && severalStatistics ? [MetricStat.Stat] : []),
        ...(MetricStat && severalPeriods ? [MetricStat.Period] : []),
      ];
      return [Id, Label ?? parts.join(" ")];
    }),
  );
}

function pageResults(results: MetricDataResult[], token: string | undefined, size: number): GetMetricDataOutput {
  const offset = token === undefined ? 0 : decodeOffset(token);
  let position = 0;
  const shown = results.flatMap((result): MetricDataResult[] => {
    const amount = result.Values?.length ?? 0;
    const from = Math.max(0, offset - position);
    const to = Math.min(amount, offset + size - position);
    position += amount;
    if (to <= from) return amount === 0 && offset === 0 ? [result] : [];
    return [
      {
        ...result,
        Timestamps: result.Timestamps?.slice(from, to),
        Values: result.Values?.slice(from, to),
        StatusCode: to < amount ? "PartialData" : "Complete",
      },
    ];
  });
  const end = offset + size;
  return {
    MetricDataResults: shown,
    Messages: [],
    ...(end < position ? { NextToken: encodeOffset(end) } : {}),
  };
}
