import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { policySchema } from "../../lib/contract/policy.ts";
import { RULE_CODES } from "../../lib/contract/rules.ts";
import { triggersOf } from "../../lib/contract/triggers.ts";

const page = readFileSync(new URL("../../docs/configuration.md", import.meta.url), "utf8");

/** Declared, so that no shipped trigger sleeps. */
const METRICS = [
  "cpu_usage",
  "memory_usage",
  "db_connection_failures",
  "circuit_breaker_trips",
  "security_events",
  "integrity_violations",
  "conversion_rate",
  "user_activity",
];

describe("the page of the configuration", () => {
  it("has every shipped trigger as it is", () => {
    const names = { functionName: "f", alias: "live", deploymentGroup: "g" };
    const metrics = METRICS.map((name) => ({ name, namespace: "Shop", metric: name }));
    const triggers = triggersOf(policySchema.parse({ schemaVersion: 1, ...names, metrics }));
    expect(triggers).toHaveLength(11);
    for (const { name, expression, severity, delaySeconds, zeroTolerance, sure } of triggers) {
      const when = `\`${expression}\`${sure ? " (surely)" : ""}`;
      expect(page).toContain(
        `| \`${name}\` | ${when} | ${severity}${zeroTolerance ? ", zero tolerance" : ""} | ${delaySeconds} s |`,
      );
    }
  });

  it("has every rule, and every field of a policy that people write", () => {
    for (const code of RULE_CODES) expect(page).toContain(`| \`${code}\` |`);
    const given = new Set(["schemaVersion", "functionName", "alias", "deploymentGroup"]);
    const { checks, ...fields } = policySchema.shape;
    expect(Object.keys(fields).length).toBeGreaterThan(5);
    for (const field of Object.keys(fields)) {
      if (!given.has(field)) expect(page).toMatch(new RegExp(`^\\|.*\`${field}(\\[\\])?\``, "m"));
    }
    for (const check of Object.keys(checks.def.innerType.shape)) expect(page).toContain(`| \`checks.${check}\` |`);
  });
});
