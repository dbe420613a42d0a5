import { countingFlags } from "../flag-metrics.ts";
import { flag } from "../flags.ts";

interface Point {
  measurement: string;
  tags?: Record<string, string>;
  fields: Record<string, number | string | boolean>;
  /** ISO 8601; default: now. */
  time?: string;
}

interface Output {
  lines: string[];
  /** False while the flag is off or no database is configured: the lines are only returned. */
  written: boolean;
}

const TIMEOUT_MS = 3000;

/** Turns points into InfluxDB line protocol and, with the flag on, writes them. */
async function writePoints({ points = [] }: { points?: Point[] }): Promise<Output> {
  const lines = points.map(toLine);
  const url = process.env.INFLUXDB_URL;
  if (lines.length === 0 || !url || !(await flag("use_influxdb")).enabled) return { lines, written: false };
  try {
    const response = await fetch(`${url}/api/v2/write?precision=ms`, {
      method: "POST",
      body: lines.join("\n"),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!response.ok) throw new Error(`InfluxDB answered ${response.status}`);
  } catch (error) {
    countConnectionError();
    throw error;
  }
  return { lines, written: true };
}

export const handler = countingFlags(writePoints);

function toLine({ measurement, tags = {}, fields, time }: Point): string {
  const set = (entries: [string, unknown][], write: (value: unknown) => string) =>
    entries.map(([key, value]) => `${escapeKey(key)}=${write(value)}`).join(",");
  const tagSet = Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : 1));
  const head = [escapeKey(measurement), set(tagSet, (value) => escapeKey(String(value)))].filter(Boolean).join(",");
  const values = set(Object.entries(fields), (value) =>
    typeof value === "string" ? `"${value.replace(/["\\]/g, "\\$&")}"` : String(value),
  );
  return `${head} ${values} ${time === undefined ? Date.now() : Date.parse(time)}`;
}

const escapeKey = (text: string) => text.replace(/[,= ]/g, "\\$&");

/** The alarm that blocks releases while the database is down counts this (embedded metric format). */
function countConnectionError(): void {
  const metric = {
    _aws: {
      Timestamp: Date.now(),
      CloudWatchMetrics: [
        {
          Namespace: "Platform",
          Dimensions: [["Environment"]],
          Metrics: [{ Name: "InfluxConnectionErrors", Unit: "Count" }],
        },
      ],
    },
    Environment: process.env.PLATFORM_ENVIRONMENT ?? "unknown",
    InfluxConnectionErrors: 1,
  };
  process.stdout.write(`${JSON.stringify(metric)}\n`);
}
