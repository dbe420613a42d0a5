import * as z from "./zod.ts";

/** Stand in texts of a source for the version that is read, its function and alias, and the window's seconds. */
export const PLACEHOLDERS = ["version", "function", "alias", "seconds"] as const;
const placeholder = /\{\{\s*([^{}]*?)\s*\}\}/g;

const text = (longest: number) => z.string().check(z.minLength(1), z.maxLength(longest));

/** Text with placeholders: `{{version}}`, `{{function}}`, `{{alias}}`, `{{seconds}}`. */
const template = (longest: number) =>
  text(longest).check(
    z.refine((value) => [...value.matchAll(placeholder)].every(([, name]) => isPlaceholder(name)), {
      error: `has a placeholder that is none of ${PLACEHOLDERS.map((name) => `{{${name}}}`).join(", ")}`,
    }),
  );

const isPlaceholder = (name: string | undefined) => PLACEHOLDERS.some((known) => known === name);

/** Fills a template in; `encode` is applied to what is put in. */
export const fillIn = (
  value: string,
  values: Readonly<Record<(typeof PLACEHOLDERS)[number], string | number>>,
  encode: (text: string) => string = (same) => same,
): string =>
  value.replace(placeholder, (all, name: string) =>
    isPlaceholder(name) ? encode(String(values[name as keyof typeof values])) : all,
  );

/** Without a user or password: those belong into a secret. */
const address = template(1000).check(
  z.refine((value) => /^https?:\/\/[^/@\s]+([/?][^\s]*)?$/.test(value), {
    error: "must be an http or https address without a user and password",
  }),
);

const secret = z.strictObject({
  /** Name or ARN of the secret in Secrets Manager. */
  id: text(512),
  /** The field of a secret that is a JSON object; left out, the secret is the value. */
  field: z.optional(text(128)),
});

/** How a request proves who it comes from; left out, it does not. */
const authorization = z.discriminatedUnion("kind", [
  /** `Authorization: Bearer <secret>`. */
  z.strictObject({ kind: z.literal("bearer"), secret }),
  /** HTTP basic authentication; the secret is `user:password`. */
  z.strictObject({ kind: z.literal("basic"), secret }),
  /** The secret in a header of another name. */
  z.strictObject({ kind: z.literal("header"), name: z.string().check(z.regex(/^[\w-]{1,64}$/)), secret }),
  /** Signature version 4, as Amazon Managed Service for Prometheus asks for (`service` is then `aps`). */
  z.strictObject({ kind: z.literal("sigv4"), service: z._default(text(32), "aps"), region: z.optional(text(32)) }),
]);

const common = {
  /** The name that expressions use. */
  name: z.string().check(z.regex(/^[a-z][a-z0-9_]{0,63}$/)),
  /** How far a look goes back for it; at least as far as the look itself. Minutes. */
  windowMinutes: z._default(z.int().check(z.minimum(1), z.maximum(60)), 1),
  /** The value is multiplied by it: 0.01 makes a share of a percentage. */
  scale: z._default(z.number(), 1),
};

const statistic = z.enum(["Sum", "Average", "Minimum", "Maximum", "SampleCount"]);
const dimensions = z._default(z.record(z.string().check(z.minLength(1)), z.string().check(z.minLength(1))), {});
/** Of high-resolution metrics CloudWatch keeps periods below a minute for three hours (CloudWatch user guide, 2026). */
const periodSeconds = z._default(z.literal([10, 30, 60]), 60);

const series = {
  namespace: text(255),
  metric: text(255),
  statistic: z._default(statistic, "Sum"),
  dimensions,
  /** The dimension that holds the version's number. Without it the metric is of both versions and accuses neither. */
  versionDimension: z.optional(text(255)),
};

const cloudWatch = z.strictObject({
  source: z.optional(z.literal("cloudwatch")),
  ...common,
  ...series,
  periodSeconds,
});

/** Metric math over several metrics of CloudWatch; a look takes the mean of the values in its window. */
const cloudWatchMath = z.strictObject({
  source: z.literal("cloudwatch-math"),
  ...common,
  /** CloudWatch's metric math over the names of `inputs`: `100 * refused / orders`. */
  expression: text(1024),
  inputs: z.record(z.string().check(z.regex(/^[a-z]\w{0,30}$/)), z.strictObject(series)).check(
    z.refine((inputs) => Object.keys(inputs).length >= 1 && Object.keys(inputs).length <= 10, {
      error: "must name 1 to 10 metrics",
    }),
  ),
  periodSeconds,
});

const prometheus = z.strictObject({
  source: z.literal("prometheus"),
  ...common,
  /** Up to the API: `https://prometheus.example.com`, or a workspace's address without `/api/v1`. */
  url: address,
  /**
   * PromQL that gives one series or a scalar at the end of the window; the version is a label:
   * `sum(increase(orders_refused_total{version="{{version}}"}[{{seconds}}s]))`.
   */
  query: template(2000),
  authorization: z.optional(authorization),
});

const datadog = z.strictObject({
  source: z.literal("datadog"),
  ...common,
  /** `datadoghq.com`, `datadoghq.eu`, `us5.datadoghq.com` … */
  site: z._default(z.string().check(z.regex(/^[a-z0-9.-]{4,64}$/)), "datadoghq.com"),
  /** In place of the site's own address: a proxy. */
  url: z.optional(address),
  /** `sum:orders.refused{version:{{version}}}.as_count()`; one series. */
  query: template(2000),
  /** How the points of the window become one value. */
  statistic: z._default(z.enum(["Sum", "Average", "Minimum", "Maximum"]), "Sum"),
  /** A JSON object with `apiKey` and `appKey`. */
  secretId: text(512),
});

const httpJson = z.strictObject({
  source: z.literal("http"),
  ...common,
  /** Asked with GET. */
  url: address,
  /** JMESPath to the number; null or nothing means no data. */
  value: text(512),
  /** JMESPath to the time of the value: seconds or milliseconds since 1970, or ISO 8601. What is older than the window is no data. */
  time: z.optional(text(512)),
  authorization: z.optional(authorization),
});

/** A metric beyond Lambda's own, under the name that triggers use: from CloudWatch, or from where the user's metrics live. */
export const declaredMetric = z.discriminatedUnion("source", [
  cloudWatch,
  cloudWatchMath,
  prometheus,
  datadog,
  httpJson,
]);

export type DeclaredMetric = z.output<typeof declaredMetric>;
export type CloudWatchMetric = Extract<DeclaredMetric, { source?: "cloudwatch" | "cloudwatch-math" | undefined }>;
export type PrometheusMetric = Extract<DeclaredMetric, { source: "prometheus" }>;
export type DatadogMetric = Extract<DeclaredMetric, { source: "datadog" }>;
export type HttpMetric = Extract<DeclaredMetric, { source: "http" }>;
export type ForeignMetric = PrometheusMetric | DatadogMetric | HttpMetric;
export type Authorization = z.output<typeof authorization>;

export const isForeign = (metric: DeclaredMetric): metric is ForeignMetric =>
  metric.source !== undefined && metric.source !== "cloudwatch" && metric.source !== "cloudwatch-math";

/** Names or ARNs of the secrets that a metric needs. */
export function secretsOf(metric: DeclaredMetric): string[] {
  if (metric.source === "datadog") return [metric.secretId];
  if (metric.source !== "prometheus" && metric.source !== "http") return [];
  const { authorization: by } = metric;
  return by && by.kind !== "sigv4" ? [by.secret.id] : [];
}
