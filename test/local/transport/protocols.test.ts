import {
  AppConfigClient,
  CreateHostedConfigurationVersionCommand,
  GetDeploymentCommand,
  ResourceNotFoundException as MissingProfile,
} from "@aws-sdk/client-appconfig";
import { AppConfigDataClient, GetLatestConfigurationCommand } from "@aws-sdk/client-appconfigdata";
import { CloudFormationClient, CreateStackCommand, DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import {
  CloudWatchClient,
  LimitExceededFault,
  PutMetricAlarmCommand,
  PutMetricDataCommand,
} from "@aws-sdk/client-cloudwatch";
import {
  CodeDeployClient,
  GetDeploymentCommand as GetRelease,
  StopDeploymentCommand,
} from "@aws-sdk/client-codedeploy";
import {
  GetAliasCommand,
  InvokeCommand,
  LambdaClient,
  ListFunctionsCommand,
  ResourceNotFoundException,
  TooManyRequestsException,
} from "@aws-sdk/client-lambda";
import { NotFoundException, PublishCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { SendMessageBatchCommand, SQSClient } from "@aws-sdk/client-sqs";
import { AwsSmithyRpcV2CborProtocol } from "@aws-sdk/core/protocols";
import { afterEach, describe, expect, it } from "vitest";
import { AwsError } from "../../../lib/local/kernel/errors.ts";
import { serveToys } from "./toys.ts";

const servers: { close(): Promise<void> }[] = [];

async function serve(...parameters: Parameters<typeof serveToys>) {
  const toys = await serveToys(...parameters);
  servers.push(toys.server);
  return toys;
}

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const failing = (error: AwsError) => () => {
  throw error;
};

describe("JSON 1.1", () => {
  it("gives handlers Dates back as Dates and writes theirs as epoch seconds", async () => {
    const createTime = new Date("2026-01-01T00:00:00.250Z");
    const { client } = await serve({ codedeploy: { GetDeployment: () => ({ deploymentInfo: { createTime } }) } });
    const reply = await new CodeDeployClient(client).send(new GetRelease({ deploymentId: "d-1" }));
    expect(reply.deploymentInfo?.createTime).toEqual(createTime);
  });

  it("answers a missing member with the exception that CodeDeploy has for it", async () => {
    const { client } = await serve({ codedeploy: { StopDeployment: () => ({}) } });
    const call = new CodeDeployClient(client).send(new StopDeploymentCommand({ deploymentId: undefined }));
    await expect(call).rejects.toMatchObject({ name: "DeploymentIdRequiredException" });
  });

  it("answers a member of the wrong type with SerializationException naming it", async () => {
    const { server } = await serve({ codedeploy: { StopDeployment: () => ({}) } });
    const reply = await fetch(server.endpoint, {
      method: "POST",
      headers: { ...signed("codedeploy"), "x-amz-target": "CodeDeploy_20141006.StopDeployment" },
      body: JSON.stringify({ deploymentId: 7 }),
    });
    expect(reply.status).toBe(400);
    expect(await reply.json()).toEqual({
      __type: "SerializationException",
      message: "deploymentId must be a string, found number",
    });
  });
});

describe("REST JSON", () => {
  it("decodes each path segment after splitting, so that function ARNs arrive whole", async () => {
    const { client, seen } = await serve({ lambda: { GetAlias: () => ({ Name: "live" }) } });
    const FunctionName = "arn:aws:lambda:us-east-1:111122223333:function:f";
    await new LambdaClient(client).send(new GetAliasCommand({ FunctionName, Name: "live" }));
    expect(seen[0]?.input).toEqual({ FunctionName, Name: "live" });
  });

  it("carries an invocation's payload, headers and status code both ways", async () => {
    const { client, seen } = await serve({
      lambda: {
        Invoke: () => ({ StatusCode: 202, ExecutedVersion: "3", Payload: new TextEncoder().encode('{"ok":true}') }),
      },
    });
    const reply = await new LambdaClient(client).send(
      new InvokeCommand({ FunctionName: "f", Qualifier: "live", InvocationType: "Event", Payload: "{}" }),
    );
    expect(seen[0]?.input).toMatchObject({ FunctionName: "f", Qualifier: "live", InvocationType: "Event" });
    expect(new TextDecoder().decode(seen[0]?.input.Payload as Uint8Array)).toBe("{}");
    expect(reply.StatusCode).toBe(202);
    expect(reply.ExecutedVersion).toBe("3");
    expect(reply.Payload?.transformToString()).toBe('{"ok":true}');
  });

  it("reads numbers from the query string", async () => {
    const { client, seen } = await serve({ lambda: { ListFunctions: () => ({ Functions: [] }) } });
    await new LambdaClient(client).send(new ListFunctionsCommand({ MaxItems: 5 }));
    expect(seen[0]?.input).toEqual({ MaxItems: 5 });
  });

  it("accepts the trailing slash that other SDKs send", async () => {
    const { server, seen } = await serve({ lambda: { ListFunctions: () => ({ Functions: [] }) } });
    const reply = await fetch(`${server.endpoint}/2015-03-31/functions/`, { headers: signed("lambda") });
    expect(reply.status).toBe(200);
    expect(seen).toHaveLength(1);
  });

  it("writes AppConfig's hosted versions as headers and raw content", async () => {
    const Content = new TextEncoder().encode("flags");
    const { client, seen } = await serve({
      appconfig: {
        CreateHostedConfigurationVersion: () => ({
          VersionNumber: 4,
          ContentType: "text/plain",
          VersionLabel: "v4",
          Content,
        }),
      },
    });
    const reply = await new AppConfigClient(client).send(
      new CreateHostedConfigurationVersionCommand({
        ApplicationId: "app",
        ConfigurationProfileId: "profile",
        ContentType: "application/json",
        LatestVersionNumber: 3,
        Content,
      }),
    );
    expect(seen[0]?.input).toMatchObject({ ContentType: "application/json", LatestVersionNumber: 3 });
    expect(reply).toMatchObject({ VersionNumber: 4, ContentType: "text/plain", VersionLabel: "v4" });
    expect(new TextDecoder().decode(reply.Content)).toBe("flags");
  });

  it("tells AppConfig's data API from AppConfig although both sign as appconfig", async () => {
    const { client, seen } = await serve({
      appconfigdata: {
        GetLatestConfiguration: () => ({ NextPollConfigurationToken: "next", NextPollIntervalInSeconds: 30 }),
      },
    });
    const reply = await new AppConfigDataClient(client).send(
      new GetLatestConfigurationCommand({ ConfigurationToken: "t" }),
    );
    expect(seen[0]?.input).toEqual({ ConfigurationToken: "t" });
    expect(reply).toMatchObject({ NextPollConfigurationToken: "next", NextPollIntervalInSeconds: 30 });
  });

  it("writes AppConfig's times as ISO 8601 and reads numbers from the path", async () => {
    const StartedAt = new Date("2026-01-01T00:00:00Z");
    const { client, seen } = await serve({ appconfig: { GetDeployment: () => ({ StartedAt }) } });
    const reply = await new AppConfigClient(client).send(
      new GetDeploymentCommand({ ApplicationId: "a", EnvironmentId: "e", DeploymentNumber: 12 }),
    );
    expect(seen[0]?.input.DeploymentNumber).toBe(12);
    expect(reply.StartedAt).toEqual(StartedAt);
  });

  it("spells the message of an error as its shape does and adds its other members", async () => {
    const { client } = await serve({
      lambda: {
        GetAlias: failing(new AwsError("ResourceNotFoundException", "Alias not found")),
        Invoke: failing(
          new AwsError("TooManyRequestsException", "Rate Exceeded.", {
            members: { Reason: "CallerRateLimitExceeded", retryAfterSeconds: "9" },
          }),
        ),
      },
    });
    const lambda = new LambdaClient(client);
    const missing = await lambda.send(new GetAliasCommand({ FunctionName: "f", Name: "x" })).catch((error) => error);
    expect(missing).toBeInstanceOf(ResourceNotFoundException);
    expect(missing).toMatchObject({ message: "Alias not found", Type: "User", $metadata: { httpStatusCode: 404 } });
    const throttled = await lambda.send(new InvokeCommand({ FunctionName: "f" })).catch((error) => error);
    expect(throttled).toBeInstanceOf(TooManyRequestsException);
    expect(throttled).toMatchObject({ Reason: "CallerRateLimitExceeded", $metadata: { httpStatusCode: 429 } });
    expect(throttled.$response?.headers["retry-after"]).toBe("9");
  });

  it("finds the error class of an AppConfig exception", async () => {
    const error = new AwsError("ResourceNotFoundException", "no", { members: { ResourceName: "Deployment" } });
    const { client } = await serve({ appconfig: { GetDeployment: failing(error) } });
    const got = await new AppConfigClient(client)
      .send(new GetDeploymentCommand({ ApplicationId: "a", EnvironmentId: "e", DeploymentNumber: 1 }))
      .catch((caught) => caught);
    expect(got).toBeInstanceOf(MissingProfile);
    expect(got.ResourceName).toBe("Deployment");
  });
});

describe("query", () => {
  it("reads maps and lists from form parameters and writes XML", async () => {
    const { client, seen } = await serve({
      sns: {
        Subscribe: () => ({ SubscriptionArn: "arn:a&b" }),
        Publish: () => ({ MessageId: "m" }),
      },
    });
    const sns = new SNSClient(client);
    const reply = await sns.send(
      new SubscribeCommand({
        TopicArn: "t",
        Protocol: "sqs",
        Attributes: { RawMessageDelivery: "true", FilterPolicy: '{"a":[1]}' },
      }),
    );
    expect(reply.SubscriptionArn).toBe("arn:a&b");
    expect(seen[0]?.input.Attributes).toEqual({ RawMessageDelivery: "true", FilterPolicy: '{"a":[1]}' });
    await sns.send(
      new PublishCommand({
        TopicArn: "t",
        Message: "é",
        MessageAttributes: { kind: { DataType: "String", StringValue: "x" } },
      }),
    );
    expect(seen[1]?.input).toMatchObject({
      Message: "é",
      MessageAttributes: { kind: { DataType: "String", StringValue: "x" } },
    });
  });

  it("writes nested lists and times of CloudFormation", async () => {
    const CreationTime = new Date("2026-01-01T00:00:00.123Z");
    const { client, seen } = await serve({
      cloudformation: {
        CreateStack: () => ({ StackId: "id" }),
        DescribeStacks: () => ({
          Stacks: [
            {
              StackName: "s",
              CreationTime,
              StackStatus: "CREATE_COMPLETE",
              Outputs: [{ OutputKey: "k", OutputValue: "<v>" }],
            },
          ],
        }),
      },
    });
    const cloudformation = new CloudFormationClient(client);
    await cloudformation.send(
      new CreateStackCommand({
        StackName: "s",
        Capabilities: ["CAPABILITY_IAM"],
        Parameters: [{ ParameterKey: "a", ParameterValue: "b" }],
      }),
    );
    expect(seen[0]?.input).toEqual({
      StackName: "s",
      Capabilities: ["CAPABILITY_IAM"],
      Parameters: [{ ParameterKey: "a", ParameterValue: "b" }],
    });
    const { Stacks } = await cloudformation.send(new DescribeStacksCommand({}));
    expect(Stacks?.[0]).toMatchObject({ CreationTime, Outputs: [{ OutputKey: "k", OutputValue: "<v>" }] });
  });

  it("answers errors under their query code", async () => {
    const { client } = await serve({
      sns: { Publish: failing(new AwsError("NotFoundException", "Topic does not exist")) },
    });
    const error = await new SNSClient(client)
      .send(new PublishCommand({ TopicArn: "t", Message: "m" }))
      .catch((caught) => caught);
    expect(error).toBeInstanceOf(NotFoundException);
    expect(error).toMatchObject({ Code: "NotFound", Type: "Sender", $metadata: { httpStatusCode: 404 } });
  });

  it("serves older clients of CloudWatch", async () => {
    const { server, seen } = await serve({ cloudwatch: { PutMetricData: () => ({}) } });
    const form = new URLSearchParams({
      Action: "PutMetricData",
      Version: "2010-08-01",
      Namespace: "N",
      "MetricData.member.1.MetricName": "m",
      "MetricData.member.1.Value": "1.5",
      "MetricData.member.1.Dimensions.member.1.Name": "d",
      "MetricData.member.1.Dimensions.member.1.Value": "v",
      "MetricData.member.1.Timestamp": "2026-01-01T00:00:00Z",
    });
    const reply = await fetch(server.endpoint, { method: "POST", headers: signed("monitoring"), body: form });
    expect(reply.status).toBe(200);
    expect(await reply.text()).toContain("<PutMetricDataResponse");
    expect(seen[0]?.input).toEqual({
      Namespace: "N",
      MetricData: [
        {
          MetricName: "m",
          Value: 1.5,
          Dimensions: [{ Name: "d", Value: "v" }],
          Timestamp: new Date("2026-01-01T00:00:00Z"),
        },
      ],
    });
  });

  it("serves older clients of SQS, whose lists are flattened", async () => {
    const { server, seen } = await serve({
      sqs: { CreateQueue: () => ({ QueueUrl: "u" }), ListQueues: () => ({ QueueUrls: ["a", "b"] }) },
    });
    const send = (parameters: Record<string, string>) =>
      fetch(server.endpoint, {
        method: "POST",
        headers: signed("sqs"),
        body: new URLSearchParams({ Version: "2012-11-05", ...parameters }),
      });
    await send({
      Action: "CreateQueue",
      QueueName: "q",
      "Attribute.1.Name": "VisibilityTimeout",
      "Attribute.1.Value": "5",
    });
    expect(seen[0]?.input).toEqual({ QueueName: "q", Attributes: { VisibilityTimeout: "5" } });
    const reply = await send({ Action: "ListQueues" });
    expect(await reply.text()).toContain(
      "<ListQueuesResult><QueueUrl>a</QueueUrl><QueueUrl>b</QueueUrl></ListQueuesResult>",
    );
  });

  it("names all missing members together", async () => {
    const { client } = await serve({ cloudformation: { CreateStack: () => ({}) } });
    const call = new CloudFormationClient(client).send(new CreateStackCommand({ StackName: undefined }));
    await expect(call).rejects.toMatchObject({
      name: "ValidationError",
      message:
        "1 validation error detected: Value null at 'stackName' failed to satisfy constraint: Member must not be null",
    });
  });
});

describe("CloudWatch", () => {
  const fault = new AwsError("LimitExceededFault", "too many");

  it("adds the query code to errors of its JSON protocol", async () => {
    const { client } = await serve({ cloudwatch: { PutMetricAlarm: failing(fault) } });
    const error = await new CloudWatchClient(client).send(alarm()).catch((caught) => caught);
    expect(error).toBeInstanceOf(LimitExceededFault);
    expect(error.Code).toBe("LimitExceeded");
  });

  it("reads gzip-compressed metric data", async () => {
    const { client, seen } = await serve({ cloudwatch: { PutMetricData: () => ({}) } });
    const MetricData = Array.from({ length: 600 }, (_, index) => ({ MetricName: `m${index}`, Value: index }));
    await new CloudWatchClient(client).send(new PutMetricDataCommand({ Namespace: "N", MetricData }));
    expect(seen[0]?.input.MetricData).toEqual(MetricData);
  });

  it("speaks CBOR with clients that ask for it", async () => {
    const { client, seen } = await serve({ cloudwatch: { PutMetricData: () => ({}), PutMetricAlarm: failing(fault) } });
    const cloudwatch = new CloudWatchClient({ ...client, protocol: AwsSmithyRpcV2CborProtocol });
    const Timestamp = new Date("2026-01-01T00:00:00.500Z");
    await cloudwatch.send(
      new PutMetricDataCommand({ Namespace: "N", MetricData: [{ MetricName: "m", Value: 0.25, Timestamp }] }),
    );
    expect(seen[0]?.input).toEqual({ Namespace: "N", MetricData: [{ MetricName: "m", Value: 0.25, Timestamp }] });
    const error = await cloudwatch.send(alarm()).catch((caught) => caught);
    expect(error).toBeInstanceOf(LimitExceededFault);
  });

  function alarm() {
    return new PutMetricAlarmCommand({
      AlarmName: "a",
      EvaluationPeriods: 1,
      ComparisonOperator: "GreaterThanThreshold",
    });
  }
});

describe("JSON 1.0", () => {
  it("carries blobs of SQS message attributes", async () => {
    const { client, seen } = await serve({ sqs: { SendMessageBatch: () => ({ Successful: [], Failed: [] }) } });
    const BinaryValue = new Uint8Array([0, 255]);
    await new SQSClient(client).send(
      new SendMessageBatchCommand({
        QueueUrl: "http://queue",
        Entries: [{ Id: "1", MessageBody: "b", MessageAttributes: { a: { DataType: "Binary", BinaryValue } } }],
      }),
    );
    expect(seen[0]?.input).toMatchObject({ Entries: [{ MessageAttributes: { a: { BinaryValue } } }] });
  });
});

function signed(service: string, region = "us-east-1"): Record<string, string> {
  return {
    authorization: `AWS4-HMAC-SHA256 Credential=AKIDTEST/20260101/${region}/${service}/aws4_request, SignedHeaders=host, Signature=0`,
  };
}
