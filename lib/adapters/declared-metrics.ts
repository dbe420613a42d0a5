import type { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import type { DeclaredMetric } from "../contract/triggers.ts";
import { readSeries, stat } from "./metric-data.ts";

const MINUTE_MS = 60_000;

const startOf = ({ windowMinutes }: DeclaredMetric, from: Date, to: Date) =>
  Math.min(from.getTime(), to.getTime() - windowMinutes * MINUTE_MS);

/** Where the longest window of the metrics begins, not before `since`. */
export const earliest = (since: Date, from: Date, to: Date, metrics: readonly DeclaredMetric[]): Date =>
  new Date(Math.max(since.getTime(), Math.min(from.getTime(), ...metrics.map((metric) => startOf(metric, from, to)))));

/**
 * Metrics that a policy declares, of one version: sums over a metric's window, else the worst minute of it that points
 * the way the statistic does; averages are averaged over minutes. A metric without values is absent.
 */
export async function readDeclared(
  client: CloudWatchClient,
  version: string,
  range: { from: Date; to: Date },
  from: Date,
  metrics: readonly DeclaredMetric[],
  signal: AbortSignal | undefined,
): Promise<Record<string, number>> {
  const queries = metrics.map(({ namespace, metric, statistic, dimensions, versionDimension }, i) => {
    const all = { ...dimensions, ...(versionDimension === undefined ? {} : { [versionDimension]: version }) };
    return stat(`m${i}`, all, metric, statistic, 60, namespace);
  });
  const series = await readSeries(client, queries, range, `the policy's metrics of version ${version}`, signal);
  return Object.fromEntries(
    metrics.flatMap((metric, i) => {
      const start = startOf(metric, from, range.to);
      const values = (series.get(`m${i}`) ?? []).filter(({ at }) => at.getTime() >= start).map(({ value }) => value);
      return values.length === 0 ? [] : [[metric.name, metric.scale * joined(metric.statistic, values)]];
    }),
  );
}

function joined(statistic: DeclaredMetric["statistic"], values: readonly number[]): number {
  if (statistic === "Minimum") return Math.min(...values);
  if (statistic === "Maximum") return Math.max(...values);
  const sum = values.reduce((total, value) => total + value, 0);
  return statistic === "Average" ? sum / values.length : sum;
}
