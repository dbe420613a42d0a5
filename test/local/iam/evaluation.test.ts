import { describe, expect, it } from "vitest";
import type { Principal } from "../../../lib/local/kernel/service.ts";
import { type ContextKeys, meetsConditions } from "../../../lib/local/services/iam/evaluation/conditions.ts";
import { evaluateIdentity, evaluateResource } from "../../../lib/local/services/iam/evaluation/evaluate.ts";
import { parsePolicy } from "../../../lib/local/services/iam/evaluation/policy.ts";

const ACCOUNT = "111122223333";
const role: Principal = {
  arn: `arn:aws:sts::${ACCOUNT}:assumed-role/R/s`,
  accountId: ACCOUNT,
  kind: "role",
  roleArn: `arn:aws:iam::${ACCOUNT}:role/R`,
};
const service = (name: string): Principal => ({ arn: name, accountId: ACCOUNT, kind: "service" });
const policy = (...Statement: object[]) => parsePolicy(JSON.stringify({ Version: "2012-10-17", Statement }));
const keysOf =
  (values: Record<string, string | string[]> = {}): ContextKeys =>
  (key) =>
    values[key];
const request = (
  action: string,
  resource: string | undefined = "*",
  keys: ContextKeys = keysOf(),
  principal = role,
) => ({
  action,
  resource,
  keys,
  principal,
});
const fn = (name: string) => `arn:aws:lambda:us-east-1:${ACCOUNT}:function:${name}`;

describe("policies of an identity", () => {
  const identity = (statements: object[], action: string, resource?: string) =>
    evaluateIdentity(policy(...statements), request(action, resource));

  it("deny what none of them allows", () => {
    expect(identity([], "lambda:GetAlias", fn("f"))).toBe("none");
    expect(
      identity([{ Effect: "Allow", Action: "lambda:GetAlias", Resource: fn("g") }], "lambda:GetAlias", fn("f")),
    ).toBe("none");
  });

  it("know wildcards in actions, whatever their case, and in resources", () => {
    const allow = [{ Effect: "Allow", Action: ["lambda:get*", "sns:Publis?"], Resource: [fn("shop-*")] }];
    expect(identity(allow, "lambda:GetAlias", fn("shop-cart"))).toBe("allow");
    expect(identity(allow, "lambda:UpdateAlias", fn("shop-cart"))).toBe("none");
    expect(identity(allow, "lambda:GetAlias", fn("blog"))).toBe("none");
  });

  it("keep a wildcard within its part of an ARN", () => {
    const allow = [{ Effect: "Allow", Action: "lambda:GetAlias", Resource: "arn:aws:lambda:*:function:f" }];
    expect(identity(allow, "lambda:GetAlias", fn("f"))).toBe("none");
    const all = [{ Effect: "Allow", Action: "lambda:GetAlias", Resource: "arn:aws:lambda:*" }];
    expect(identity(all, "lambda:GetAlias", fn("f"))).toBe("allow");
  });

  it("let a denial win over every permission", () => {
    const both = [
      { Effect: "Allow", Action: "*", Resource: "*" },
      { Effect: "Deny", Action: "lambda:UpdateFunctionCode", Resource: "*" },
    ];
    expect(identity(both, "lambda:UpdateFunctionCode", fn("f"))).toBe("deny");
    expect(identity(both, "lambda:UpdateAlias", fn("f"))).toBe("allow");
  });

  it("know NotAction and NotResource", () => {
    const but = [{ Effect: "Allow", NotAction: "iam:*", NotResource: fn("secret") }];
    expect(identity(but, "lambda:GetAlias", fn("f"))).toBe("allow");
    expect(identity(but, "iam:PassRole", fn("f"))).toBe("none");
    expect(identity(but, "lambda:GetAlias", fn("secret"))).toBe("none");
  });

  it("do not allow an action without resource by naming a resource", () => {
    const allow = [{ Effect: "Allow", Action: "codedeploy:GetDeploymentTarget", Resource: "arn:aws:codedeploy:*:*:x" }];
    expect(identity(allow, "codedeploy:GetDeploymentTarget", "*")).toBe("none");
  });

  it("put the request's values in place of variables, and match nothing where there is none", () => {
    const own = policy({ Effect: "Allow", Action: "s3:GetObject", Resource: `arn:aws:s3:::home/$\{aws:username}/*` });
    const get = (keys: ContextKeys) => evaluateIdentity(own, request("s3:GetObject", "arn:aws:s3:::home/ann/x", keys));
    expect(get(keysOf({ "aws:username": "ann" }))).toBe("allow");
    expect(get(keysOf({ "aws:username": "bob" }))).toBe("none");
    expect(get(keysOf())).toBe("none");
  });

  it.each([
    [{ Effect: "Allow", Action: "s3:*", Resource: "*", NotPrincipal: "*" }, /NotPrincipal/],
    [{ Effect: "Maybe", Action: "s3:*", Resource: "*" }, /Maybe/],
    [{ Effect: "Allow", Action: "s3:*", Resource: "*", Nonsense: 1 }, /Nonsense/],
  ])("refuse to be evaluated when they say what is not known: %j", (statement, what) => {
    expect(() => policy(statement)).toThrow(what);
  });
});

