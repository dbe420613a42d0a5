// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders of Fn::Sub
import type { DescribeStackEventsCommandOutput, DescribeStacksCommandOutput } from "@aws-sdk/client-cloudformation";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createWorld, type LocalAwsCore } from "../../../lib/local/index.ts";
import { RESOURCE_TYPES } from "../../../lib/local/services/cloudformation/providers/registry.ts";
import type { ProviderContext } from "../../../lib/local/services/cloudformation/providers/resource-type.ts";

let aws: LocalAwsCore;
beforeEach(() => {
  aws = createWorld({ startMs: Date.UTC(2026, 0, 1) });
});
afterEach(() => aws.close());

const call = <Output = object>(service: string, operation: string, input: Record<string, unknown>) =>
  aws.world.call<Output>(service, operation, input, aws.world.credentials.principalFor(undefined));

type Resources = Record<string, { Type: string; Properties?: Record<string, unknown> } & Record<string, unknown>>;

/** Deploys and fails with the reasons of what failed. */
async function deploy(resources: Resources, StackName = "app"): Promise<void> {
  const exists = await call("cloudformation", "DescribeStacks", { StackName }).catch(() => undefined);
  await call("cloudformation", exists ? "UpdateStack" : "CreateStack", {
    StackName,
    TemplateBody: JSON.stringify({ Resources: resources }),
    Capabilities: ["CAPABILITY_NAMED_IAM"],
  });
  const settled = aws.services.cloudformation.settled(StackName);
  let done = false;
  void settled.then(() => {
    done = true;
  });
  for (await aws.clock.settle(); !done; ) await aws.clock.advanceBy(60_000);
  const { Stacks } = await call<DescribeStacksCommandOutput>("cloudformation", "DescribeStacks", { StackName });
  if (/^(CREATE|UPDATE)_COMPLETE$/.test(Stacks![0]!.StackStatus!)) return;
  const { StackEvents } = await call<DescribeStackEventsCommandOutput>("cloudformation", "DescribeStackEvents", {
    StackName,
  });
  const failed = StackEvents!.filter((event) => event.ResourceStatus?.endsWith("_FAILED"));
  throw new Error(failed.map((event) => `${event.LogicalResourceId}: ${event.ResourceStatusReason}`).join("\n"));
}

const destroy = async (StackName = "app") => {
  const { Stacks } = await call<DescribeStacksCommandOutput>("cloudformation", "DescribeStacks", { StackName });
  await call("cloudformation", "DeleteStack", { StackName });
  const { StackId } = Stacks![0]!;
  const after = await call<DescribeStacksCommandOutput>("cloudformation", "DescribeStacks", { StackName: StackId });
  expect(after.Stacks![0]!.StackStatus).toBe("DELETE_COMPLETE");
};

const trust = (service: string) => ({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: service } }],
});
const allow = (Action: string) => ({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action, Resource: "*" }] });

const role = (properties: Record<string, unknown> = {}) => ({
  Type: "AWS::IAM::Role",
  Properties: { RoleName: "worker", AssumeRolePolicyDocument: trust("lambda.amazonaws.com"), ...properties },
});
const worker = (properties: Record<string, unknown> = {}) => ({
  Type: "AWS::Lambda::Function",
  Properties: {
    FunctionName: "worker",
    Role: { "Fn::GetAtt": ["Role", "Arn"] },
    Runtime: "nodejs20.x",
    Handler: "index.handler",
    Code: { ZipFile: "exports.handler = async () => 1;" },
    ...properties,
  },
});

describe("the table of resource types", () => {
  it.each(Object.entries(RESOURCE_TYPES))(
    "%s lists each property once, and its name among the create-only ones",
    (_name, type) => {
      const properties = [...type.updatable, ...type.createOnly];
      expect(new Set(properties).size).toBe(properties.length);
      if (type.nameProperty) expect(type.createOnly).toContain(type.nameProperty);
      if (type.updatable.length > 0) expect(type.update).toBeDefined();
    },
  );
});

