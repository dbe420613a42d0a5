import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import { afterAll, afterEach, expect, it } from "vitest";
import { createMetricSources } from "../../lib/adapters/metric-sources/index.ts";
import { createMonitoring } from "../../lib/adapters/monitoring.ts";
import { clientConfig } from "../../lib/adapters/options.ts";
import { declaredMetric, type ForeignMetric } from "../../lib/contract/declared-metrics.ts";
import {
  describeMetricSource,
  type Failing,
  type Held,
  type MetricSourceScene,
} from "../contract-suites/metric-source.ts";
import { adapterOptions, call, LocalScene } from "./local-scene.ts";

const scene = new LocalScene("2026-03-02T12:05:00.000Z");
const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
afterAll(() => scene.close());

const TO = Date.parse("2026-03-02T12:05:00.000Z");

/** What a source answers, given the value of the version that the address names. */
type Answer = (url: URL, held: Held) => unknown;

async function makeScene(answer: Answer, metricAt: (url: string) => object): Promise<MetricSourceScene> {
  const aws = await scene.open();
  const secret = { Name: "metrics", SecretString: '{"apiKey":"s3cr3t-api","appKey":"s3cr3t-app","token":"s3cr3t"}' };
  await call(aws, "secrets-manager", "CreateSecret", secret);
  let held: Held = "nothing";
  let failing: Failing | undefined;
  const requests: MetricSourceScene["requests"] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://source");
    requests.push({ url, headers: request.headers });
    if (failing) return refuse(failing, request, response);
    const isTwo = decodeURIComponent(url.search + url.pathname).includes("version-2");
    response.end(JSON.stringify(answer(url, isTwo ? held : 4)));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const options = { ...adapterOptions(aws), requestTimeoutMs: 300 };
  const identity = new CloudWatchClient(clientConfig(options)).config;
  let metric = declaredMetric.parse({
    name: "refusals",
    windowMinutes: 2,
    scale: 10,
    ...metricAt(`http://127.0.0.1:${port}`),
  }) as ForeignMetric;
  return {
    read: createMetricSources(options, () => identity),
    get metric() {
      return metric;
    },
    hold: (value) => {
      held = value;
    },
    fail: (how) => {
      failing = how;
    },
    forget: () => {
      metric = JSON.parse(JSON.stringify(metric).replaceAll('"metrics"', '"gone"')) as ForeignMetric;
    },
    requests,
  };
}

function refuse(how: Failing, _request: IncomingMessage, response: ServerResponse) {
  switch (how) {
    case "error":
      response.writeHead(503).end('{"error":"overloaded"}');
      break;
    case "no-answer":
      break;
    case "stalls":
      response.writeHead(200, { "content-type": "application/json" }).write('{"status":');
      break;
    case "not-json":
      response.end("<html>");
      break;
    case "too-long":
      response.end(JSON.stringify("x".repeat(1_100_000)));
      break;
    case "redirects":
      response.writeHead(302, { location: "http://127.0.0.1:1/" }).end();
      break;
  }
}

const bearer = { kind: "bearer", secret: { id: "metrics", field: "token" } };

const prometheus: Answer = (url, held) => {
  expect(url.pathname).toBe("/api/v1/query");
  expect(url.searchParams.get("time")).toBe(String(TO / 1000));
  const sample = (value: string) => ({ metric: {}, value: [TO / 1000, value] });
  // A server that knows `lookback_delta` gives no series for what is older.
  const isStale = held === "stale" && url.searchParams.get("lookback_delta") === "120s";
  const texts = held === "text" ? ["+Inf"] : held === "two-series" ? ["1", "2"] : [String(held)];
  const result = held === "nothing" || isStale ? [] : texts.map(sample);
  return { status: "success", data: { resultType: "vector", result } };
};

describeMetricSource("Prometheus", () =>
  makeScene(prometheus, (url) => ({
    source: "prometheus",
    url: `${url}/`,
    query: 'sum(increase(refusals_total{version="version-{{version}}"}[{{seconds}}s]))',
    authorization: bearer,
  })),
);

const datadog: Answer = (url, held) => {
  expect(url.searchParams.get("from")).toBe(String(TO / 1000 - 120));
  if (held === "text") return { status: "error", error: "not one query" };
  const at = (seconds: number, value: number | null) => [TO - seconds * 1000, value];
  const pointlist =
    held === "stale"
      ? [at(180, 9)]
      : held === "nothing"
        ? [at(90, null)]
        : [at(150, 5), at(90, 0), at(30, typeof held === "number" ? held : 1)];
  const one = { pointlist };
  return { status: "ok", series: held === "two-series" ? [one, one] : [one] };
};

