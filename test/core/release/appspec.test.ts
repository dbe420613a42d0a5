import { describe, expect, it } from "vitest";
import { parseAppSpec, plainFunctionName } from "../../../lib/core/release/appspec.ts";

const expected = {
  ok: true,
  appSpec: {
    functionName: "checkout",
    alias: "live",
    currentVersion: "3",
    targetVersion: "4",
    hooks: { BeforeAllowTraffic: "pre", AfterAllowTraffic: "post" },
  },
};

describe("AppSpec", () => {
  it("is read from JSON in Pascal case", () => {
    const properties = { Name: "checkout", Alias: "live", CurrentVersion: "3", TargetVersion: "4" };
    const document = {
      version: 0.0,
      Resources: [{ f: { Type: "AWS::Lambda::Function", Properties: properties } }],
      Hooks: [{ BeforeAllowTraffic: "pre" }, { AfterAllowTraffic: "post" }],
    };
    expect(parseAppSpec(JSON.stringify(document))).toEqual(expected);
  });

  it("is read from YAML in lower case, with versions that YAML takes for numbers", () => {
    const yaml = `version: 0.0
resources:
  - f:
      type: AWS::Lambda::Function
      properties:
        name: checkout
        alias: live
        currentversion: 3
        targetversion: 4
hooks:
  - BeforeAllowTraffic: pre
  - AfterAllowTraffic: post
`;
    expect(parseAppSpec(yaml)).toEqual(expected);
  });

  it("lists everything that is wrong", () => {
    const document = {
      Resources: [
        { f: { Type: "AWS::ECS::Service", Properties: { Name: "", Alias: "live", CurrentVersion: "$LATEST" } } },
      ],
      Hooks: [{ a: "x", b: "y" }],
    };
    const parsed = parseAppSpec(JSON.stringify(document));
    expect(parsed.ok ? [] : parsed.problems).toEqual([
      'Resources[0] has type "AWS::ECS::Service"; only AWS::Lambda::Function is handled',
      "Hooks[0] must be one entry, event: function",
      "Properties.Name must be a text",
      'Properties.CurrentVersion must be a version number, not "$LATEST"',
      "Properties.TargetVersion must be a version number, not missing",
    ]);
  });

  it.each(["", "[]", "null", "{", "a: [", "42", '{"Resources":[]}', '{"Resources":[{"a":null}]}'])(
    "says that %j is none, and never throws",
    (content) => {
      expect(parseAppSpec(content).ok).toBe(false);
    },
  );

  it.each([
    ["checkout", "checkout"],
    ["arn:aws:lambda:eu-central-1:111122223333:function:checkout", "checkout"],
    ["arn:aws:lambda:eu-central-1:111122223333:function:checkout:live", "checkout"],
    ["111122223333:function:checkout", "checkout"],
    ["checkout:7", "checkout"],
  ])("takes the function's name out of %s", (given, name) => {
    expect(plainFunctionName(given)).toBe(name);
  });
});
