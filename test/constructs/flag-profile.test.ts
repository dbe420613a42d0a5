import { App, Stack } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { Alarm } from "aws-cdk-lib/aws-cloudwatch";
import { describe, expect, it } from "vitest";
import { FlagProfile, type FlagProfileProps } from "../../lib/constructs/flag-profile.ts";
import { validatePolicy } from "../../lib/contract/policy.ts";
import { identityStatements, lambdaIn, namedGuard, ofType, only, text } from "./support.ts";

/** The handlers are tested where they live. */
const FIXTURE = new URL("./fixtures/handler.ts", import.meta.url).pathname;

const FLAGS = {
  use_cache: { description: "Reads through the cache" },
  fast_path: {
    description: "Takes the fast path",
    attributes: { share: { constraint: { type: "number" as const, minimum: 0, maximum: 100 }, value: 10 } },
  },
};

function profileStack(props: Partial<FlagProfileProps> = {}, make?: (stack: Stack) => Partial<FlagProfileProps>) {
  const stack = new Stack(new App(), "Flags");
  const profile = new FlagProfile(stack, "Flags", {
    guard: namedGuard(stack),
    flags: FLAGS,
    entries: { "merge-flags": FIXTURE, "validate-flags": FIXTURE },
    ...props,
    ...make?.(stack),
  });
  return { stack, profile, template: () => Template.fromStack(stack) };
}

const content = (props: Partial<FlagProfileProps> = {}) =>
  String(only(profileStack(props).template(), "Custom::GoaroundFlags").Properties.Definitions);

