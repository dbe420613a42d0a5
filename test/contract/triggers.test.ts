import { describe, expect, it } from "vitest";
import { policySchema, validatePolicy } from "../../lib/contract/policy.ts";
import { triggersOf } from "../../lib/contract/triggers.ts";

const base = { schemaVersion: 1, functionName: "f", alias: "live", deploymentGroup: "g" };
const names = (more: object) => triggersOf(policySchema.parse({ ...base, ...more })).map(({ name }) => name);
const metric = (name: string) => ({ name, namespace: "Shop", metric: name });

describe("triggers of a policy", () => {
  it("are those that ship, as far as their metrics are there", () => {
    expect(names({})).toEqual(["high_error_rate", "service_unavailable", "high_response_time"]);
    expect(names({ metrics: [metric("memory_usage"), metric("security_events")] })).toEqual([
      "high_error_rate",
      "service_unavailable",
      "high_response_time",
      "high_memory_usage",
      "security_event",
    ]);
  });

  it("are only those that it lists, none included", () => {
    expect(names({ triggers: [] })).toEqual([]);
    expect(names({ triggers: [{ name: "own", expression: "error_rate > 1%", severity: "warning" }] })).toEqual(["own"]);
  });

  it("are refused over a metric that is not there, with place, position and what it declares", () => {
    const trigger = { name: "cpu", expression: "error_rate > 0 and cpu_usage > 0.9", severity: "critical" };
    const refused = validatePolicy({ ...base, triggers: [trigger] });
    expect(refused.ok).toBe(false);
    expect(!refused.ok && refused.problems).toEqual([
      { path: "triggers[0].expression", message: expect.stringMatching(/^position 20: "cpu_usage" is no metric/) },
    ]);
    expect(validatePolicy({ ...base, metrics: [metric("cpu_usage")], triggers: [trigger] }).ok).toBe(true);
  });

  it("may name every percentile and the service's status", () => {
    const expressions = ["p50_response_time > 1", "p95_response_time > 1.2 * baseline", "service_status == 'down'"];
    const triggers = expressions.map((expression, i) => ({ name: `t${i}`, expression, severity: "warning" }));
    expect(validatePolicy({ ...base, triggers }).ok).toBe(true);
  });
});