describe("policies of a resource", () => {
  const decide = (Principal: unknown, principal: Principal, effect = "Allow") =>
    evaluateResource(
      policy({ Effect: effect, Principal, Action: "sts:AssumeRole" }),
      request("sts:AssumeRole", "arn", keysOf(), principal),
    );

  it("allow whom they name, by role, session or service", () => {
    expect(decide({ AWS: role.roleArn }, role)).toBe("allow");
    expect(decide({ AWS: [role.arn] }, role)).toBe("allow");
    expect(decide("*", role)).toBe("allow");
    expect(decide({ Service: "codedeploy.amazonaws.com" }, service("codedeploy.amazonaws.com"))).toBe("allow");
  });

  it("leave the decision to the account when they name only that", () => {
    expect(decide({ AWS: ACCOUNT }, role)).toBe("account");
    expect(decide({ AWS: `arn:aws:iam::${ACCOUNT}:root` }, role)).toBe("account");
  });

  it("allow nobody else", () => {
    expect(decide({ AWS: "444455556666" }, role)).toBe("none");
    expect(decide({ Service: "lambda.amazonaws.com" }, service("codedeploy.amazonaws.com"))).toBe("none");
    expect(decide({ AWS: ACCOUNT }, service("codedeploy.amazonaws.com"))).toBe("none");
    expect(decide({ Federated: "*" }, role)).toBe("none");
  });

  it("deny whom they name, also by the account", () => {
    expect(decide({ AWS: ACCOUNT }, role, "Deny")).toBe("deny");
  });
});

describe("conditions", () => {
  const meets = (
    condition: Record<string, Record<string, string | string[]>>,
    values: Record<string, string | string[]>,
  ) =>
    meetsConditions(
      policy({ Effect: "Allow", Action: "*", Resource: "*", Condition: condition })[0]?.conditions ?? [],
      keysOf(values),
    );

  it.each([
    ["StringEquals", ["a", "b"], "b", true],
    ["StringEquals", "a", "A", false],
    ["StringEqualsIgnoreCase", "a", "A", true],
    ["StringNotEquals", ["a", "b"], "b", false],
    ["StringNotEquals", ["a", "b"], "c", true],
    ["StringLike", "goaround-*", "goaround-dev", true],
    ["StringLike", "goaround-?", "goaround-dev", false],
    ["StringNotLike", "goaround-*", "other", true],
    ["ArnLike", "arn:aws:sns:*:*:t*", "arn:aws:sns:us-east-1:1:topic", true],
    ["ArnEquals", "arn:aws:sns:*:topic", "arn:aws:sns:us-east-1:1:topic", false],
    ["ArnNotLike", "arn:aws:sns:*:*:t*", "arn:aws:sns:us-east-1:1:topic", false],
    ["Bool", "true", "true", true],
    ["Bool", "false", "true", false],
    ["NumericLessThan", "10", "9", true],
    ["NumericGreaterThanEquals", "10", "9", false],
    ["DateLessThan", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", true],
    ["DateGreaterThan", "2026-01-01T00:00:00Z", "1735689600", false],
  ])("%s %j for %j is %j", (operator, wanted, given, expected) => {
    expect(meets({ [operator]: { key: wanted } }, { key: given })).toBe(expected);
  });

  it("fail where the request lacks the key, unless they ask for difference or for its absence", () => {
    expect(meets({ StringEquals: { key: "a" } }, {})).toBe(false);
    expect(meets({ StringNotEquals: { key: "a" } }, {})).toBe(true);
    expect(meets({ StringEqualsIfExists: { key: "a" } }, {})).toBe(true);
    expect(meets({ StringEqualsIfExists: { key: "a" } }, { key: "b" })).toBe(false);
    expect(meets({ Null: { key: "true" } }, {})).toBe(true);
    expect(meets({ Null: { key: "false" } }, {})).toBe(false);
  });

  it("ask any or all of several values", () => {
    const two = { key: ["a", "x"] };
    expect(meets({ "ForAnyValue:StringEquals": { key: ["a", "b"] } }, two)).toBe(true);
    expect(meets({ "ForAllValues:StringEquals": { key: ["a", "b"] } }, two)).toBe(false);
    expect(meets({ "ForAnyValue:StringEquals": { key: "a" } }, {})).toBe(false);
    expect(meets({ "ForAllValues:StringEquals": { key: "a" } }, {})).toBe(true);
  });

  it("must all be met", () => {
    const condition = { StringEquals: { key: "a", other: "b" } };
    expect(meets(condition, { key: "a", other: "b" })).toBe(true);
    expect(meets(condition, { key: "a", other: "c" })).toBe(false);
  });

  it("name the operator that they do not know, also behind one that is not met", () => {
    expect(() => meets({ IpAddress: { key: "10.0.0.0/8" } }, { key: "10.1.1.1" })).toThrow("IpAddress");
    expect(() => meets({ StringEquals: { key: "a" }, BinaryEquals: { key: "a" } }, { key: "b" })).toThrow(
      "BinaryEquals",
    );
    expect(() => meets({ "ForSomeValues:StringEquals": { key: "a" } }, { key: "a" })).toThrow("ForSomeValues");
  });
});
