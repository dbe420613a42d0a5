import { describe, expect, it } from "vitest";
import { policySchema } from "../../../lib/contract/policy.ts";
import type { PolicyVersion } from "../../../lib/core/operator-ports.ts";
import { policyFindings } from "../../../lib/core/release/policy-findings.ts";
import {
  isSamePolicy,
  planPolicyRollback,
  rollbackDescription,
  strategyProblem,
} from "../../../lib/core/release/policy-history.ts";
import { parameterInTemplate } from "../../../lib/core/release/reconcile.ts";

const PLACE = { functionName: "orders", alias: "live" };
const policy = (changes: object = {}) =>
  JSON.stringify({ schemaVersion: 1, ...PLACE, deploymentGroup: "orders-deployment-group", ...changes });
const STAGED = {
  staged: {
    stages: [
      { percent: 10, minutes: 5 },
      { percent: 100, minutes: 0 },
    ],
  },
};

/** Version 1 first; answers them newest first. */
function versions(...documents: (string | { document: string; description: string })[]) {
  const made = documents.map((given, i): PolicyVersion => {
    const { document, description } = typeof given === "string" ? { document: given, description: "deployed" } : given;
    return { version: i + 1, document, description, at: new Date(0), by: "ann", tier: "Standard" };
  });
  return made.reverse() as [PolicyVersion, ...PolicyVersion[]];
}

describe("a policy's rollback", () => {
  it("goes to the newest version that says something else, defaults and the order of keys aside", () => {
    const same = JSON.stringify({ guardMinutes: 30, ...(JSON.parse(policy()) as object) });
    const kept = versions(policy(), policy({ guardMinutes: 30, bakeMinutes: 10 }), same);
    expect(planPolicyRollback(PLACE, kept, undefined)).toMatchObject({
      kind: "back",
      to: { version: 1 },
      changes: [{ path: "guardMinutes", before: 30, after: 1440 }],
    });
  });

  it("goes no further back when it is run again, unless a version is named", () => {
    const back = { document: policy({ bakeMinutes: 5 }), description: rollbackDescription(2, "too strict") };
    const kept = versions(policy(), policy({ bakeMinutes: 5 }), policy({ bakeMinutes: 9 }), back);
    const again = planPolicyRollback(PLACE, kept, undefined);
    expect(again).toMatchObject({ kind: "nothing", why: expect.stringContaining("is version 2 again") });
    expect(planPolicyRollback(PLACE, kept, 1)).toMatchObject({ kind: "back", to: { version: 1 } });
    expect(planPolicyRollback(PLACE, kept, 2)).toMatchObject({ kind: "nothing" });
  });

  it("refuses what is no policy by today's schema, with every problem, and a policy of another alias", () => {
    const kept = versions(policy({ frobnicate: 1, guardMinutes: -1 }), policy({ functionName: "carts" }), policy());
    expect(() => planPolicyRollback(PLACE, kept, 1)).toThrow(
      /version 1 is no policy any more:.*guardMinutes.*frobnicate/s,
    );
    expect(() => planPolicyRollback(PLACE, kept, 2)).toThrow("functionName: is carts, not orders");
  });

  it("says which versions are kept when the one named is not, or none differs", () => {
    const kept = versions(policy(), policy());
    for (const to of [undefined, 9]) {
      expect(() => planPolicyRollback(PLACE, kept, to)).toThrow(
        expect.objectContaining({ code: "version-missing", advice: expect.stringContaining("Versions 1 to 2") }),
      );
    }
  });

  it("takes a text that is no JSON for what it is", () => {
    expect(planPolicyRollback(PLACE, versions(policy(), "oops"), undefined)).toMatchObject({ kind: "back" });
    expect(isSamePolicy("oops", "oops")).toBe(true);
  });

  it("never takes the canary away: stages and the group's configuration belong together", () => {
    const [plain, staged] = [policySchema.parse(JSON.parse(policy())), policySchema.parse(JSON.parse(policy(STAGED)))];
    const once = "CodeDeployDefault.LambdaAllAtOnce";
    expect(strategyProblem(policy(STAGED), plain, once)).toContain("no canary");
    expect(strategyProblem(policy(), staged, "mine")).toContain("shifts by itself (mine)");
    expect(strategyProblem(policy(), staged, once)).toBeUndefined();
    expect(strategyProblem(policy(), plain, once)).toBeUndefined();
    expect(strategyProblem(policy(STAGED), plain, undefined)).toBeUndefined();
  });
});

describe("the doctor", () => {
  it("notes a policy that is not the stack's, and says what of it", () => {
    const facts = { document: policy({ bakeMinutes: 5 }), template: policy() };
    expect(policyFindings(PLACE, facts)).toMatchObject([
      { code: "policy-not-template", severity: "note", message: expect.stringContaining("bakeMinutes: 10 → 5") },
    ]);
    expect(policyFindings(PLACE, { ...facts, template: undefined })).toEqual([]);
    expect(policyFindings(PLACE, { document: policy({ bakeMinutes: 10 }), template: policy() })).toEqual([]);
  });

  it("finds a policy that refuses every release", () => {
    expect(policyFindings(PLACE, { document: "{}", template: undefined })).toMatchObject([
      { code: "policy-invalid", severity: "broken", command: "goaround policy rollback orders --alias live" },
    ]);
    expect(policyFindings(PLACE, { document: undefined, template: policy() })).toEqual([]);
  });
});

it("a parameter's value is read from templates that say it literally", () => {
  const template = (Value: unknown) =>
    JSON.stringify({ Resources: { P: { Type: "AWS::SSM::Parameter", Properties: { Name: "/a", Value } } } });
  expect(parameterInTemplate(template("text"), "/a")).toBe("text");
  expect(parameterInTemplate(template({ Ref: "X" }), "/a")).toBeUndefined();
  expect(parameterInTemplate(template("text"), "/b")).toBeUndefined();
  const yaml =
    'Resources:\n  P:\n    Type: AWS::SSM::Parameter\n    Properties: { Name: /a, Value: "{}" }\n  Q: { Type: T }\n';
  expect(parameterInTemplate(yaml, "/a")).toBe("{}");
});
