import type { CloudWatchClient, MetricDataQuery } from "@aws-sdk/client-cloudwatch";
import { type CloudWatchMetric, type DeclaredMetric, isForeign } from "../contract/declared-metrics.ts";
import type { DeclaredQuery, DeclaredValues } from "../core/ports.ts";
import { readSeries, stat, wholeMinutes } from "./metric-data.ts";
import type { ReadMetrics } from "./metric-sources/index.ts";
import { joined } from "./metric-sources/joined.ts";

const MINUTE_MS = 60_000;

const startOf = ({ windowMinutes }: DeclaredMetric, from: Date, to: Date) =>
  Math.min(from.getTime(), to.getTime() - windowMinutes * MINUTE_MS);

/** Where the longest window of the metrics begins, not before `since`. */
const earliest = ({ since, from, to }: DeclaredQuery, metrics: readonly DeclaredMetric[]): Date =>
  new Date(Math.max(since.getTime(), Math.min(from.getTime(), ...metrics.map((metric) => startOf(metric, from, to)))));

/**
 * Metrics that a policy declares, of one version. A metric without values is absent. CloudWatch that cannot be read is
 * an error, as with Lambda's own metrics; another source that cannot be read is told in `unreadable`.
 */
export async function readDeclared(
  client: CloudWatchClient,
  others: ReadMetrics,
  query: DeclaredQuery,
  metrics: readonly DeclaredMetric[],
  signal: AbortSignal | undefined,
): Promise<DeclaredValues> {
  const foreign = metrics.filter(isForeign);
  const own = metrics.filter((metric): metric is CloudWatchMetric => !isForeign(metric));
  const [elsewhere, values] = await Promise.all([
    foreign.length > 0 ? others(foreign, query) : { values: {}, unreadable: {} },
    own.length > 0 ? readCloudWatch(client, query, own, signal) : {},
  ]);
  return { values: { ...values, ...elsewhere.values }, unreadable: elsewhere.unreadable };
}

/**
 * Sums over a metric's window, else the worst period of it that points the way the statistic does; averages, and the
 * values of metric math, are averaged over periods.
 */
async function readCloudWatch(
  client: CloudWatchClient,
  query: DeclaredQuery,
  metrics: readonly CloudWatchMetric[],
  signal: AbortSignal | undefined,
): Promise<Record<string, number>> {
  const { version, from, to } = query;
  const range = wholeMinutes(earliest(query, metrics), to);
  if (!range) return {};
  const asked = metrics.flatMap((metric, i) => queriesOf(metric, `m${i}`, version));
  const series = await readSeries(client, asked, range, `the policy's metrics of version ${version}`, signal);
  return Object.fromEntries(
    metrics.flatMap((metric, i) => {
      const start = startOf(metric, from, range.to);
      const values = (series.get(`m${i}`) ?? []).filter(({ at }) => at.getTime() >= start).map(({ value }) => value);
      const how = metric.source === "cloudwatch-math" ? "Average" : metric.statistic;
      return values.length === 0 ? [] : [[metric.name, metric.scale * joined(how, values)]];
    }),
  );
}

function queriesOf(metric: CloudWatchMetric, id: string, version: string): MetricDataQuery[] {
  const { periodSeconds } = metric;
  const one = (key: string, { namespace, metric: name, statistic, dimensions, versionDimension }: Series) => {
    const all = { ...dimensions, ...(versionDimension === undefined ? {} : { [versionDimension]: version }) };
    return stat(key, all, name, statistic, periodSeconds, namespace);
  };
  if (metric.source !== "cloudwatch-math") return [one(id, metric)];
  // All ids of a call share one name space: the inputs of each expression get their own.
  const own = (name: string) => `${id}_${name}`;
  const names = Object.keys(metric.inputs);
  const expression = metric.expression.replace(/[A-Za-z_]\w*/g, (word) => (names.includes(word) ? own(word) : word));
  return [
    ...Object.entries(metric.inputs).map(([name, input]) => ({ ...one(own(name), input), ReturnData: false })),
    { Id: id, Expression: expression, ReturnData: true },
  ];
}

type Series = Pick<
  Extract<CloudWatchMetric, { metric: string }>,
  "namespace" | "metric" | "statistic" | "dimensions" | "versionDimension"
>;