describe("IAM", () => {
  it("keeps roles, inline and managed policies as the template says", async () => {
    const policies = (actions: string[]) =>
      actions.map((action) => ({ PolicyName: action, PolicyDocument: allow(`s3:${action}`) }));
    const managed = (document: unknown) => ({
      Type: "AWS::IAM::ManagedPolicy",
      Properties: { ManagedPolicyName: "shared", PolicyDocument: document, Roles: [{ Ref: "Role" }] },
    });
    const inline = (action: string) => ({
      Type: "AWS::IAM::Policy",
      Properties: { PolicyName: "own", PolicyDocument: allow(action), Roles: [{ Ref: "Role" }] },
    });
    await deploy({
      Role: role({ Policies: policies(["a", "b"]) }),
      Managed: managed(allow("a:*")),
      Inline: inline("x:*"),
    });
    await deploy({
      Role: role({ Policies: policies(["b", "c"]) }),
      Managed: managed(allow("b:*")),
      Inline: inline("y:*"),
    });
    const names = await call<{ PolicyNames: string[] }>("iam", "ListRolePolicies", { RoleName: "worker" });
    expect(names.PolicyNames.sort()).toEqual(["b", "c", "own"]);
    const own = await call<{ PolicyDocument: string }>("iam", "GetRolePolicy", {
      RoleName: "worker",
      PolicyName: "own",
    });
    expect(decodeURIComponent(own.PolicyDocument)).toContain("y:*");
    const attached = await call<{ AttachedPolicies: unknown[] }>("iam", "ListAttachedRolePolicies", {
      RoleName: "worker",
    });
    expect(attached.AttachedPolicies).toHaveLength(1);
    await destroy();
    await expect(call("iam", "GetRole", { RoleName: "worker" })).rejects.toThrow();
  });
});

describe("Lambda", () => {
  it("updates code, configuration, concurrency and tags of a function, and takes removed settings back", async () => {
    await deploy({
      Role: role(),
      Fn: worker({
        Environment: { Variables: { AA: "1" } },
        Timeout: 30,
        Description: "first",
        ReservedConcurrentExecutions: 2,
        Tags: [{ Key: "a", Value: "1" }],
      }),
    });
    const before = await call<{ CodeSha256: string }>("lambda", "GetFunctionConfiguration", { FunctionName: "worker" });
    await deploy({
      Role: role(),
      Fn: worker({
        Code: { ZipFile: "exports.handler = async () => 2;" },
        MemorySize: 256,
        Tags: [{ Key: "b", Value: "2" }],
      }),
    });
    const fn = await call<{ Configuration: Record<string, unknown>; Tags: unknown; Concurrency?: unknown }>(
      "lambda",
      "GetFunction",
      {
        FunctionName: "worker",
      },
    );
    expect(fn.Configuration).toMatchObject({ MemorySize: 256, Timeout: 3, Description: "" });
    expect(fn.Configuration.CodeSha256).not.toBe(before.CodeSha256);
    expect(fn.Configuration).not.toHaveProperty("Environment.Variables.AA");
    expect(fn.Tags).toMatchObject({ b: "2", "aws:cloudformation:stack-name": "app" });
    expect(fn.Tags).not.toHaveProperty("a");
    expect(fn.Concurrency).toBeUndefined();
    await destroy();
    await expect(call("lambda", "GetFunction", { FunctionName: "worker" })).rejects.toThrow();
  });

  it("marks functions with the stack that owns them", async () => {
    await deploy({ Role: role(), Fn: worker() });
    const { Stacks } = await call<DescribeStacksCommandOutput>("cloudformation", "DescribeStacks", {
      StackName: "app",
    });
    const { Tags } = await call<{ Tags: object }>("lambda", "GetFunction", { FunctionName: "worker" });
    expect(Tags).toEqual({
      "aws:cloudformation:stack-name": "app",
      "aws:cloudformation:stack-id": Stacks![0]!.StackId,
      "aws:cloudformation:logical-id": "Fn",
    });
  });

  it("grants permissions and sets asynchronous invocation", async () => {
    const invoke = (age: number) => ({
      Type: "AWS::Lambda::EventInvokeConfig",
      Properties: {
        FunctionName: { Ref: "Fn" },
        Qualifier: "$LATEST",
        MaximumRetryAttempts: 0,
        MaximumEventAgeInSeconds: age,
      },
    });
    const Permission = {
      Type: "AWS::Lambda::Permission",
      Properties: { FunctionName: { Ref: "Fn" }, Action: "lambda:InvokeFunction", Principal: "events.amazonaws.com" },
    };
    await deploy({ Role: role(), Fn: worker(), Permission, Invoke: invoke(60) });
    await deploy({ Role: role(), Fn: worker(), Permission, Invoke: invoke(120) });
    const { Policy } = await call<{ Policy: string }>("lambda", "GetPolicy", { FunctionName: "worker" });
    expect(Policy).toContain("events.amazonaws.com");
    expect(
      await call("lambda", "GetFunctionEventInvokeConfig", { FunctionName: "worker", Qualifier: "$LATEST" }),
    ).toMatchObject({ MaximumEventAgeInSeconds: 120, MaximumRetryAttempts: 0 });
    await destroy();
  });
});

