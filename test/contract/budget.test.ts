import { describe, expect, it } from "vitest";
import { budgetOf, flagBudgetOf } from "../../lib/contract/budget.ts";
import { policySchema } from "../../lib/contract/policy.ts";

describe("the budget of false rollbacks", () => {
  const policy = (flags: number) =>
    policySchema.parse({
      schemaVersion: 1,
      functionName: "f",
      alias: "live",
      deploymentGroup: "g",
      flags: Array.from({ length: flags }, () => ({
        applicationId: "a",
        environmentId: "e",
        profileId: "p",
        flags: ["new_api"],
      })),
    });

  it("is one: what flags have, versions have not", () => {
    expect(budgetOf(policy(0))).toBe(0.01);
    expect(budgetOf(policy(2)) + 2 * flagBudgetOf(policy(2), 2)).toBeCloseTo(0.01, 12);
    expect(flagBudgetOf(policy(1), 1)).toBeCloseTo(0.002, 12);
  });
});
