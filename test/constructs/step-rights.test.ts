import { describe, expect, it } from "vitest";
import { guardedStack, identityStatements, ofType, text } from "./support.ts";

const STEPS = {
  before: [{ name: "expand", function: "orders-expand", compensation: "orders-shrink:live" }],
  after: [{ name: "announce", function: "announce:prod", compensation: "recall" }],
};

describe("steps of a policy", () => {
  it("may be run by the hook and the responder, each its own, and nothing else may", () => {
    const template = guardedStack({ policy: { steps: STEPS } }).template();
    const policies = ofType(template, "AWS::IAM::Policy").filter(({ Properties }) =>
      String(Properties.PolicyName).startsWith("goaround-steps-"),
    );
    const rights = policies.map(({ Properties }) => {
      const { Statement } = Properties.PolicyDocument as { Statement: { Action: string; Resource: unknown }[] };
      const [{ Action, Resource } = { Action: "", Resource: [] }] = Statement;
      const resources = (Array.isArray(Resource) ? Resource : [Resource]).map(
        (arn) => text(arn).split(":function:")[1],
      );
      return { role: text((Properties.Roles as unknown[])[0]), Action, resources, statements: Statement.length };
    });
    const action = { Action: "lambda:InvokeFunction", statements: 1 };
    expect(rights).toEqual([
      { role: "goaround-dev-pre-traffic-<AWS::Region>", resources: ["orders-expand:$LATEST"], ...action },
      {
        role: "goaround-dev-respond-<AWS::Region>",
        resources: ["announce:prod", "orders-shrink:live", "recall:$LATEST"],
        ...action,
      },
    ]);
    const [alias] = ofType(template, "AWS::Lambda::Alias");
    for (const id of Object.keys(template.findResources("AWS::IAM::Policy"))) {
      if (id.includes("StepRights")) expect(alias?.DependsOn).toContain(id);
    }
  });

  it("give no rights where there is none", () => {
    const invokes = identityStatements(guardedStack().template()).filter(({ actions }) =>
      actions.includes("lambda:InvokeFunction"),
    );
    expect(invokes.some(({ resources }) => resources.some((arn) => arn.includes("expand")))).toBe(false);
    expect(JSON.stringify(guardedStack().template().toJSON())).not.toContain("goaround-steps-");
  });
});
