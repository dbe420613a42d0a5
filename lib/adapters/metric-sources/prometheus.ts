import type { PrometheusMetric } from "../../contract/declared-metrics.ts";
import { sourceFailed } from "./fetch-json.ts";
import type { Ask } from "./index.ts";

/** Prometheus' HTTP API, version 1 (Prometheus documentation, "HTTP API"): as much of an answer as is read. */
interface Answer {
  status?: string;
  data?: { resultType?: string; result?: unknown };
}

type Sample = [seconds: number, value: string];

/** The query at the end of the window; no series is no data, and so is NaN, which is what 0 / 0 gives. */
export async function readPrometheus(metric: PrometheusMetric, { fill, fetch, to, seconds }: Ask) {
  const url = new URL(`${fill(metric.url).replace(/\/+$/, "")}/api/v1/query`);
  url.searchParams.set("query", fill(metric.query));
  url.searchParams.set("time", String(to.getTime() / 1000));
  // Without it a sample of five minutes ago still counts as the present one. Servers that do not know it ignore it.
  url.searchParams.set("lookback_delta", `${seconds}s`);
  const { status, data } = (await fetch(url, metric.authorization)) as Answer;
  if (status !== "success" || !data) throw sourceFailed(url, "the answer is not one of Prometheus' HTTP API");
  const sample = sampleOf(url, data);
  if (sample === undefined) return undefined;
  const value = Number(sample[1]);
  if (sample[1] === "NaN") return undefined;
  if (!Number.isFinite(value)) throw sourceFailed(url, `the query gives ${sample[1]}`);
  return value;
}

function sampleOf(url: URL, { resultType, result }: NonNullable<Answer["data"]>): Sample | undefined {
  if (resultType === "scalar") return result as Sample;
  if (resultType !== "vector") throw sourceFailed(url, `the query gives a ${resultType}, not one number`);
  const series = result as { value: Sample }[];
  if (series.length > 1) throw sourceFailed(url, `the query gives ${series.length} series; aggregate them to one`);
  return series[0]?.value;
}
