import { describe, expect, it } from "vitest";
import { declaredMetric, fillIn, secretsOf } from "../../lib/contract/declared-metrics.ts";

const prometheus = { name: "refusals", source: "prometheus", url: "https://prometheus.example.com", query: "up" };
const secret = { id: "metrics" };

describe("a declared metric", () => {
  it("is of CloudWatch unless it names a source", () => {
    expect(declaredMetric.parse({ name: "orders", namespace: "Shop", metric: "Orders" })).toEqual({
      name: "orders",
      namespace: "Shop",
      metric: "Orders",
      statistic: "Sum",
      dimensions: {},
      windowMinutes: 1,
      scale: 1,
      periodSeconds: 60,
    });
  });

  it.each([
    [
      "a placeholder that there is not",
      { ...prometheus, query: "up{v='{{vresion}}'}" },
      /placeholder.*\{\{version\}\}/,
    ],
    ["a password in the address", { ...prometheus, url: "https://me:secret@prometheus.example.com" }, /password/],
    ["another protocol", { ...prometheus, url: "file:///etc/passwd" }, /http or https/],
    ["a source that there is not", { ...prometheus, source: "graphite" }, /Invalid/],
    ["a secret in clear", { ...prometheus, authorization: { kind: "bearer", token: "s3cr3t" } }, /secret/],
    ["a period that CloudWatch does not have", { name: "a", namespace: "S", metric: "A", periodSeconds: 7 }, /10/],
    [
      "metric math over nothing",
      { name: "a", source: "cloudwatch-math", expression: "1", inputs: {} },
      /must name 1 to 10 metrics/,
    ],
  ])("refuses %s", (_what, metric, message) => {
    const parsed = declaredMetric.safeParse(metric);
    expect(JSON.stringify(parsed.error?.issues)).toMatch(message);
  });

  it("fills placeholders in, encoded where they go into an address", () => {
    const values = { version: "2", function: "a b", alias: "live", seconds: 120 };
    expect(fillIn("{{ function }}:{{version}}[{{seconds}}s]", values)).toBe("a b:2[120s]");
    expect(fillIn("/{{function}}", values, encodeURIComponent)).toBe("/a%20b");
    expect(fillIn('up{version="{{version}}"}', values)).toBe('up{version="2"}');
  });

  it.each([
    [{ ...prometheus, authorization: { kind: "bearer", secret } }, ["metrics"]],
    [{ ...prometheus, authorization: { kind: "sigv4" } }, []],
    [prometheus, []],
    [{ name: "a", source: "datadog", query: "avg:a", secretId: "datadog" }, ["datadog"]],
    [{ name: "a", namespace: "S", metric: "A" }, []],
  ])("tells the secrets that it needs: %j", (metric, secrets) => {
    expect(secretsOf(declaredMetric.parse(metric))).toEqual(secrets);
  });
});