describe("a flag profile", () => {
  it("has application, environment and a feature-flag profile under literal names", () => {
    const template = profileStack().template();
    template.hasResourceProperties("AWS::AppConfig::Application", { Name: "goaround-dev" });
    template.hasResourceProperties("AWS::AppConfig::Environment", { Name: "dev" });
    template.hasResourceProperties("AWS::AppConfig::ConfigurationProfile", {
      Name: "flags",
      LocationUri: "hosted",
      Type: "AWS.AppConfig.FeatureFlags",
    });
  });

  it("writes definitions with their constraints, and first values that are off", () => {
    expect(JSON.parse(content())).toEqual({
      version: "1",
      flags: {
        fast_path: {
          name: "fast_path",
          description: "Takes the fast path",
          attributes: { share: { constraints: { type: "number", minimum: 0, maximum: 100 } } },
        },
        use_cache: { name: "use_cache", description: "Reads through the cache" },
      },
      values: { fast_path: { enabled: false, share: 10 }, use_cache: { enabled: false } },
    });
  });

  it("makes no new version when only the order in the code changes", () => {
    const reordered = { fast_path: FLAGS.fast_path, use_cache: FLAGS.use_cache };
    expect(content({ flags: reordered })).toBe(content());
  });

  it("has a strategy for kills: 0 minutes, 0 bake, under the contract's name", () => {
    profileStack().template().hasResourceProperties("AWS::AppConfig::DeploymentStrategy", {
      Name: "goaround-dev-kill",
      DeploymentDurationInMinutes: 0,
      FinalBakeTimeInMinutes: 0,
      GrowthFactor: 100,
    });
  });

  it("rolls its own deployment out gradually, marked as one that a kill may stop", () => {
    const template = profileStack().template();
    template.hasResourceProperties("AWS::AppConfig::DeploymentStrategy", {
      Name: "goaround-dev-gradual",
      DeploymentDurationInMinutes: 10,
      FinalBakeTimeInMinutes: 5,
      GrowthFactor: 20,
    });
    const [deployment] = ofType(template, "AWS::AppConfig::Deployment");
    expect(String(deployment?.Properties.Description)).toMatch(/^goaround:/);
    expect(text(deployment?.Properties.DeploymentStrategyId)).toMatch(/^<FlagsGradualStrategy/);
  });

  it("has no monitor unless asked, because a red one undoes a kill", () => {
    const [environment] = ofType(profileStack().template(), "AWS::AppConfig::Environment");
    expect(environment?.Properties.Monitors).toBeUndefined();
  });

  it("monitors the alarms it is given, with a role that reads these alone", () => {
    const arn = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:checkout-down";
    const { template } = profileStack({}, (stack) => ({ monitors: [Alarm.fromAlarmArn(stack, "Alarm", arn)] }));
    template().hasResourceProperties("AWS::AppConfig::Environment", { Monitors: [{ AlarmArn: arn }] });
    expect(identityStatements(template())).toContainEqual(
      expect.objectContaining({ actions: ["cloudwatch:DescribeAlarms"], resources: [arn] }),
    );
  });

  it("lets the responder switch flags of this profile off, and on in steps, and touch no other", () => {
    const template = profileStack().template();
    const policy = only(template, "AWS::IAM::Policy");
    expect((policy.Properties.Roles as unknown[]).map(text)).toEqual(["goaround-dev-respond-<AWS::Region>"]);
    const { Statement } = policy.Properties.PolicyDocument as { Statement: { Resource: unknown }[] };
    const targets = Statement.flatMap(({ Resource }) => [Resource].flat()).map(text);
    expect(targets.length).toBeGreaterThan(5);
    for (const target of targets) {
      expect(target).toMatch(
        /:(application\/<FlagsApplication\w+>|deploymentstrategy\/<Flags(Kill|Gradual)Strategy\w+>)/,
      );
    }
  });

  it("grants a function the right to read and tells it what, in one call", () => {
    const stack = new Stack(new App(), "Shop");
    FlagProfile.fromEnvironmentName(stack, "Flags", "dev").grantRead(lambdaIn(stack));
    const template = Template.fromStack(stack);
    template.hasResourceProperties("AWS::Lambda::Function", {
      Environment: {
        Variables: {
          GOAROUND_FLAG_APPLICATION: "goaround-dev",
          GOAROUND_FLAG_ENVIRONMENT: "dev",
          GOAROUND_FLAG_PROFILE: "flags",
        },
      },
    });
    expect(identityStatements(template).map(({ actions }) => actions)).toEqual([
      ["appconfig:StartConfigurationSession", "appconfig:GetLatestConfiguration"],
    ]);
    expect(JSON.stringify(template.toJSON())).not.toContain("Fn::ImportValue");
  });

  it("gives policies a reference that the hooks understand", () => {
    const reference = profileStack().profile.reference("use_cache");
    const parsed = validatePolicy({
      schemaVersion: 1,
      functionName: "f",
      alias: "live",
      deploymentGroup: "g",
      flags: [reference],
    });
    expect(parsed).toMatchObject({ ok: true });
    expect(reference).toEqual({
      applicationId: "goaround-dev",
      environmentId: "dev",
      profileId: "flags",
      flags: ["use_cache"],
    });
  });

  it("refuses a reference to a flag that it does not have", () => {
    expect(() => profileStack().profile.reference("use_cash")).toThrow(
      "there is no flag use_cash; the profile has use_cache, fast_path",
    );
  });

  it("deploys what the merge of code and run time makes, and tells what it did", () => {
    const template = profileStack().template();
    const [deployment] = ofType(template, "AWS::AppConfig::Deployment");
    expect(text(deployment?.Properties.ConfigurationVersion)).toMatch(/^<FlagsValues\w*\.Version>$/);
    expect(Object.values(template.findOutputs("*")).map((output) => text(output.Value))).toEqual([
      expect.stringMatching(/^<FlagsValues\w*\.Message>$/),
    ]);
  });

  it("has its validator checked before any other one, and lets AppConfig of this account call it", () => {
    const { template } = profileStack({}, (stack) => ({ validator: lambdaIn(stack, "mine") }));
    const [profile] = ofType(template(), "AWS::AppConfig::ConfigurationProfile");
    const validators = (profile!.Properties.Validators as { Type: string; Content: unknown }[]).map(({ Content }) =>
      text(Content),
    );
    expect(validators).toEqual([
      expect.stringMatching(/^<FlagsValidateFlags\w+\.Arn>$/),
      expect.stringMatching(/^<Function\w+\.Arn>$/),
    ]);
    template().hasResourceProperties("AWS::Lambda::Permission", {
      Principal: "appconfig.amazonaws.com",
      SourceAccount: { Ref: "AWS::AccountId" },
      SourceArn: Match.anyValue(),
    });
  });

  it("lets its validator read the ledger and do nothing else, and its merge start no deployment", () => {
    const roles = ofType(profileStack().template(), "AWS::IAM::Role");
    const actionsOf = (name: string) =>
      JSON.stringify(
        roles.find(({ Properties }) => String(Properties.Description).endsWith(name))?.Properties.Policies,
      );
    expect(actionsOf("validate-flags")).toContain("dynamodb:GetItem");
    expect(actionsOf("validate-flags")).not.toMatch(/appconfig:|dynamodb:(Put|Update|Delete)/);
    expect(actionsOf("merge-flags")).toContain("appconfig:CreateHostedConfigurationVersion");
    expect(actionsOf("merge-flags")).not.toMatch(/StartDeployment|StopDeployment|dynamodb:(Put|Update|Delete)/);
  });

  it("lists all problems of the definitions by path", () => {
    const flags = {
      Upper: { description: "" },
      fine: {
        description: "x".repeat(1025),
        attributes: {
          share: { constraint: { type: "number" as const, maximum: 5 }, value: 6 },
          mode: { constraint: { type: "string" as const, enum: ["a"] }, value: "b" },
          on: { constraint: { type: "boolean" as const }, value: "yes" },
        },
      },
    };
    expect(() => profileStack({ flags, rollout: { bakeMinutes: 1441 } })).toThrow(
      /flags\.Upper: a key is[\s\S]*flags\.fine\.description: has 1025[\s\S]*share: 6 is not -Infinity to 5[\s\S]*mode: "b" is none of a[\s\S]*on: "yes" is no boolean[\s\S]*rollout\.bakeMinutes: is 1441/,
    );
  });
});