describe("CodeDeploy", () => {
  it("sets alarms and rollback of a group, and clears them when they leave the template", async () => {
    const group = (properties: Record<string, unknown>) => ({
      App: { Type: "AWS::CodeDeploy::Application", Properties: { ApplicationName: "shop", ComputePlatform: "Lambda" } },
      Config: {
        Type: "AWS::CodeDeploy::DeploymentConfig",
        Properties: {
          DeploymentConfigName: "slow",
          ComputePlatform: "Lambda",
          TrafficRoutingConfig: {
            Type: "TimeBasedCanary",
            TimeBasedCanary: { CanaryInterval: 3, CanaryPercentage: 7 },
          },
        },
      },
      Role: role({ AssumeRolePolicyDocument: trust("codedeploy.amazonaws.com") }),
      Group: {
        Type: "AWS::CodeDeploy::DeploymentGroup",
        Properties: {
          ApplicationName: { Ref: "App" },
          DeploymentGroupName: "g",
          DeploymentConfigName: { Ref: "Config" },
          ServiceRoleArn: { "Fn::GetAtt": ["Role", "Arn"] },
          DeploymentStyle: { DeploymentType: "BLUE_GREEN", DeploymentOption: "WITH_TRAFFIC_CONTROL" },
          ...properties,
        },
      },
    });
    const read = async () =>
      (
        await call<{ deploymentGroupInfo: Record<string, unknown> }>("codedeploy", "GetDeploymentGroup", {
          applicationName: "shop",
          deploymentGroupName: "g",
        })
      ).deploymentGroupInfo;
    await deploy(
      group({
        AlarmConfiguration: { Enabled: true, Alarms: [{ Name: "red" }] },
        AutoRollbackConfiguration: { Enabled: true, Events: ["DEPLOYMENT_FAILURE"] },
      }),
    );
    expect(await read()).toMatchObject({
      deploymentConfigName: "slow",
      alarmConfiguration: { enabled: true, alarms: [{ name: "red" }] },
    });
    await deploy(group({}));
    expect(await read()).toMatchObject({
      alarmConfiguration: { enabled: false },
      autoRollbackConfiguration: { enabled: false },
    });
    await destroy();
  });
});

