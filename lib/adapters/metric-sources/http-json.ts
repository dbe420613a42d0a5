import { search } from "@aws-lambda-powertools/jmespath";
import type { HttpMetric } from "../../contract/declared-metrics.ts";
import { sourceFailed } from "./fetch-json.ts";
import type { Ask } from "./index.ts";

/** Any JSON over HTTP: the number at a path, and the time at another. */
export async function readHttpJson(metric: HttpMetric, { fill, fetch, from, to }: Ask) {
  const url = new URL(fill(metric.url, encodeURIComponent));
  const document = await fetch(url, metric.authorization);
  const found = search(metric.value, document as Parameters<typeof search>[1]) as unknown;
  if (found === null || found === undefined) return undefined;
  if (typeof found !== "number" || !Number.isFinite(found)) {
    throw sourceFailed(url, `${metric.value} is ${JSON.stringify(found).slice(0, 60)}, not a number`);
  }
  if (metric.time === undefined) return found;
  const at = timeOf(search(metric.time, document as Parameters<typeof search>[1]) as unknown);
  if (at === undefined) throw sourceFailed(url, `${metric.time} is not a time`);
  return at >= from.getTime() && at <= to.getTime() ? found : undefined;
}

/** Seconds since 1970 stay below this for three thousand years. */
const SECONDS_BELOW = 1e11;

function timeOf(value: unknown): number | undefined {
  const at = typeof value === "string" ? Date.parse(value) : Number(value);
  if (value === null || !Number.isFinite(at)) return undefined;
  return typeof value === "number" && value < SECONDS_BELOW ? value * 1000 : at;
}
