import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseExpression } from "../../lib/contract/expression.ts";
import { validatePolicy } from "../../lib/contract/policy.ts";
import { evaluate, isRelative } from "../../lib/core/judge/evaluate.ts";

const METRICS = ["error_rate", "p95_response_time", "service_status", "cpu_usage", "conversion_rate", "user_activity"];
const BASELINE = { error_rate: 0.01, p95_response_time: 800, conversion_rate: 0.05, user_activity: 100 };

function value(text: string, canary: Record<string, number | string>): boolean | undefined {
  const parsed = parseExpression(text, METRICS);
  if (!parsed.ok) throw new Error(`${parsed.position}: ${parsed.message}`);
  return evaluate(
    parsed.condition,
    (name) => canary[name],
    (name) => (BASELINE as Record<string, number>)[name],
  );
}

function refusal(text: string) {
  const parsed = parseExpression(text, METRICS);
  return parsed.ok ? undefined : `${parsed.position}: ${parsed.message}`;
}

describe("trigger expressions", () => {
  it.each([
    ["error_rate > 0.05", { error_rate: 0.06 }, true],
    ["error_rate > 5%", { error_rate: 0.05 }, false],
    ["p95_response_time > 2000", { p95_response_time: 2001 }, true],
    ["service_status == 'down'", { service_status: "down" }, true],
    ['service_status != "down"', { service_status: "down" }, false],
    ["conversion_rate < 0.8 * baseline", { conversion_rate: 0.039 }, true],
    ["conversion_rate < 0.8 * baseline", { conversion_rate: 0.041 }, false],
    ["baseline - user_activity > 10 + 5 * 2", { user_activity: 79 }, true],
    ["(user_activity + 10) * 2 >= 100", { user_activity: 40 }, true],
    ["error_rate > 5% and not (cpu_usage < 0.9 or cpu_usage > 1)", { error_rate: 0.1, cpu_usage: 0.95 }, true],
    ["error_rate > 5% or cpu_usage > 0.9 and cpu_usage < 0.5", { error_rate: 0.1, cpu_usage: 0.7 }, true],
    ["NOT error_rate > 5%", { error_rate: 0.1 }, false],
    ["cpu_usage > 0.9", {}, undefined],
    ["cpu_usage > 0.9 or error_rate > 5%", { error_rate: 0.1 }, true],
    ["cpu_usage > 0.9 and error_rate > 5%", { error_rate: 0.01 }, false],
    ["error_rate / 0 > 1", { error_rate: 0.1 }, undefined],
  ])("%s", (text, canary, expected) => {
    expect(value(text, canary as Record<string, number | string>)).toBe(expected);
  });

  it.each([
    ["eror_rate > 5%", '1: "eror_rate" is no metric that is available; did you mean error_rate?'],
    ["error_rate = 5%", '12: "=" does not compare: write =='],
    ["error_rate > 5% && cpu_usage > 1", "17: write and for &&"],
    ["error_rate >", "13: it ends where a number"],
    ["error_rate > 5% cpu_usage > 1", '17: "cpu_usage" stands where and, or'],
    ["(error_rate > 5%", '17: it ends where ")"'],
    ["service_status == 'down", "19: the text has no closing quote"],
    ["service_status > 'down'", "1: text is only equal"],
    ["1 > 2", "1: compares no metric"],
    ["error_rate > cpu_usage * baseline", "1: baseline stands for one metric"],
    ["", "1: it ends"],
    ["process.exit(1)", '1: "process.exit" is no metric'],
    [`${"(".repeat(50)}error_rate > 1${")".repeat(50)}`, "nested more than 20 deep"],
    [`error_rate > ${"1".repeat(600)}`, "501: is longer than 500 characters"],
  ])("refuses %s with position and advice", (text, expected) => {
    expect(refusal(text)).toContain(expected);
  });

  it("knows what compares with the baseline", () => {
    const relative = (text: string) => {
      const parsed = parseExpression(text, METRICS);
      return parsed.ok && isRelative(parsed.condition);
    };
    expect(relative("error_rate > 5% or not cpu_usage > 2 * baseline")).toBe(true);
    expect(relative("error_rate > 5%")).toBe(false);
  });

  it("never throws, whatever it is given", () => {
    const piece = fc.constantFrom(
      "error_rate",
      "baseline",
      ">",
      "==",
      "(",
      ")",
      "and",
      "or",
      "not",
      "5%",
      "'x'",
      "*",
      "-",
      " ",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (parts) => void parseExpression(parts.join(" "), METRICS)),
    );
    fc.assert(fc.property(fc.string(), (text) => void parseExpression(text)));
  });

  it("is refused in a policy with its position", () => {
    const policy = (expression: string) =>
      validatePolicy({
        schemaVersion: 1,
        functionName: "f",
        alias: "live",
        deploymentGroup: "g",
        triggers: [{ name: "high_error_rate", expression, severity: "critical" }],
      });
    expect(policy("error_rate > 5%")).toMatchObject({ ok: true });
    expect(policy("error_rate > 5% or cpu_usage > 0.9")).toMatchObject({
      ok: false,
      problems: [{ path: "triggers[0].expression", message: expect.stringContaining("position 20") }],
    });
  });
});