describe("AppConfig", () => {
  it("deploys flags and waits until they are in force, and a new version is a new resource", async () => {
    const flags = (enabled: boolean, minutes: number): Resources => ({
      App: { Type: "AWS::AppConfig::Application", Properties: { Name: "shop" } },
      Env: { Type: "AWS::AppConfig::Environment", Properties: { ApplicationId: { Ref: "App" }, Name: "dev" } },
      Profile: {
        Type: "AWS::AppConfig::ConfigurationProfile",
        Properties: {
          ApplicationId: { Ref: "App" },
          Name: "flags",
          LocationUri: "hosted",
          Type: "AWS.AppConfig.FeatureFlags",
        },
      },
      Version: {
        Type: "AWS::AppConfig::HostedConfigurationVersion",
        Properties: {
          ApplicationId: { Ref: "App" },
          ConfigurationProfileId: { Ref: "Profile" },
          ContentType: "application/json",
          Content: JSON.stringify({ version: "1", flags: { on: { name: "on" } }, values: { on: { enabled } } }),
        },
      },
      Strategy: {
        Type: "AWS::AppConfig::DeploymentStrategy",
        Properties: {
          Name: "s",
          DeploymentDurationInMinutes: minutes,
          GrowthFactor: 50,
          FinalBakeTimeInMinutes: 0,
          ReplicateTo: "NONE",
        },
      },
      Deployment: {
        Type: "AWS::AppConfig::Deployment",
        Properties: {
          ApplicationId: { Ref: "App" },
          EnvironmentId: { Ref: "Env" },
          ConfigurationProfileId: { Ref: "Profile" },
          ConfigurationVersion: { Ref: "Version" },
          DeploymentStrategyId: { Ref: "Strategy" },
        },
      },
    });
    const startedAt = aws.clock.now();
    await deploy(flags(false, 10));
    expect(aws.clock.now() - startedAt).toBeGreaterThanOrEqual(600_000);
    await deploy(flags(true, 10));
    const { Items } = await call<{ Items: { Id: string }[] }>("appconfig", "ListApplications", {});
    const environments = await call<{ Items: { Id: string }[] }>("appconfig", "ListEnvironments", {
      ApplicationId: Items[0]!.Id,
    });
    const deployments = await call<{ Items: { State: string }[] }>("appconfig", "ListDeployments", {
      ApplicationId: Items[0]!.Id,
      EnvironmentId: environments.Items[0]!.Id,
    });
    expect(deployments.Items.map(({ State }) => State)).toEqual(["COMPLETE", "COMPLETE"]);
  });

  it("stops a deployment that bakes when the stack that started it gives up", async () => {
    const target = { ApplicationId: "a", EnvironmentId: "e", DeploymentNumber: 3 };
    const calls: unknown[] = [];
    const context = {
      call: async (_service: string, operation: string, input: unknown) => {
        calls.push([operation, input]);
        return { State: "BAKING" };
      },
    } as unknown as ProviderContext;
    await RESOURCE_TYPES["AWS::AppConfig::Deployment"]!.delete(
      { physicalId: "3", attributes: {}, properties: { ApplicationId: "a", EnvironmentId: "e" } },
      context,
    );
    expect(calls.at(-1)).toEqual(["StopDeployment", { ...target, AllowRevert: true }]);
  });
});

describe("stack tags", () => {
  const tagged = async (Tags: { Key: string; Value: string }[], operation: "CreateStack" | "UpdateStack") => {
    const topic = {
      Type: "AWS::SNS::Topic",
      Properties: { TopicName: "t", Tags: [{ Key: "own", Value: "template" }] },
    };
    await call("cloudformation", operation, {
      StackName: "app",
      TemplateBody: JSON.stringify({ Resources: { Role: role(), Fn: worker(), Topic: topic } }),
      Capabilities: ["CAPABILITY_NAMED_IAM"],
      Tags,
    });
    await aws.services.cloudformation.settled("app");
    const fn = await call<{ Tags: Record<string, string> }>("lambda", "GetFunction", { FunctionName: "worker" });
    const onTopic = await call<{ Tags: { Key: string; Value: string }[] }>("sns", "ListTagsForResource", {
      ResourceArn: "arn:aws:sns:us-east-1:111122223333:t",
    });
    return { team: fn.Tags.team, topic: Object.fromEntries(onTopic.Tags.map(({ Key, Value }) => [Key, Value])) };
  };

  it("go to every resource that has tags, the template's own winning, and follow the stack", async () => {
    const own = { Key: "own", Value: "stack" };
    expect(await tagged([{ Key: "team", Value: "a" }, own], "CreateStack")).toEqual({
      team: "a",
      topic: { team: "a", own: "template" },
    });
    expect(await tagged([{ Key: "team", Value: "b" }], "UpdateStack")).toMatchObject({
      team: "b",
      topic: { team: "b" },
    });
    expect(await tagged([], "UpdateStack")).toEqual({ team: undefined, topic: { own: "template" } });
  });
});

