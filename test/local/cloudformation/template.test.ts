// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders of Fn::Sub
import { beforeEach, describe, expect, it } from "vitest";
import { parseTemplate } from "../../../lib/local/services/cloudformation/template/parse.ts";
import { EngineHarness, thing } from "./harness.ts";

let aws: EngineHarness;
beforeEach(() => {
  aws = new EngineHarness();
});

/** Deploys one thing and gives the value that its property got. */
async function propertyFor(expression: unknown, template: Record<string, unknown> = {}): Promise<unknown> {
  const Resources = { Other: thing({ Name: "other" }), T: thing({ Name: "t", Value: expression }) };
  await aws.call("CreateStack", { StackName: "demo", TemplateBody: JSON.stringify({ Resources, ...template }) });
  expect((await aws.stack()).StackStatusReason).toBeUndefined();
  return aws.backend.live.get("t")!.Value;
}

const create = (template: Record<string, unknown>, rest: Record<string, unknown> = {}) =>
  aws.call("CreateStack", { StackName: "demo", TemplateBody: JSON.stringify(template), ...rest });

describe("intrinsic functions", () => {
  it.each([
    ["Ref of a resource", { Ref: "Other" }, "other"],
    ["Ref of a pseudo parameter", { Ref: "AWS::AccountId" }, "111122223333"],
    ["Fn::GetAtt as a list", { "Fn::GetAtt": ["Other", "Arn"] }, "arn:other"],
    ["Fn::GetAtt as text", { "Fn::GetAtt": "Other.Arn" }, "arn:other"],
    [
      "Fn::Sub",
      { "Fn::Sub": "${Other}-${Other.Arn}-${AWS::Region}-${!Literal}" },
      "other-arn:other-us-east-1-${Literal}",
    ],
    ["Fn::Sub with variables", { "Fn::Sub": ["${A}${Other}", { A: { Ref: "AWS::Partition" } }] }, "awsother"],
    ["Fn::Join", { "Fn::Join": ["/", ["a", { Ref: "Other" }]] }, "a/other"],
    [
      "Fn::Select and Fn::Split",
      { "Fn::Select": ["1", { "Fn::Split": [":", { "Fn::GetAtt": "Other.Arn" }] }] },
      "other",
    ],
    ["Fn::If", { "Fn::If": ["Yes", "a", "b"] }, "a"],
    ["AWS::NoValue", { "Fn::If": ["No", "a", { Ref: "AWS::NoValue" }] }, undefined],
    ["Fn::FindInMap", { "Fn::FindInMap": ["Map", { Ref: "AWS::Region" }, "x"] }, ["1"]],
    ["Fn::Base64", { "Fn::Base64": "text" }, "dGV4dA=="],
    ["Fn::GetAZs", { "Fn::GetAZs": "" }, ["us-east-1a", "us-east-1b", "us-east-1c"]],
    ["Fn::ToJsonString", { "Fn::ToJsonString": { A: { Ref: "Other" } } }, '{"A":"other"}'],
    [
      "Condition as an ordinary key",
      [{ Effect: "Allow", Condition: { StringEquals: { a: "b" } } }],
      [{ Effect: "Allow", Condition: { StringEquals: { a: "b" } } }],
    ],
  ])("evaluates %s", async (_name, expression, expected) => {
    const template = {
      Mappings: { Map: { "us-east-1": { x: ["1"] } } },
      Conditions: {
        Yes: {
          "Fn::And": [{ "Fn::Equals": [{ Ref: "AWS::Region" }, "us-east-1"] }, { "Fn::Not": [{ Condition: "No" }] }],
        },
        No: { "Fn::Or": [{ "Fn::Equals": ["a", "b"] }, { "Fn::Equals": ["a", "c"] }] },
      },
    };
    expect(await propertyFor(expression, template)).toEqual(expected);
  });

  it("refuses functions that it does not implement, by name", async () => {
    await create({ Resources: { T: thing({ Value: { "Fn::Cidr": ["10.0.0.0/16", 1, 8] } }) } });
    expect((await aws.reasons("CREATE_FAILED"))[0]).toContain("the local AWS does not implement Fn::Cidr");
  });

  it("leaves out resources and outputs whose condition does not hold", async () => {
    await create({
      Conditions: { Never: { "Fn::Equals": ["a", "b"] } },
      Resources: { A: thing(), B: thing({}, { Condition: "Never" }) },
      Outputs: { Out: { Value: { Ref: "B" }, Condition: "Never" } },
    });
    expect(aws.backend.log).toEqual(["create A"]);
    expect((await aws.stack()).Outputs).toBeUndefined();
  });
});

