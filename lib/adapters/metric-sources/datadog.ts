import type { DatadogMetric } from "../../contract/declared-metrics.ts";
import { sourceFailed } from "./fetch-json.ts";
import type { Ask } from "./index.ts";
import { joined } from "./joined.ts";

/** Answer of `GET /api/v1/query` (Datadog API reference, "Query timeseries points"), as much as is read. */
interface Answer {
  status?: string;
  error?: string;
  series?: { pointlist?: [milliseconds: number, value: number | null][] }[];
}

/** The points of the window as one value. */
export async function readDatadog(metric: DatadogMetric, { fill, fetch, secrets, from, to }: Ask) {
  const [apiKey, appKey] = await Promise.all([
    secrets.read(metric.secretId, "apiKey"),
    secrets.read(metric.secretId, "appKey"),
  ]);
  const base = metric.url === undefined ? `https://api.${metric.site}` : fill(metric.url).replace(/\/+$/, "");
  const url = new URL(`${base}/api/v1/query`);
  url.searchParams.set("from", String(from.getTime() / 1000));
  url.searchParams.set("to", String(to.getTime() / 1000));
  url.searchParams.set("query", fill(metric.query));
  const headers = { "dd-api-key": apiKey, "dd-application-key": appKey };
  const { status, error, series = [] } = (await fetch(url, undefined, headers)) as Answer;
  if (status === "error") throw sourceFailed(url, error ?? "the query failed");
  if (series.length > 1) throw sourceFailed(url, `the query gives ${series.length} series; aggregate them to one`);
  const values = (series[0]?.pointlist ?? []).flatMap(([at, value]) =>
    value !== null && at >= from.getTime() && at < to.getTime() ? [value] : [],
  );
  return values.length === 0 ? undefined : joined(metric.statistic, values);
}