describe("alarms, messages, events and logs", () => {
  it("follow the template and are gone with the stack", async () => {
    const resources = (n: number): Resources => ({
      Topic: {
        Type: "AWS::SNS::Topic",
        Properties: { TopicName: "t", DisplayName: `display ${n}`, Tags: [{ Key: "n", Value: `${n}` }] },
      },
      Subscription: {
        Type: "AWS::SNS::Subscription",
        Properties: {
          TopicArn: { Ref: "Topic" },
          Protocol: "sqs",
          Endpoint: { "Fn::GetAtt": ["Queue", "Arn"] },
          RawMessageDelivery: n === 2,
        },
      },
      Queue: { Type: "AWS::SQS::Queue", Properties: { QueueName: "q", VisibilityTimeout: 30 * n } },
      QueuePolicy: {
        Type: "AWS::SQS::QueuePolicy",
        Properties: { Queues: [{ Ref: "Queue" }], PolicyDocument: allow(`sqs:${n}`) },
      },
      TopicPolicy: {
        Type: "AWS::SNS::TopicPolicy",
        Properties: { Topics: [{ Ref: "Topic" }], PolicyDocument: allow(`sns:Publish`) },
      },
      Alarm: {
        Type: "AWS::CloudWatch::Alarm",
        Properties: {
          AlarmName: "errors",
          Namespace: "AWS/Lambda",
          MetricName: "Errors",
          Statistic: "Sum",
          Period: 60,
          EvaluationPeriods: n,
          Threshold: 1,
          ComparisonOperator: "GreaterThanThreshold",
          AlarmActions: [{ Ref: "Topic" }],
        },
      },
      Composite: {
        Type: "AWS::CloudWatch::CompositeAlarm",
        Properties: { AlarmName: "any", AlarmRule: { "Fn::Sub": "ALARM(${Alarm})" } },
      },
      Rule: {
        Type: "AWS::Events::Rule",
        Properties: {
          Name: "r",
          EventPattern: { source: [`source-${n}`] },
          Targets: [{ Id: `T${n}`, Arn: { "Fn::GetAtt": ["Queue", "Arn"] } }],
        },
      },
      Group: { Type: "AWS::Logs::LogGroup", Properties: { LogGroupName: "/l", RetentionInDays: n === 1 ? 7 : 14 } },
      Parameter: { Type: "AWS::SSM::Parameter", Properties: { Name: "/p", Type: "String", Value: `${n}` } },
    });
    await deploy(resources(1));
    await deploy(resources(2));
    const { MetricAlarms } = await call<{ MetricAlarms: { EvaluationPeriods: number }[] }>(
      "cloudwatch",
      "DescribeAlarms",
      {},
    );
    expect(MetricAlarms.map((alarm) => alarm.EvaluationPeriods)).toEqual([2]);
    const queue = await call<{ QueueUrl: string }>("sqs", "GetQueueUrl", { QueueName: "q" });
    const { Attributes } = await call<{ Attributes: Record<string, string> }>("sqs", "GetQueueAttributes", {
      QueueUrl: queue.QueueUrl,
      AttributeNames: ["All"],
    });
    expect(Attributes).toMatchObject({ VisibilityTimeout: "60", Policy: expect.stringContaining("sqs:2") });
    const { Targets } = await call<{ Targets: { Id: string }[] }>("eventbridge", "ListTargetsByRule", { Rule: "r" });
    expect(Targets.map(({ Id }) => Id)).toEqual(["T2"]);
    const { logGroups } = await call<{ logGroups: { retentionInDays: number }[] }>(
      "cloudwatch-logs",
      "DescribeLogGroups",
      {},
    );
    expect(logGroups.map((group) => group.retentionInDays)).toEqual([14]);
    await destroy();
    expect(await call("cloudwatch", "DescribeAlarms", {})).toMatchObject({ MetricAlarms: [] });
    expect((await call<{ Topics?: unknown[] }>("sns", "ListTopics", {})).Topics ?? []).toEqual([]);
    expect((await call<{ Rules?: unknown[] }>("eventbridge", "ListRules", {})).Rules ?? []).toEqual([]);
    await expect(call("sqs", "GetQueueUrl", { QueueName: "q" })).rejects.toThrow();
  });
});