describeMetricSource("Datadog", () =>
  makeScene(datadog, (url) => ({
    source: "datadog",
    url,
    query: "sum:refusals{version:version-{{version}}}.as_count()",
    secretId: "metrics",
  })),
);

const json: Answer = (_url, held) => {
  if (held === "nothing") return { stats: null };
  const value = held === "two-series" ? [1, 2] : held === "text" ? "many" : held === "stale" ? 9 : held;
  return { stats: { refusals: value, at: new Date(TO - (held === "stale" ? 121_000 : 30_000)).toISOString() } };
};

describeMetricSource("JSON over HTTP", () =>
  makeScene(json, (url) => ({
    source: "http",
    url: `${url}/stats/version-{{version}}`,
    value: "stats.refusals",
    time: "stats.at",
    authorization: { kind: "header", name: "x-api-key", secret: { id: "metrics", field: "token" } },
  })),
);

const window = {
  functionName: "checkout",
  alias: "live",
  version: "2",
  since: new Date(TO - 300_000),
  from: new Date(TO - 60_000),
  to: new Date(TO),
};

it("signs what goes to a workspace of Amazon Managed Service for Prometheus", async () => {
  const { read, metric, requests, hold } = await makeScene(prometheus, (url) => ({
    source: "prometheus",
    url: `${url}/workspaces/ws-1`.replace("/workspaces/ws-1", ""),
    query: 'refusals{version="version-{{version}}"}',
    authorization: { kind: "sigv4" },
  }));
  hold(2);
  expect(await read([metric], window)).toEqual({ values: { refusals: 20 }, unreadable: {} });
  expect(requests[0]?.headers.authorization).toMatch(
    /^AWS4-HMAC-SHA256 Credential=local\/\d{8}\/us-east-1\/aps\/aws4_request, SignedHeaders=[\w;-]*host[\w;-]*, Signature=[0-9a-f]{64}$/,
  );
});

it("reads the others when one of several sources fails", async () => {
  const good = await makeScene(json, (url) => ({ source: "http", url, value: "stats.refusals" }));
  const dead = { ...good.metric, name: "dead", url: "http://127.0.0.1:1/" } as ForeignMetric;
  expect(await good.read([dead, good.metric], window)).toEqual({
    values: { refusals: 40 },
    unreadable: { dead: expect.stringMatching(/127\.0\.0\.1:1.*ECONNREFUSED/) as string },
  });
});

it("reads metric math with the inputs of each expression apart, and periods of ten seconds", async () => {
  const aws = await scene.open();
  const put = (MetricName: string, at: number, Value: number) =>
    call(aws, "cloudwatch", "PutMetricData", {
      Namespace: "Shop",
      MetricData: [
        {
          MetricName,
          Value,
          Timestamp: new Date(at),
          StorageResolution: 1,
          Dimensions: [{ Name: "Version", Value: "2" }],
        },
      ],
    });
  for (const [i, refused] of [1, 8, 1].entries()) {
    await put("Refused", TO - 60_000 + 10_000 * i, refused);
    await put("Orders", TO - 60_000 + 10_000 * i, 10);
  }
  const input = (metric: string) => ({ namespace: "Shop", metric, versionDimension: "Version" });
  const metrics = [
    { name: "peak", ...input("Refused"), statistic: "Maximum", periodSeconds: 10 },
    { name: "rate", expression: "r / o", inputs: { r: input("Refused"), o: input("Orders") } },
    { name: "fine", expression: "r / o", inputs: { r: input("Refused"), o: input("Orders") }, periodSeconds: 10 },
    { name: "twice", expression: "2 * r", inputs: { r: input("Orders") } },
    { name: "none", expression: "r", inputs: { r: input("Nothing") } },
  ].map((metric) => declaredMetric.parse("expression" in metric ? { source: "cloudwatch-math", ...metric } : metric));
  const told = await createMonitoring(adapterOptions(aws)).declaredMetrics({ ...window, metrics });
  expect(told.unreadable).toEqual({});
  expect(told.values).toEqual({ peak: 8, rate: 1 / 3, fine: expect.closeTo(1 / 3, 9) as number, twice: 60 });
});
