import { describe, expect, it } from "vitest";
import { AwsError } from "../../../lib/local/kernel/errors.ts";
import { createTestWorld, drain, MINUTE, START, type TestWorld } from "../cloudwatch/harness.ts";

const FUNCTION = "arn:aws:lambda:us-east-1:111122223333:function:notify";
const TOPIC = "arn:aws:sns:us-east-1:111122223333:alerts";

async function topic(test: TestWorld) {
  const { TopicArn } = await test.call("sns", "CreateTopic", { Name: "alerts" });
  return {
    TopicArn,
    publish: (Message: string, more: Record<string, unknown> = {}) =>
      test.call("sns", "Publish", { TopicArn, Message, ...more }),
    subscribe: (Protocol: string, Endpoint: string, Attributes: Record<string, string> = {}) =>
      test.call("sns", "Subscribe", { TopicArn, Protocol, Endpoint, Attributes, ReturnSubscriptionArn: true }),
  };
}

async function queue(test: TestWorld, QueueName = "inbox") {
  const { QueueUrl } = await test.call("sqs", "CreateQueue", { QueueName });
  return { arn: `arn:aws:sqs:us-east-1:111122223333:${QueueName}`, QueueUrl, messages: () => drain(test, QueueUrl) };
}

describe("a topic", () => {
  it("is created once under its name, and refused with other tags or attributes", async () => {
    const test = createTestWorld();
    const tags = { Name: "alerts", Tags: [{ Key: "k", Value: "v" }] };
    expect(await test.call("sns", "CreateTopic", tags)).toEqual({ TopicArn: TOPIC });
    expect(await test.call("sns", "CreateTopic", { Name: "alerts" })).toEqual({ TopicArn: TOPIC });
    expect(await test.error("sns", "CreateTopic", { Name: "alerts", Tags: [{ Key: "x", Value: "y" }] })).toEqual({
      code: "InvalidParameter",
      status: 400,
      message: "Invalid parameter: Tags Reason: Topic already exists with different tags",
    });
    expect((await test.error("sns", "CreateTopic", { Name: "no spaces" })).message).toBe(
      "Invalid parameter: Topic Name",
    );
  });

  it("tells its attributes as AWS does", async () => {
    const test = createTestWorld();
    const { TopicArn, subscribe } = await topic(test);
    await subscribe("email", "ops@example.com");
    await subscribe("lambda", FUNCTION);
    await test.call("sns", "SetTopicAttributes", { TopicArn, AttributeName: "DisplayName", AttributeValue: "Alerts" });
    const { Attributes } = await test.call("sns", "GetTopicAttributes", { TopicArn });
    expect(Attributes).toMatchObject({
      TopicArn,
      Owner: "111122223333",
      DisplayName: "Alerts",
      SubscriptionsConfirmed: "1",
      SubscriptionsPending: "1",
    });
    expect(JSON.parse(Attributes.Policy).Statement[0].Resource).toBe(TopicArn);
  });

  it("is not found after it was deleted, and its subscriptions neither", async () => {
    const test = createTestWorld();
    const { TopicArn, subscribe } = await topic(test);
    await subscribe("lambda", FUNCTION);
    await test.call("sns", "DeleteTopic", { TopicArn });
    expect(await test.error("sns", "Publish", { TopicArn, Message: "x" })).toEqual({
      code: "NotFound",
      status: 404,
      message: "Topic does not exist",
    });
    expect((await test.call("sns", "ListSubscriptions")).Subscriptions).toEqual([]);
  });

  it("refuses messages with the service's words", async () => {
    const test = createTestWorld();
    const { TopicArn } = await topic(test);
    const refused = async (input: Record<string, unknown>) =>
      (await test.error("sns", "Publish", { TopicArn, Message: "m", ...input })).message;
    expect(await refused({ TopicArn: "randomstring" })).toBe(
      "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1",
    );
    expect(await refused({ Message: "" })).toBe("Invalid parameter: Empty message");
    expect(await refused({ Message: "x".repeat(262_145) })).toBe("Invalid parameter: Message too long");
    expect(await refused({ Subject: "" })).toBe("Invalid parameter: Subject");
    expect(await refused({ Subject: "two\nlines" })).toBe("Invalid parameter: Subject");
    expect(await refused({ MessageStructure: "json", Message: "{}" })).toBe(
      "Invalid parameter: Message Structure - No default entry in JSON message body",
    );
    expect(await refused({ MessageStructure: "json", Message: "no" })).toBe(
      "Invalid parameter: Message Structure - JSON message body failed to parse",
    );
    expect(await refused({ MessageAttributes: { attr1: { DataType: "String", StringValue: "" } } })).toBe(
      "The message attribute 'attr1' must contain non-empty message attribute value for message attribute type 'String'.",
    );
  });
});

