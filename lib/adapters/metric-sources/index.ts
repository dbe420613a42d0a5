import { type Authorization, type ForeignMetric, fillIn } from "../../contract/declared-metrics.ts";
import type { DeclaredQuery, DeclaredValues } from "../../core/ports.ts";
import { type AdapterOptions, lazy } from "../options.ts";
import { authorize, type Identity } from "./authorize.ts";
import { readDatadog } from "./datadog.ts";
import { fetchJson, httpHandler, TIMEOUT_MS } from "./fetch-json.ts";
import { readHttpJson } from "./http-json.ts";
import { readPrometheus } from "./prometheus.ts";
import { createSecrets, type Secrets } from "./secrets.ts";

const MINUTE_MS = 60_000;

/** What a source is asked with. */
export interface Ask {
  from: Date;
  to: Date;
  /** From `from` to `to`. */
  seconds: number;
  fill(template: string, encode?: (text: string) => string): string;
  fetch(url: URL, by: Authorization | undefined, headers?: Record<string, string>): Promise<unknown>;
  secrets: Secrets;
}

export type ReadMetrics = (metrics: readonly ForeignMetric[], query: DeclaredQuery) => Promise<DeclaredValues>;

/**
 * Metrics that live elsewhere than in CloudWatch. Each is read by itself: one that fails is told in `unreadable` and says
 * nothing about either version. Aborting is the one thing that throws.
 */
export function createMetricSources(options: AdapterOptions, identity: () => Identity): ReadMetrics {
  const secrets = createSecrets(options);
  const { signal } = options;
  const handler = lazy(httpHandler);
  const timeoutMs = Math.min(options.requestTimeoutMs ?? TIMEOUT_MS, TIMEOUT_MS);

  const ask = (
    { windowMinutes }: ForeignMetric,
    { version, functionName, alias, since, ...range }: DeclaredQuery,
  ): Ask => {
    const start = Math.min(range.from.getTime(), range.to.getTime() - windowMinutes * MINUTE_MS);
    const from = new Date(Math.max(since.getTime(), start));
    const seconds = Math.round((range.to.getTime() - from.getTime()) / 1000);
    return {
      from,
      to: range.to,
      seconds,
      fill: (template, encode) => fillIn(template, { version, function: functionName, alias, seconds }, encode),
      async fetch(url, by, headers = {}) {
        const { headers: more = {}, sign } = await authorize(by, secrets, identity);
        const all = { ...headers, ...more };
        return fetchJson(handler(), url, { timeoutMs, headers: all, ...(sign ? { sign } : {}), signal });
      },
      secrets,
    };
  };

  return async (metrics, query) => {
    const answers = await Promise.allSettled(metrics.map((metric) => read(metric, ask(metric, query))));
    signal?.throwIfAborted();
    const told: DeclaredValues = { values: {}, unreadable: {} };
    for (const [i, answer] of answers.entries()) {
      const { name, scale } = metrics[i] as ForeignMetric;
      if (answer.status === "rejected") told.unreadable[name] = (answer.reason as Error).message;
      else if (answer.value !== undefined) told.values[name] = scale * answer.value;
    }
    return told;
  };
}

function read(metric: ForeignMetric, ask: Ask): Promise<number | undefined> {
  switch (metric.source) {
    case "prometheus":
      return readPrometheus(metric, ask);
    case "datadog":
      return readDatadog(metric, ask);
    case "http":
      return readHttpJson(metric, ask);
  }
}
