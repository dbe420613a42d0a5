import { App, Stack } from "aws-cdk-lib";
import { Annotations, Match, Template } from "aws-cdk-lib/assertions";
import { CfnAlarm } from "aws-cdk-lib/aws-cloudwatch";
import { LambdaDeploymentGroup } from "aws-cdk-lib/aws-codedeploy";
import { Repository } from "aws-cdk-lib/aws-ecr";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import { describe, expect, it } from "vitest";
import { GuardedFunction } from "../../lib/constructs/guarded-function.ts";
import type { PolicySettings } from "../../lib/constructs/policy-parameter.ts";
import { ReleaseStrategy } from "../../lib/constructs/release-strategy.ts";
import { alarmName } from "../../lib/contract/names.ts";
import { parsePolicy } from "../../lib/contract/policy.ts";
import { guardedStack, guardIn, identityStatements, lambdaIn, namedGuard, ofType, text } from "./support.ts";

describe("a guarded function", () => {
  it("publishes a version that outlives updates and goes with a failed one", () => {
    const [version] = ofType(guardedStack().template(), "AWS::Lambda::Version");
    expect(version).toMatchObject({ UpdateReplacePolicy: "Retain", DeletionPolicy: "RetainExceptOnCreate" });
  });

  it("moves its alias `live` through CodeDeploy with both hooks by their literal names", () => {
    const [alias] = ofType(guardedStack().template(), "AWS::Lambda::Alias");
    expect(alias?.Properties.Name).toBe("live");
    expect(alias?.UpdatePolicy).toEqual({
      CodeDeployLambdaAliasUpdate: {
        ApplicationName: "goaround-dev",
        DeploymentGroupName: "shop-checkout-deployment-group",
        BeforeAllowTrafficHook: "goaround-dev-pre-traffic",
        AfterAllowTrafficHook: "goaround-dev-post-traffic",
      },
    });
  });

  it("publishes a new version for a release by context, by its whole name", () => {
    const versionIn = (context: Record<string, string>) => {
      const stack = new Stack(new App({ context }), "Shop");
      new GuardedFunction(stack, "Guarded", { guard: namedGuard(stack), function: lambdaIn(stack) });
      const template = Template.fromStack(stack);
      const [fn] = ofType(template, "AWS::Lambda::Function");
      const [version] = Object.keys(template.findResources("AWS::Lambda::Version"));
      return { version, variables: (fn?.Properties.Environment as { Variables?: object } | undefined)?.Variables };
    };
    const before = versionIn({ "release:shop-payments": "two" });
    const after = versionIn({ "release:shop-checkout": "two" });
    expect(before.variables).toBeUndefined();
    expect(after.variables).toEqual({ RELEASE: "two" });
    expect(after.version).not.toBe(before.version);
  });

  it("leaves weights out of the template, which belong to CodeDeploy", () => {
    const [alias] = ofType(guardedStack().template(), "AWS::Lambda::Alias");
    expect(alias?.Properties.RoutingConfig).toBeUndefined();
  });

  it("rolls back on failure, on alarm and on a stop by hand", () => {
    guardedStack()
      .template()
      .hasResourceProperties("AWS::CodeDeploy::DeploymentGroup", {
        ApplicationName: "goaround-dev",
        DeploymentGroupName: "shop-checkout-deployment-group",
        DeploymentConfigName: "CodeDeployDefault.LambdaCanary10Percent5Minutes",
        DeploymentStyle: { DeploymentType: "BLUE_GREEN", DeploymentOption: "WITH_TRAFFIC_CONTROL" },
        AutoRollbackConfiguration: {
          Enabled: true,
          Events: ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"],
        },
      });
  });

  it("moves the alias only after its group and its policy are there", () => {
    const [alias] = ofType(guardedStack().template(), "AWS::Lambda::Alias");
    expect(alias?.DependsOn?.map((id) => id.replace(/[0-9A-F]{8}$/, "")).sort()).toEqual([
      "GuardedDeploymentGroup",
      "GuardedPolicy",
    ]);
  });

  it("lets its CodeDeploy role do these five things to this function, and nothing else", () => {
    const statements = identityStatements(guardedStack().template()).filter(({ owner }) =>
      owner.includes("Deployment"),
    );
    const arn = "arn:<AWS::Partition>";
    const here = "<AWS::Region>:<AWS::AccountId>";
    expect(statements.map(({ actions, resources }) => [actions, resources])).toEqual([
      [
        ["lambda:GetAlias", "lambda:UpdateAlias", "lambda:GetProvisionedConcurrencyConfig"],
        [`${arn}:lambda:${here}:function:shop-checkout`, `${arn}:lambda:${here}:function:shop-checkout:*`],
      ],
      [
        ["lambda:InvokeFunction"],
        [
          `${arn}:lambda:${here}:function:goaround-dev-pre-traffic`,
          `${arn}:lambda:${here}:function:goaround-dev-post-traffic`,
        ],
      ],
      [["cloudwatch:DescribeAlarms"], [`${arn}:cloudwatch:${here}:alarm:goaround-dev-shop-checkout.live.*`]],
    ]);
  });

  it("lets CodeDeploy ask for other alarms of the group too, whose names may be references", () => {
    const stack = new Stack(new App(), "Shop");
    const queue = new CfnAlarm(stack, "Queue", { comparisonOperator: "GreaterThanThreshold", evaluationPeriods: 1 });
    const deploymentAlarmNames = [queue.ref, "database-down"];
    new GuardedFunction(stack, "Guarded", {
      guard: namedGuard(stack),
      function: lambdaIn(stack),
      deploymentAlarmNames,
    });
    const asked = identityStatements(Template.fromStack(stack)).find(({ actions }) =>
      actions.includes("cloudwatch:DescribeAlarms"),
    );
    const alarms = "arn:<AWS::Partition>:cloudwatch:<AWS::Region>:<AWS::AccountId>:alarm";
    expect(asked?.resources).toEqual([
      `${alarms}:goaround-dev-shop-checkout.live.*`,
      `${alarms}:<Queue>`,
      `${alarms}:database-down`,
    ]);
  });

  it("names region and account where the stack's environment is known", () => {
    const stack = new Stack(new App(), "Shop", { env: { account: "111122223333", region: "eu-west-1" } });
    new GuardedFunction(stack, "Guarded", { guard: namedGuard(stack), function: lambdaIn(stack) });
    const template = Template.fromStack(stack);
    expect(identityStatements(template).flatMap(({ resources }) => resources)).toContain(
      "arn:<AWS::Partition>:lambda:eu-west-1:111122223333:function:goaround-dev-pre-traffic",
    );
    const [alias] = ofType(template, "AWS::Lambda::Alias");
    expect(text(alias?.Properties.FunctionVersion)).toMatch(/^<FunctionCurrentVersion\w+\.Version>$/);
  });

  it("trusts CodeDeploy of its own account only, and takes no managed policy", () => {
    const role = ofType(guardedStack().template(), "AWS::IAM::Role").find((each) =>
      JSON.stringify(each).includes("codedeploy.amazonaws.com"),
    );
    expect(role?.Properties.ManagedPolicyArns).toBeUndefined();
    expect(role?.Properties.AssumeRolePolicyDocument).toMatchObject({
      Statement: [
        {
          Condition: {
            StringEquals: {
              "aws:SourceAccount": { Ref: "AWS::AccountId" },
              "aws:SourceArn": expect.objectContaining({ "Fn::Join": expect.anything() }),
            },
          },
        },
      ],
    });
  });

  it("stores its policy where the hooks read it, defaults written out", () => {
    const { template } = guardedStack({
      policy: { smokeTests: [{ name: "ping", expect: "ok" }], blockers: ["database-down"], guardMinutes: 60 },
    });
    const [parameter] = ofType(template(), "AWS::SSM::Parameter");
    expect(parameter?.Properties).toMatchObject({ Name: "/goaround/dev/shop-checkout/live" });
    const parsed = parsePolicy(String(parameter?.Properties.Value));
    expect(parsed).toMatchObject({
      ok: true,
      policy: {
        functionName: "shop-checkout",
        alias: "live",
        deploymentGroup: "shop-checkout-deployment-group",
        blockers: ["database-down"],
        guardMinutes: 60,
        checks: { maxErrorRatePercent: 5, minSamples: 20 },
      },
    });
    expect(String(parameter?.Properties.Value)).toContain('"maxP99Ratio":2');
  });

  it("lets Parameter Store choose the tier, which only grows, and refuses a policy above 8 KB", () => {
    const payload = (length: number) => ({ smokeTests: [{ name: "big", payload: "x".repeat(length) }] });
    const tier = (length: number) =>
      ofType(guardedStack({ policy: payload(length) }).template(), "AWS::SSM::Parameter")[0]?.Properties.Tier;
    expect([tier(50), tier(5000)]).toEqual(["Intelligent-Tiering", "Intelligent-Tiering"]);
    expect(() => guardedStack({ policy: payload(8000) })).toThrow(/the policy is \d+ bytes; at most 8192/);
  });

  it("lists every problem of a policy with its path", () => {
    const policy = { guardMinutes: -1, blockers: [""], checks: { minSamples: 0 } };
    expect(() => guardedStack({ policy })).toThrow(
      /policy\.checks\.minSamples[\s\S]*policy\.blockers\[0\][\s\S]*policy\.guardMinutes/,
    );
  });

  it("refuses a trigger expression with its position, next to whatever else is wrong with the policy", () => {
    const triggers = [
      { name: "fine", expression: "error_rate > 1%", severity: "warning" as const },
      { name: "typing-error", expression: "error_rat > 5%", severity: "critical" as const },
      { name: "no-comparison", expression: "error_rate = 5%", severity: "critical" as const },
    ];
    const policy = { triggers, guardMinutes: "long", checks: { falseRollbackPercent: 50, minErrorExcessPercent: -1 } };
    expect(() => guardedStack({ policy: policy as unknown as PolicySettings })).toThrow(
      new RegExp(
        [
          "policy\\.checks\\.falseRollbackPercent",
          "policy\\.checks\\.minErrorExcessPercent",
          "policy\\.guardMinutes",
          "policy\\.triggers\\[1\\]\\.expression: position 1: .*did you mean error_rate",
          "policy\\.triggers\\[2\\]\\.expression: position 12",
        ].join("[\\s\\S]*"),
      ),
    );
  });

  it("takes triggers over metrics that the policy declares, and what the tests may cost", () => {
    const { guarded } = guardedStack({
      policy: {
        metrics: [{ name: "conversion_rate", namespace: "Shop", metric: "Conversions", versionDimension: "Version" }],
        triggers: [{ name: "fewer-orders", expression: "conversion_rate < 0.8 * baseline", severity: "critical" }],
        checks: { falseRollbackPercent: 2, minErrorExcessPercent: 0.5, onTrafficDeficit: "rollback" },
      },
    });
    expect(guarded.policy.triggers?.[0]).toMatchObject({ name: "fewer-orders", delaySeconds: 60 });
    expect(guarded.policy.checks).toMatchObject({ falseRollbackPercent: 2, onTrafficDeficit: "rollback" });
    expect(() => guardedStack({ policy: { triggers: guarded.policy.triggers } })).toThrow(
      /no metric that is available/,
    );
  });

  it("refuses a function without a literal name and says what to do", () => {
    const stack = new Stack(new App(), "Shop");
    const fn = new lambda.Function(stack, "Function", {
      runtime: lambda.Runtime.PYTHON_3_13,
      handler: "app.handler",
      code: lambda.Code.fromInline("pass"),
    });
    expect(() => new GuardedFunction(stack, "Guarded", { guard: namedGuard(stack), function: fn })).toThrow(
      /Shop\/Function has no literal name\. Set `functionName`/,
    );
  });

  it("refuses a function that the guard may not act on", () => {
    const stack = new Stack(new App(), "Shop");
    const guard = guardIn(stack);
    const fn = lambdaIn(stack, "checkout");
    expect(() => new GuardedFunction(stack, "Guarded", { guard, function: fn })).toThrow(
      /"checkout" begins with none of the prefixes that the guard may act on \(shop-\)/,
    );
  });

  it.each(["12", "a b", ""])("refuses %j as alias", (aliasName) => {
    expect(() => guardedStack({ aliasName })).toThrow(/alias ".*" is not 1 to 128/);
  });

  it("guards a container image as well", () => {
    const stack = new Stack(new App(), "Shop");
    const fn = new lambda.Function(stack, "Function", {
      functionName: "shop-image",
      runtime: lambda.Runtime.FROM_IMAGE,
      handler: lambda.Handler.FROM_IMAGE,
      code: lambda.Code.fromEcrImage(Repository.fromRepositoryName(stack, "Repository", "shop")),
    });
    new GuardedFunction(stack, "Guarded", { guard: namedGuard(stack), function: fn });
    Template.fromStack(stack).resourceCountIs("AWS::CodeDeploy::DeploymentGroup", 1);
  });

  it("makes a function of props, whose role may write to its own log group only", () => {
    const stack = new Stack(new App(), "Shop");
    new GuardedFunction(stack, "Guarded", {
      guard: namedGuard(stack),
      function: {
        functionName: "shop-cart",
        runtime: lambda.Runtime.NODEJS_24_X,
        handler: "index.handler",
        code: lambda.Code.fromInline("exports.handler = async () => 1"),
      },
    });
    const template = Template.fromStack(stack);
    template.hasResourceProperties("AWS::Logs::LogGroup", {
      LogGroupName: "/aws/lambda/shop-cart",
      RetentionInDays: 30,
    });
    const own = identityStatements(template).filter(({ owner }) => owner.includes("FunctionRole"));
    expect(own.map(({ actions }) => actions)).toEqual([["logs:CreateLogStream", "logs:PutLogEvents"]]);
    expect(own[0]?.resources[0]).toMatch(/^<GuardedFunctionLogs.*\.Arn>$/);
  });

  it("tags the function, so that people and policies can tell", () => {
    const [fn] = ofType(guardedStack().template(), "AWS::Lambda::Function");
    expect(fn?.Properties.Tags).toEqual(
      expect.arrayContaining([
        { Key: "goaround:application", Value: "goaround-dev" },
        { Key: "goaround:environment", Value: "dev" },
        { Key: "goaround:guarded", Value: "true" },
      ]),
    );
  });

  it("adds 12 resources to the function and its role, seven of them alarms", () => {
    const template = guardedStack().template();
    const added = Object.keys(template.toJSON().Resources).length - 2;
    expect(added).toBe(12);
    template.resourceCountIs("AWS::CloudWatch::Alarm", 7);
  });

  it("is deployed after its guard, without an export between the stacks", () => {
    const app = new App();
    const guards = new Stack(app, "GuardStack");
    const stack = new Stack(app, "Shop");
    new GuardedFunction(stack, "Guarded", { guard: guardIn(guards), function: lambdaIn(stack) });
    expect(stack.dependencies.map((each) => each.stackName)).toEqual(["GuardStack"]);
    expect(JSON.stringify(Template.fromStack(stack).toJSON())).not.toContain("Fn::ImportValue");
  });

  it("shares a stack with its guard without a cycle, the hooks first", () => {
    const stack = new Stack(new App(), "One");
    new GuardedFunction(stack, "Guarded", { guard: guardIn(stack), function: lambdaIn(stack) });
    const [alias] = ofType(Template.fromStack(stack), "AWS::Lambda::Alias");
    expect(alias?.DependsOn?.join()).toMatch(/GuardPreTraffic/);
  });

  it("refuses at synth another deployment group on the same alias", () => {
    const { stack, guarded } = guardedStack();
    new LambdaDeploymentGroup(stack, "Other", { alias: guarded.alias });
    expect(() => Template.fromStack(stack)).toThrow(/something else has taken over the alias' update policy/);
  });

  it("refuses at synth weights that the template sets", () => {
    const { stack, guarded } = guardedStack();
    (guarded.alias.node.defaultChild as lambda.CfnAlias).routingConfig = {
      additionalVersionWeights: [{ functionVersion: "1", functionWeight: 0.5 }],
    };
    expect(() => Template.fromStack(stack)).toThrow(/the template sets weights on the guarded alias/);
  });

  it("warns of what leaves a release unprotected", () => {
    const { stack } = guardedStack({ strategy: ReleaseStrategy.allAtOnce(), policy: { automaticRollback: false } });
    const annotations = Annotations.fromStack(stack);
    for (const id of ["noBaseline", "noSmokeTest", "automaticRollbackOff"]) {
      annotations.hasWarning("/Shop/Guarded", Match.stringLikeRegexp(`goaround:${id}`));
    }
  });

  it("lets a caller invoke the alias and not the function", () => {
    const { stack, guarded, template } = guardedStack();
    guarded.grantInvoke(new iam.Role(stack, "Caller", { assumedBy: new iam.ServicePrincipal("lambda.amazonaws.com") }));
    const granted = identityStatements(template()).filter(({ owner }) => owner.startsWith("Caller"));
    expect(granted).toMatchObject([{ actions: ["lambda:InvokeFunction"] }]);
    expect(granted[0]?.resources).toEqual([
      "arn:<AWS::Partition>:lambda:<AWS::Region>:<AWS::AccountId>:function:shop-checkout:live",
    ]);
  });

  it("is known to other stacks by its literal names, metrics included", () => {
    const stack = new Stack(new App(), "Other");
    const imported = GuardedFunction.fromGuardedFunctionAttributes(stack, "Imported", {
      guard: namedGuard(stack),
      functionName: "shop-checkout",
    });
    expect(text(stack.resolve(imported.aliasArn))).toMatch(/:function:shop-checkout:live$/);
    expect(imported.deploymentGroupName).toBe("shop-checkout-deployment-group");
    expect(imported.metricErrors().dimensions).toEqual({
      FunctionName: "shop-checkout",
      Resource: "shop-checkout:live",
    });
  });

  it("names its absolute alarms by the contract", () => {
    const names = ofType(guardedStack().template(), "AWS::CloudWatch::Alarm").map((each) =>
      text(each.Properties.AlarmName),
    );
    const expected = ["error-rate", "duration", "p99", "throttles"].map((check) =>
      alarmName({ environment: "dev", functionName: "shop-checkout", alias: "live", check }),
    );
    expect(names).toEqual(expect.arrayContaining(expected));
  });
});