describe("delivery", () => {
  it("wraps messages for queues in AWS's envelope", async () => {
    const test = createTestWorld();
    const { publish, subscribe } = await topic(test);
    const inbox = await queue(test);
    const { SubscriptionArn } = await subscribe("sqs", inbox.arn);
    const attribute = { DataType: "Number", StringValue: "111" };
    const { MessageId } = await publish("hello", { Subject: "s", MessageAttributes: { attr1: attribute } });
    await test.clock.settle();
    expect(await inbox.messages()).toEqual([
      {
        Type: "Notification",
        MessageId,
        TopicArn: TOPIC,
        Subject: "s",
        Message: "hello",
        Timestamp: "2026-01-05T10:00:00.000Z",
        SignatureVersion: "1",
        Signature: expect.any(String),
        SigningCertURL: expect.stringContaining("https://sns.us-east-1.amazonaws.com/SimpleNotificationService-"),
        UnsubscribeURL: `https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=${SubscriptionArn}`,
        MessageAttributes: { attr1: { Type: "Number", Value: "111" } },
      },
    ]);
  });

  it("leaves the message alone with raw delivery", async () => {
    const test = createTestWorld();
    const { publish, subscribe } = await topic(test);
    const inbox = await queue(test);
    await subscribe("sqs", inbox.arn, { RawMessageDelivery: "true" });
    await publish("plain");
    await test.clock.settle();
    expect(await inbox.messages()).toEqual(["plain"]);
  });

  it("invokes functions with a record, its URLs spelt the Lambda way", async () => {
    const test = createTestWorld();
    const { publish, subscribe } = await topic(test);
    const { SubscriptionArn } = await subscribe("lambda", FUNCTION);
    await publish("hello");
    await test.clock.settle();
    expect(test.invocations).toMatchObject([
      {
        functionName: FUNCTION,
        principal: "sns.amazonaws.com",
        payload: {
          Records: [
            {
              EventSource: "aws:sns",
              EventVersion: "1.0",
              EventSubscriptionArn: SubscriptionArn,
              Sns: {
                Message: "hello",
                Subject: null,
                MessageAttributes: {},
                SigningCertUrl: expect.any(String),
                UnsubscribeUrl: expect.any(String),
              },
            },
          ],
        },
      },
    ]);
  });

  it("keeps mails, and says whether the address was confirmed", async () => {
    const test = createTestWorld();
    const pending: { token: string }[] = [];
    test.world.observe(({ kind, detail }) => {
      if (kind === "subscription-pending") pending.push(detail as { token: string });
    });
    const { TopicArn, publish } = await topic(test);
    const mail = { TopicArn, Protocol: "email", Endpoint: "ops@example.com" };
    expect(await test.call("sns", "Subscribe", mail)).toEqual({ SubscriptionArn: "pending confirmation" });
    await publish("one", { Subject: "first" });
    await test.call("sns", "ConfirmSubscription", { TopicArn, Token: pending[0]?.token });
    const texts = { default: "other", email: "two" };
    await publish(JSON.stringify(texts), { MessageStructure: "json" });
    expect(test.sns.deliveredEmails()).toEqual([
      { atMs: START, topicArn: TOPIC, to: "ops@example.com", subject: "first", message: "one", confirmed: false },
      {
        atMs: START,
        topicArn: TOPIC,
        to: "ops@example.com",
        subject: "AWS Notification Message",
        message: "two",
        confirmed: true,
      },
    ]);
    expect((await test.error("sns", "ConfirmSubscription", { TopicArn, Token: "randomtoken" })).message).toBe(
      "Invalid parameter: Token",
    );
  });

  it("tells observers of every notification", async () => {
    const test = createTestWorld();
    const seen: unknown[] = [];
    test.world.observe(({ kind, detail }) => kind === "notification" && seen.push(detail));
    const { publish } = await topic(test);
    await publish("hello", { Subject: "s" });
    expect(seen).toEqual([{ topicArn: TOPIC, subject: "s", message: "hello" }]);
  });

  it("filters by attributes or by body", async () => {
    const test = createTestWorld();
    const { publish, subscribe } = await topic(test);
    const byAttribute = await queue(test, "by-attribute");
    const byBody = await queue(test, "by-body");
    await subscribe("sqs", byAttribute.arn, {
      RawMessageDelivery: "true",
      FilterPolicy: JSON.stringify({ severity: ["critical"], count: [{ numeric: [">", 3] }] }),
    });
    await subscribe("sqs", byBody.arn, {
      RawMessageDelivery: "true",
      FilterPolicyScope: "MessageBody",
      FilterPolicy: JSON.stringify({ NewStateValue: ["ALARM"] }),
    });
    const attributes = (severity: string, count: string) => ({
      MessageAttributes: {
        severity: { DataType: "String", StringValue: severity },
        count: { DataType: "Number", StringValue: count },
      },
    });
    await publish("a", attributes("critical", "4"));
    await publish("b", attributes("critical", "3"));
    await publish("c");
    await publish('{"NewStateValue":"ALARM"}');
    await publish('{"NewStateValue":"OK"}');
    await test.clock.settle();
    expect(await byAttribute.messages()).toEqual(["a"]);
    expect(await byBody.messages()).toEqual([{ NewStateValue: "ALARM" }]);
  });

  it("tries again while a function is throttled", async () => {
    const test = createTestWorld();
    const { publish, subscribe } = await topic(test);
    await subscribe("lambda", FUNCTION);
    const throttled = () => new AwsError("TooManyRequestsException", "Rate exceeded", { status: 429 });
    test.failLambda(...Array.from({ length: 5 }, throttled));
    await publish("hello");
    await test.clock.settle();
    expect(test.invocations).toHaveLength(0);
    await test.clock.advanceBy(MINUTE);
    expect(test.invocations).toHaveLength(1);
  });

  it("puts what cannot be delivered into the dead-letter queue at once", async () => {
    const test = createTestWorld();
    const { publish, subscribe } = await topic(test);
    const dead = await queue(test, "dead");
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: dead.arn });
    await subscribe("lambda", FUNCTION, { RedrivePolicy });
    test.failLambda(new AwsError("ResourceNotFoundException", "Function not found", { status: 404 }));
    await publish("hello");
    await test.clock.settle();
    expect(await dead.messages()).toMatchObject([{ Records: [{ Sns: { Message: "hello" } }] }]);
  });

  it("deduplicates and orders on FIFO topics", async () => {
    const test = createTestWorld();
    const Attributes = { FifoTopic: "true", ContentBasedDeduplication: "true" };
    const { TopicArn } = await test.call("sns", "CreateTopic", { Name: "alerts.fifo", Attributes });
    const message = { TopicArn, Message: "same", MessageGroupId: "g" };
    const first = await test.call("sns", "Publish", message);
    expect(await test.call("sns", "Publish", message)).toEqual(first);
    expect((await test.error("sns", "Publish", { TopicArn, Message: "x" })).message).toBe(
      "Invalid parameter: The MessageGroupId parameter is required for FIFO topics",
    );
  });

  it("publishes batches entry by entry", async () => {
    const test = createTestWorld();
    const { TopicArn } = await topic(test);
    const PublishBatchRequestEntries = [
      { Id: "1", Message: "ok" },
      { Id: "2", Message: "" },
    ];
    const { Successful, Failed } = await test.call("sns", "PublishBatch", { TopicArn, PublishBatchRequestEntries });
    expect(Successful).toMatchObject([{ Id: "1" }]);
    expect(Failed).toEqual([
      { Id: "2", Code: "InvalidParameter", Message: "Invalid parameter: Empty message", SenderFault: true },
    ]);
  });
});