describe("parameters", () => {
  const Resources = { T: thing({ Name: "t", Value: { Ref: "P" } }) };

  it("take the given value, else the default, and keep the previous one on request", async () => {
    const template = { Parameters: { P: { Type: "CommaDelimitedList", Default: "a, b" } }, Resources };
    await create(template);
    expect(aws.backend.live.get("t")!.Value).toEqual(["a", "b"]);
    const update = (Parameters: unknown[]) =>
      aws.call("UpdateStack", { StackName: "demo", UsePreviousTemplate: true, Parameters });
    await update([{ ParameterKey: "P", ParameterValue: "c" }]);
    expect(aws.backend.live.get("t")!.Value).toEqual(["c"]);
    await expect(update([{ ParameterKey: "P", UsePreviousValue: true }])).rejects.toThrow(
      "No updates are to be performed.",
    );
  });

  it("are reported together when missing or unknown", async () => {
    const Parameters = { P: { Type: "String" }, Q: { Type: "String" } };
    await expect(create({ Parameters, Resources })).rejects.toThrow("Parameters: [P, Q] must have values");
    const given = [{ ParameterKey: "X", ParameterValue: "1" }];
    await expect(create({ Parameters, Resources }, { Parameters: given })).rejects.toThrow(
      "Parameters: [X] do not exist in the template",
    );
  });

  it("are held to their constraints", async () => {
    const refused = (definition: Record<string, unknown>) =>
      create({ Parameters: { P: { Type: "String", ...definition } }, Resources });
    await expect(refused({ Default: "c", AllowedValues: ["a", "b"] })).rejects.toThrow("must be one of AllowedValues");
    await expect(refused({ Default: "abc", AllowedPattern: "[a-b]+" })).rejects.toThrow("must match pattern [a-b]+");
    await expect(refused({ Default: "x", Type: "Number" })).rejects.toThrow("Parameter 'P' must be a number.");
  });

  it("read SSM parameters, and failing rules name their assertions", async () => {
    aws.world.register({
      name: "ssm",
      operations: { GetParameter: ({ Name }: { Name: string }) => ({ Parameter: { Value: `value of ${Name}` } }) },
      reset: () => undefined,
    });
    const Parameters = { P: { Type: "AWS::SSM::Parameter::Value<String>", Default: "/version" } };
    const Assert = { "Fn::Not": [{ "Fn::Contains": [["value of /version"], { Ref: "P" }] }] };
    const Rules = { Check: { Assertions: [{ Assert, AssertDescription: "too old" }] } };
    await expect(create({ Parameters, Rules, Resources })).rejects.toThrow("Check: too old");
    await create({ Parameters, Resources });
    expect(aws.backend.live.get("t")!.Value).toBe("value of /version");
    expect((await aws.stack()).Parameters).toEqual([
      { ParameterKey: "P", ParameterValue: "/version", ResolvedValue: "value of /version" },
    ]);
  });
});

describe("dynamic references", () => {
  it("resolve SSM parameters for the provider only", async () => {
    let stored = "one";
    aws.world.register({
      name: "ssm",
      operations: { GetParameter: () => ({ Parameter: { Value: stored } }) },
      reset: () => undefined,
    });
    const Resources = { T: thing({ Name: "t", Value: "a {{resolve:ssm:/x}} b" }) };
    await create({ Resources });
    expect(aws.backend.live.get("t")!.Value).toBe("a one b");
    stored = "two";
    // The template is the same: a new value of the parameter is no change.
    await expect(aws.deploy(Resources)).rejects.toThrow("No updates are to be performed.");
  });

  it("refuse what they do not implement", async () => {
    await create({ Resources: { T: thing({ Value: "{{resolve:secretsmanager:x}}" }) } });
    expect((await aws.reasons("CREATE_FAILED"))[0]).toContain("{{resolve:secretsmanager:x}}");
  });
});

describe("templates", () => {
  it("may be YAML with short forms", () => {
    const template = parseTemplate(`
Resources:
  Topic:
    Type: Fake::Thing
    Properties:
      Value: !Sub "\${AWS::Region}"
      List: !Split [",", !Ref P]
      Input: !GetAtt Other.Arn
      Nested: !If [C, !Ref A, !Join ["", [a, b]]]
`);
    expect(template.Resources.Topic!.Properties).toEqual({
      Value: { "Fn::Sub": "${AWS::Region}" },
      List: { "Fn::Split": [",", { Ref: "P" }] },
      Input: { "Fn::GetAtt": ["Other", "Arn"] },
      Nested: { "Fn::If": ["C", { Ref: "A" }, { "Fn::Join": ["", ["a", "b"]] }] },
    });
  });

  it.each([
    "https://bucket.s3.us-east-1.amazonaws.com/a/t.json",
    "https://s3.amazonaws.com/bucket/a/t.json",
    "http://127.0.0.1:4566/bucket/a/t.json",
  ])("may come from S3 by %s", async (TemplateURL) => {
    aws.objects.set("bucket/a/t.json", JSON.stringify({ Resources: { A: thing() } }));
    await aws.call("CreateStack", { StackName: "demo", TemplateURL });
    expect((await aws.stack()).StackStatus).toBe("CREATE_COMPLETE");
  });

  it.each([
    ["no resources", {}, "At least one Resources member must be defined"],
    [
      "an unknown reference",
      { Resources: { A: thing({ Value: { Ref: "X" } }) } },
      "Unresolved resource dependencies [X]",
    ],
    [
      "a cycle",
      { Resources: { A: thing({}, { DependsOn: "B" }), B: thing({ Value: { Ref: "A" } }) } },
      "Circular dependency between resources: [A, B]",
    ],
    [
      "an unknown type",
      { Resources: { A: { Type: "AWS::X::Y" }, B: { Type: "AWS::Z::Z" } } },
      "Unrecognized resource types: [AWS::X::Y, AWS::Z::Z]",
    ],
    [
      "properties that are not handled",
      { Resources: { A: thing({ Speed: 1, Colour: 2 }) } },
      "does not handle these properties, and would not behave like AWS: Fake::Thing.Speed (A), Fake::Thing.Colour (A)",
    ],
    ["a transform", { Transform: "AWS::Serverless-2016-10-31", Resources: { A: thing() } }, "does not run transforms"],
  ])("are refused with %s", async (_name, template, message) => {
    await expect(create(template)).rejects.toThrow(message);
    await expect(aws.stack()).rejects.toThrow("Stack with id demo does not exist");
  });
});
