import { type CloudWatchClient, type MetricDataQuery, paginateGetMetricData } from "@aws-sdk/client-cloudwatch";
import { slowBounds } from "../core/judge/slow-bounds.ts";
import type { MinuteCounts, SlowCount } from "../core/ports.ts";
import { errorName, toGoaroundError } from "./errors.ts";

export type Dimensions = Record<string, string>;

/** Values by query id, oldest first. */
type Series = ReadonlyMap<string, readonly { at: Date; value: number }[]>;

const MINUTE_MS = 60_000;

/** The whole minutes of an interval; undefined when it holds none. Lambda publishes its metrics by the minute. */
export function wholeMinutes(from: Date, to: Date): { from: Date; to: Date } | undefined {
  const whole = (date: Date) => Math.floor(date.getTime() / MINUTE_MS) * MINUTE_MS;
  return whole(to) > whole(from) ? { from: new Date(whole(from)), to: new Date(whole(to)) } : undefined;
}

/** One query of a metric of Lambda, or of another namespace. */
export function stat(
  Id: string,
  dimensions: Dimensions,
  MetricName: string,
  Stat: string,
  Period = 60,
  Namespace = "AWS/Lambda",
): MetricDataQuery {
  const list = Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));
  return { Id, MetricStat: { Metric: { Namespace, MetricName, Dimensions: list }, Period, Stat } };
}

/** What an error is told to be about. */
export const subjectOf = ({ Resource, ExecutedVersion }: Dimensions) =>
  `${Resource}${ExecutedVersion ? ` version ${ExecutedVersion}` : ""}`;

/** Reads all pages. Throws GoaroundError. */
export async function readSeries(
  client: CloudWatchClient,
  queries: MetricDataQuery[],
  range: { from: Date; to: Date },
  subject: string,
  abortSignal: AbortSignal | undefined,
): Promise<Series> {
  const series = new Map<string, { at: Date; value: number }[]>();
  try {
    const pages = paginateGetMetricData(
      { client },
      { StartTime: range.from, EndTime: range.to, ScanBy: "TimestampAscending", MetricDataQueries: queries },
      { abortSignal },
    );
    for await (const page of pages) {
      for (const { Id = "", Timestamps = [], Values = [] } of page.MetricDataResults ?? []) {
        const points = Values.map((value, i) => ({ at: Timestamps[i] ?? range.from, value }));
        series.set(Id, [...(series.get(Id) ?? []), ...points]);
      }
    }
  } catch (error) {
    throw toGoaroundError(error, { operation: "cloudwatch GetMetricData", subject });
  }
  return series;
}

/** Read where requests cannot be counted by duration; the closer together, the closer the bounds. */
const BOUNDING_PERCENTILES = [50, 75, 90, 95, 98, 99, 99.5, 99.9];

/** Codes with which CloudWatch refuses a statistic that it does not have for a metric. */
const REFUSED = /^(ValidationError|ValidationException|InvalidParameterValue\w*|InvalidParameterCombination\w*)$/;

/**
 * Counts by the minute. Requests above a threshold are counted by the statistic TC (trimmed count: the lower bound is
 * excluded; CloudWatch user guide, statistics definitions, 2026); where CloudWatch refuses it, they are bounded by percentiles.
 */
export async function readMinutes(
  client: CloudWatchClient,
  dimensions: Dimensions,
  range: { from: Date; to: Date },
  slowThresholdsMs: readonly number[],
  abortSignal: AbortSignal | undefined,
): Promise<MinuteCounts[]> {
  const counts = [
    stat("invocations", dimensions, "Invocations", "Sum"),
    stat("errors", dimensions, "Errors", "Sum"),
    stat("durations", dimensions, "Duration", "SampleCount"),
  ];
  const trimmed = slowThresholdsMs.map((ms, i) => stat(`slow${i}`, dimensions, "Duration", `TC(${ms}:)`));
  const read = (queries: MetricDataQuery[]) =>
    readSeries(client, [...counts, ...queries], range, subjectOf(dimensions), abortSignal);
  try {
    return minutesOf(await read(trimmed), (at, requests) => trimmedCounts(at, requests, slowThresholdsMs.length));
  } catch (error) {
    if (slowThresholdsMs.length === 0 || !REFUSED.test(errorName((error as Error).cause))) throw error;
  }
  const ids = BOUNDING_PERCENTILES.map((p, i) => stat(`p${i}`, dimensions, "Duration", `p${p}`));
  return minutesOf(await read(ids), (at, requests) => boundedCounts(at, requests, slowThresholdsMs));
}

type ValueAt = (id: string) => number | undefined;
type SlowOf = (at: ValueAt, requests: number) => SlowCount[] | undefined;

function minutesOf(series: Series, slowOf: SlowOf): MinuteCounts[] {
  const times = new Set([...(series.get("invocations") ?? []), ...(series.get("errors") ?? [])].map(({ at }) => +at));
  return [...times]
    .sort((a, b) => a - b)
    .map((time) => {
      const at: ValueAt = (id) => series.get(id)?.find((point) => point.at.getTime() === time)?.value;
      return {
        at: new Date(time),
        invocations: at("invocations") ?? 0,
        errors: at("errors") ?? 0,
        slow: slowOf(at, at("durations") ?? 0),
      };
    });
}

function trimmedCounts(at: ValueAt, requests: number, thresholds: number): SlowCount[] | undefined {
  const counted = Array.from({ length: thresholds }, (_, i) => {
    const slow = at(`slow${i}`);
    // Nothing in the range may be told by no value at all. [unverified]
    return slow ?? (requests === 0 || at("slow0") !== undefined ? 0 : undefined);
  });
  if (thresholds === 0 || counted.includes(undefined)) return undefined;
  return counted.map((slow) => ({ least: slow!, most: slow! }));
}

function boundedCounts(at: ValueAt, requests: number, thresholdsMs: readonly number[]): SlowCount[] | undefined {
  const percentiles = Object.fromEntries(
    BOUNDING_PERCENTILES.flatMap((p, i) => {
      const value = at(`p${i}`);
      return value === undefined ? [] : [[p, value]];
    }),
  );
  if (requests > 0 && Object.keys(percentiles).length === 0) return undefined;
  return thresholdsMs.map((ms) => slowBounds(requests, percentiles, ms));
}
