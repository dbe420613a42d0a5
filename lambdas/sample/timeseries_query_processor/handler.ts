import { countingFlags } from "../flag-metrics.ts";
import { flag } from "../flags.ts";

interface Input {
  series?: { time: string; value: number }[];
  /** Width of a window, seconds. Default 60. */
  windowSeconds?: number;
  bucket?: string;
}

interface Window {
  from: string;
  count: number;
  minimum: number;
  mean: number;
  maximum: number;
}

/** Aggregates a series into windows; with the flag on it also answers the Flux query that gives the same. */
async function queryWindows(input: Input): Promise<{ windows: Window[]; flux?: string }> {
  const { series = [], windowSeconds = 60, bucket = "platform" } = input;
  if (!(windowSeconds > 0)) throw new Error(`windowSeconds is ${windowSeconds}; give a number above 0`);
  const width = windowSeconds * 1000;
  const byWindow = new Map<number, number[]>();
  for (const { time, value } of series) {
    const at = Math.floor(Date.parse(time) / width) * width;
    if (Number.isNaN(at)) throw new Error(`"${time}" is no time; give ISO 8601`);
    byWindow.set(at, [...(byWindow.get(at) ?? []), value]);
  }
  const windows = [...byWindow]
    .sort(([a], [b]) => a - b)
    .map(([at, values]) => ({
      from: new Date(at).toISOString(),
      count: values.length,
      minimum: Math.min(...values),
      mean: values.reduce((sum, value) => sum + value, 0) / values.length,
      maximum: Math.max(...values),
    }));
  if (!(await flag("enable_flux_queries")).enabled) return { windows };
  return {
    windows,
    flux: `from(bucket: ${JSON.stringify(bucket)}) |> aggregateWindow(every: ${windowSeconds}s, fn: mean)`,
  };
}

export const handler = countingFlags(queryWindows);
