import { App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import * as lambda from "aws-cdk-lib/aws-lambda";
import { describe, expect, it } from "vitest";
import { GuardedFunction, ReleaseGuard } from "../../lib/constructs/index.ts";

const app = () => new App();

/** A member of group `shop` (or another) in that stack. */
function member(stack: Stack, name: string, before?: GuardedFunction, releaseGroup: string | undefined = "shop") {
  return new GuardedFunction(stack, name, {
    guard: ReleaseGuard.fromEnvironmentName(stack, `Guard-${name}`, "dev"),
    function: {
      functionName: name,
      runtime: lambda.Runtime.NODEJS_22_X,
      handler: "index.handler",
      code: lambda.Code.fromInline("exports.handler = async () => ({});"),
    },
    policy: releaseGroup === "none" ? {} : { releaseGroup },
    ...(before ? { releaseAfter: before } : {}),
  });
}

describe("a rolling group", () => {
  it("has an alias wait for that of the function before it, in one stack", () => {
    const stack = new Stack(app(), "Shop");
    const checkout = member(stack, "checkout");
    const payments = member(stack, "payments", checkout);
    const resources = Template.fromStack(stack).toJSON().Resources as Record<string, { DependsOn?: string[] }>;
    const [first, second] = [checkout, payments].map(({ alias }) => idOf(stack, alias));
    expect(resources[second!]?.DependsOn).toContain(first);
    expect(resources[first!]?.DependsOn).not.toContain(second);
    expect(payments.policy.releaseAfter).toBe("checkout");
    expect(checkout.policy.releaseAfter).toBeUndefined();
  });

  it("has a stack wait for that of the function before it", () => {
    const one = app();
    const [a, b] = [new Stack(one, "A"), new Stack(one, "B")];
    member(b, "payments", member(a, "checkout"));
    expect(b.dependencies).toEqual([a]);
    one.synth();
  });

  it("refuses a row that leads back into a stack that is deployed already, and a dependency against it", () => {
    const one = app();
    const [a, b] = [new Stack(one, "A"), new Stack(one, "B")];
    const payments = member(b, "payments", member(a, "checkout"));
    expect(() => member(a, "carts", payments)).toThrow(
      /carts cannot be released after payments: the stack of payments is deployed after that of carts already.*Functions of one stack/,
    );
    const [c, d] = [new Stack(one, "C"), new Stack(one, "D")];
    c.addStackDependency(d);
    const stock = member(c, "stock");
    expect(() => member(d, "orders", stock)).toThrow("orders cannot be released after stock");
  });

  it("refuses functions of different groups, or of none, and two that follow the same one", () => {
    const stack = new Stack(app(), "Shop");
    const checkout = member(stack, "checkout");
    expect(() => member(stack, "a", checkout, "other")).toThrow('of different groups: "other" and "shop"');
    expect(() => member(stack, "b", checkout, "none")).toThrow('of different groups: none and "shop"');
    member(stack, "payments", checkout);
    expect(() => member(stack, "carts", checkout)).toThrow("carts and payments are both to be released after checkout");
  });
});

const idOf = (stack: Stack, alias: lambda.Alias) => stack.getLogicalId(alias.node.defaultChild as lambda.CfnAlias);
