import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createMetricSources } from "../../lib/adapters/metric-sources/index.ts";
import { declaredMetric, type ForeignMetric } from "../../lib/contract/declared-metrics.ts";
import { PrometheusServer, withoutPrometheus } from "../support/prometheus-server.ts";

const missing = withoutPrometheus();
if (missing) console.warn(`skipped, a real Prometheus is not asked: ${missing}`);

const TO = Date.parse("2026-03-02T12:05:00.000Z");
const QUARTER_MS = 15_000;

describe.skipIf(missing)("a real Prometheus", () => {
  let server: PrometheusServer;
  beforeAll(async () => {
    server = await PrometheusServer.start();
    const until = (name: string, version: string, lastAt: number, value: (i: number) => number) => ({
      labels: { __name__: name, version },
      samples: Array.from({ length: 20 }, (_, i) => ({ atMs: lastAt - (19 - i) * QUARTER_MS, value: value(i) })),
    });
    await server.write([
      until("refused_total", "1", TO, () => 7),
      until("refused_total", "2", TO, (i) => 3 * i),
      until("depth", "2", TO - 180_000, () => 5),
    ]);
  });
  afterAll(() => server.stop());

  const read = async (query: string, version = "2") => {
    const metric = declaredMetric.parse({
      source: "prometheus",
      name: "m",
      url: server.url,
      query,
      windowMinutes: 2,
    }) as ForeignMetric;
    const options = { region: "us-east-1", credentials: { accessKeyId: "a", secretAccessKey: "b" } };
    const sources = createMetricSources(options, () => new CloudWatchClient(options).config);
    const range = { since: new Date(TO - 600_000), from: new Date(TO - 60_000), to: new Date(TO) };
    const { values, unreadable } = await sources([metric], { functionName: "f", alias: "live", version, ...range });
    return values.m ?? unreadable.m ?? "no data";
  };

  it.each<[string, string, string, number | string | RegExp]>([
    ["counts what grew in the window", 'sum(increase(refused_total{version="{{version}}"}[{{seconds}}s]))', "2", 24],
    ["tells that nothing grew", 'sum(increase(refused_total{version="{{version}}"}[{{seconds}}s]))', "1", 0],
    [
      "from a version that is not there",
      'sum(increase(refused_total{version="{{version}}"}[{{seconds}}s]))',
      "9",
      "no data",
    ],
    ["takes an old gauge for no data", 'last_over_time(depth{version="{{version}}"}[{{seconds}}s])', "2", "no data"],
    ["takes nothing over nothing for no data", 'sum(rate(refused_total{version="1"}[2m])) / 0 * 0', "1", "no data"],
    ["reads a scalar", "scalar(vector(4))", "2", 4],
    ["wants one series", "refused_total", "2", /2 series; aggregate them/],
    ["wants a number", "refused_total[1m]", "2", /gives a matrix/],
    ["passes a mistake on", "sum(refused_total{", "2", /answered 400: .*parse error/],
  ])("%s", async (_what, query, version, expected) => {
    const told = await read(query, version);
    if (expected instanceof RegExp) expect(told).toMatch(expected);
    else expect(told).toBe(expected);
  });
});