describe("a subscription", () => {
  it("is refused where protocol or endpoint are wrong", async () => {
    const test = createTestWorld();
    const { TopicArn } = await topic(test);
    const refused = (Protocol: string, Endpoint: string, Attributes = {}) =>
      test.error("sns", "Subscribe", { TopicArn, Protocol, Endpoint, Attributes });
    expect((await refused("test-protocol", "x")).message).toBe(
      "Invalid parameter: Amazon SNS does not support this protocol string: test-protocol",
    );
    expect((await refused("sqs", "http://127.0.0.1/1/q")).message).toBe("Invalid parameter: SQS endpoint ARN");
    expect((await refused("email", "a@b.c;d@e.f")).message).toBe("Invalid parameter: Email address");
    expect((await refused("sms", "+1")).status).toBe(501);
    expect((await refused("lambda", FUNCTION, { RawMessageDelivery: "wrongvalue" })).message).toBe(
      "Invalid parameter: Attributes Reason: RawMessageDelivery: Invalid value [wrongvalue]. Must be true or false.",
    );
    expect((await refused("lambda", FUNCTION, { FilterPolicy: '{"key":[{"wrong-operator":true}]}' })).message).toBe(
      "Invalid parameter: Attributes Reason: FilterPolicy: Unrecognized match type wrong-operator",
    );
  });

  it("is made once, read, changed and ended", async () => {
    const test = createTestWorld();
    const { TopicArn, subscribe } = await topic(test);
    const { SubscriptionArn } = await subscribe("lambda", FUNCTION);
    expect(await subscribe("lambda", FUNCTION)).toEqual({ SubscriptionArn });
    const set = (AttributeName: string, AttributeValue: string) => ({ SubscriptionArn, AttributeName, AttributeValue });
    await test.call("sns", "SetSubscriptionAttributes", set("FilterPolicy", '{"a":["b"]}'));
    expect((await test.call("sns", "GetSubscriptionAttributes", { SubscriptionArn })).Attributes).toMatchObject({
      Endpoint: FUNCTION,
      PendingConfirmation: "false",
      FilterPolicy: '{"a":["b"]}',
      FilterPolicyScope: "MessageAttributes",
    });
    expect((await test.error("sns", "SetSubscriptionAttributes", set("Fake", "x"))).message).toBe(
      "Invalid parameter: AttributeName",
    );
    await test.call("sns", "Unsubscribe", { SubscriptionArn });
    await test.call("sns", "Unsubscribe", { SubscriptionArn });
    expect(await test.error("sns", "GetSubscriptionAttributes", { SubscriptionArn })).toEqual({
      code: "NotFound",
      status: 404,
      message: "Subscription does not exist",
    });
    expect((await test.call("sns", "ListSubscriptionsByTopic", { TopicArn })).Subscriptions).toEqual([]);
  });
});