const keyPolicy = {
  Version: "2012-10-17",
  Statement: [
    { Effect: "Allow", Principal: { AWS: "arn:aws:iam::111122223333:root" }, Action: "kms:*", Resource: "*" },
  ],
};

describe("storage", () => {
  it("makes tables, buckets and keys, and changes their settings", async () => {
    const resources = (n: number): Resources => ({
      Table: {
        Type: "AWS::DynamoDB::Table",
        Properties: {
          TableName: "ledger",
          KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
          AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "S" }],
          BillingMode: "PAY_PER_REQUEST",
          TimeToLiveSpecification: { AttributeName: `expires${n}`, Enabled: true },
          SSESpecification: { SSEEnabled: true },
          DeletionProtectionEnabled: n === 1,
        },
      },
      Bucket: {
        Type: "AWS::S3::Bucket",
        Properties: { BucketName: "my-bucket", VersioningConfiguration: { Status: n === 1 ? "Enabled" : "Suspended" } },
      },
      Key: { Type: "AWS::KMS::Key", Properties: { KeyPolicy: keyPolicy, EnableKeyRotation: n === 2 } },
      Name: {
        Type: "AWS::KMS::Alias",
        Properties: { AliasName: "alias/k", TargetKeyId: { "Fn::GetAtt": ["Key", "Arn"] } },
      },
    });
    await deploy(resources(1));
    await deploy(resources(2));
    expect(await call("dynamodb", "DescribeTimeToLive", { TableName: "ledger" })).toMatchObject({
      TimeToLiveDescription: { AttributeName: "expires2" },
    });
    expect(await call("s3", "GetBucketVersioning", { Bucket: "my-bucket" })).toMatchObject({ Status: "Suspended" });
    expect(await call("kms", "GetKeyRotationStatus", { KeyId: "alias/k" })).toMatchObject({ KeyRotationEnabled: true });
    await destroy();
    expect((await call<{ TableNames: string[] }>("dynamodb", "ListTables", {})).TableNames).toEqual([]);
  });
});

describe("Step Functions", () => {
  const workflow = (seconds: number, properties: Record<string, unknown> = {}) => ({
    Type: "AWS::StepFunctions::StateMachine",
    Properties: {
      StateMachineName: "watch",
      RoleArn: { "Fn::GetAtt": ["Role", "Arn"] },
      DefinitionString: `{"StartAt":"Wait","States":{"Wait":{"Type":"Wait","Seconds":\${Seconds},"End":true}}}`,
      DefinitionSubstitutions: { Seconds: seconds },
      ...properties,
    },
  });
  const stateMachineArn = "arn:aws:states:us-east-1:111122223333:stateMachine:watch";
  const states = () => role({ AssumeRolePolicyDocument: trust("states.amazonaws.com") });

  it("keeps a state machine as the template says", async () => {
    await deploy({ Role: states(), Machine: workflow(1, { Tags: [{ Key: "a", Value: "1" }] }) });
    await deploy({
      Role: states(),
      Machine: workflow(2, { Tags: [{ Key: "b", Value: "2" }] }),
      Parameter: {
        Type: "AWS::SSM::Parameter",
        Properties: { Name: "/machine", Type: "String", Value: { "Fn::GetAtt": ["Machine", "Name"] } },
      },
    });
    const { definition } = await call<{ definition: string }>("sfn", "DescribeStateMachine", { stateMachineArn });
    expect(definition).toContain('"Seconds":2');
    expect(await call("sfn", "ListTagsForResource", { resourceArn: stateMachineArn })).toEqual({
      tags: [{ key: "b", value: "2" }],
    });
    expect(await call("ssm", "GetParameter", { Name: "/machine" })).toMatchObject({ Parameter: { Value: "watch" } });
    await destroy();
    await expect(call("sfn", "DescribeStateMachine", { stateMachineArn })).rejects.toThrow("Does Not Exist");
  });

  it("fails the deploy on what the local AWS does not run", async () => {
    const DefinitionString = '{"StartAt":"P","States":{"P":{"Type":"Parallel","Branches":[],"End":true}}}';
    await expect(deploy({ Role: states(), Machine: workflow(1, { DefinitionString }) })).rejects.toThrow(
      /state type Parallel/,
    );
  });
});
