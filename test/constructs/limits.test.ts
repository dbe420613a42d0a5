import { App, Stack } from "aws-cdk-lib";
import { Annotations, Match, Template } from "aws-cdk-lib/assertions";
import * as lambda from "aws-cdk-lib/aws-lambda";
import { describe, expect, it } from "vitest";
import { GuardedFunction } from "../../lib/constructs/guarded-function.ts";
import { guardIn, namedGuard, ofType, resources } from "./support.ts";

/** IAM: characters of all inline policies of a role, and of a managed policy; white space does not count (IAM quotas, 2026). */
const MAX_INLINE = 10_240;
const MAX_MANAGED = 6_144;
/** EventBridge: characters of a rule's pattern (EventBridge quotas, 2026). */
const MAX_PATTERN = 4_096;

/** What a token becomes is longer than its name: room for an ARN with the longest names. */
const sizeOf = (document: unknown) =>
  JSON.stringify(document, (_, value: unknown) =>
    typeof value === "object" && value !== null && ("Ref" in value || "Fn::GetAtt" in value) ? "x".repeat(160) : value,
  ).replace(/\s/g, "").length;

function functionIn(stack: Stack, functionName: string): lambda.Function {
  return new lambda.Function(stack, functionName, {
    functionName,
    runtime: lambda.Runtime.NODEJS_24_X,
    handler: "index.handler",
    code: lambda.Code.fromInline("exports.handler = async () => 1"),
  });
}

/** A stack with so many guarded functions. */
function crowdedStack(count: number, context: Record<string, unknown> = {}): Stack {
  const stack = new Stack(new App({ context }), "Crowded");
  const guard = namedGuard(stack);
  for (let i = 0; i < count; i++) {
    new GuardedFunction(stack, `Guarded${i}`, { guard, function: functionIn(stack, `shop-${i}`) });
  }
  return stack;
}

describe("limits of AWS", () => {
  it("lets neither roles nor rules grow with the number of functions: 500 fit like one", () => {
    const app = new App();
    const guardStack = new Stack(app, "GuardStack");
    const guard = guardIn(guardStack);
    const template = () => Template.fromStack(guardStack);
    for (let s = 0; s < 20; s++) {
      const stack = new Stack(app, `Shop${s}`);
      for (let i = 0; i < 25; i++) {
        new GuardedFunction(stack, `Guarded${i}`, { guard, function: functionIn(stack, `shop-${s}-${i}`) });
      }
    }
    const guards = template();
    const alone = new Stack(new App(), "GuardStack");
    guardIn(alone);
    expect(resources(guards)).toEqual(resources(Template.fromStack(alone)));
    const all = [guards, Template.fromStack(app.node.findChild("Shop0") as Stack)];
    for (const one of all) {
      for (const role of ofType(one, "AWS::IAM::Role")) {
        expect(sizeOf(role.Properties.Policies ?? [])).toBeLessThan(MAX_INLINE);
      }
      for (const type of ["AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"]) {
        for (const policy of ofType(one, type))
          expect(sizeOf(policy.Properties.PolicyDocument)).toBeLessThan(MAX_MANAGED);
      }
      for (const rule of ofType(one, "AWS::Events::Rule")) {
        expect(sizeOf(rule.Properties.EventPattern ?? {})).toBeLessThan(MAX_PATTERN);
      }
    }
  });

  it("says how much room is left in a stack that nears CloudFormation's 500 resources", () => {
    const nearlyFull = "has 406 of the 500 resources.*room for 6 more guarded functions.*begin another stack";
    Annotations.fromStack(crowdedStack(29)).hasWarning("*", Match.stringLikeRegexp(nearlyFull));
    Annotations.fromStack(crowdedStack(28)).hasNoWarning("*", Match.stringLikeRegexp("begin another stack"));
  });

  it("refuses a stack of more than 500 resources and says how many functions must leave it", () => {
    expect(() => Template.fromStack(crowdedStack(40))).toThrow(
      /Crowded has 560 resources and CloudFormation allows 500.*at least 5 must leave this stack/s,
    );
  });

  it("leaves the limit to an app that sets another or none", () => {
    const limit = "@aws-cdk/core:stackResourceLimit";
    expect(() => Template.fromStack(crowdedStack(40, { [limit]: 0 }))).not.toThrow();
    expect(() => Template.fromStack(crowdedStack(2, { [limit]: 20 }))).toThrow(
      /28 resources and CloudFormation allows 20/,
    );
  });
});
