import { describe, expect, it } from "vitest";
import { createTestWorld, MINUTE, START, type TestWorld } from "../cloudwatch/harness.ts";

async function queue(test: TestWorld, QueueName = "jobs", Attributes: Record<string, string> = {}) {
  const { QueueUrl } = await test.call("sqs", "CreateQueue", { QueueName, Attributes });
  return {
    QueueUrl,
    send: (MessageBody: string, more: Record<string, unknown> = {}) =>
      test.call("sqs", "SendMessage", { QueueUrl, MessageBody, ...more }),
    receive: async (more: Record<string, unknown> = {}) =>
      (await test.call("sqs", "ReceiveMessage", { QueueUrl, MaxNumberOfMessages: 10, ...more })).Messages ?? [],
    attributes: async (...AttributeNames: string[]) =>
      (await test.call("sqs", "GetQueueAttributes", { QueueUrl, AttributeNames })).Attributes,
  };
}

const bodies = (messages: { Body: string }[]) => messages.map((message) => message.Body);

describe("a queue", () => {
  it("has its URL under the world's endpoint, found by name and by ARN", async () => {
    const test = createTestWorld();
    test.world.endpoint = "http://127.0.0.1:4000";
    const { QueueUrl } = await queue(test);
    expect(QueueUrl).toBe("http://127.0.0.1:4000/111122223333/jobs");
    expect(await test.call("sqs", "GetQueueUrl", { QueueName: "jobs" })).toEqual({ QueueUrl });
    expect(test.sqs.queueUrlOf("arn:aws:sqs:us-east-1:111122223333:jobs")).toBe(QueueUrl);
    expect((await test.call("sqs", "ListQueues", { QueueNamePrefix: "jo" })).QueueUrls).toEqual([QueueUrl]);
  });

  it("digests bodies and attributes as SDKs check them", async () => {
    const test = createTestWorld();
    const { send, receive } = await queue(test);
    const attribute = (StringValue: string) => ({ DataType: "String", StringValue });
    const MessageAttributes = { Hello: attribute("There"), General: attribute("Kenobi"), "Help.Me": attribute("Me") };
    // Digests recorded from the real service, 2023-07.
    expect(await send("msg", { MessageAttributes })).toMatchObject({
      MD5OfMessageBody: "6e2baaf3b97dbeef01c0043275f9a0e7",
      MD5OfMessageAttributes: "4c360f3fdafd970e05fae2f149d997f5",
    });
    const [message] = await receive({ MessageAttributeNames: ["Hello", "General"], VisibilityTimeout: 0 });
    expect(message.MD5OfMessageAttributes).toBe("fca026605781cb4126a1e9044df24232");
    const [byPrefix] = await receive({ MessageAttributeNames: ["Hel.*"], VisibilityTimeout: 0 });
    expect(byPrefix.MD5OfMessageAttributes).toBe("83fee93c1bcd8b9a5a923ffacdc636c7");
    const [plain] = await receive();
    expect(plain).not.toHaveProperty("MessageAttributes");
  });

  it("hides a received message until its visibility timeout, and forgets a deleted one", async () => {
    const test = createTestWorld();
    const { QueueUrl, send, receive } = await queue(test);
    await send("a");
    const [first] = await receive();
    expect(await receive()).toEqual([]);
    await test.clock.advanceBy(30_000);
    const [second] = await receive({ MessageSystemAttributeNames: ["ApproximateReceiveCount"] });
    expect(second.Attributes).toEqual({ ApproximateReceiveCount: "2" });
    expect(second.ReceiptHandle).not.toBe(first.ReceiptHandle);
    await test.call("sqs", "DeleteMessage", { QueueUrl, ReceiptHandle: second.ReceiptHandle });
    await test.clock.advanceBy(MINUTE);
    expect(await receive()).toEqual([]);
  });

  it("shows a message again when its visibility is set to zero", async () => {
    const test = createTestWorld();
    const { QueueUrl, send, receive } = await queue(test);
    await send("a");
    const [{ ReceiptHandle }] = await receive();
    await test.call("sqs", "ChangeMessageVisibility", { QueueUrl, ReceiptHandle, VisibilityTimeout: 0 });
    expect(bodies(await receive())).toEqual(["a"]);
  });

  it("moves a message to the dead-letter queue after its receives are used up", async () => {
    const test = createTestWorld();
    const dead = await queue(test, "dead");
    const RedrivePolicy = JSON.stringify({
      deadLetterTargetArn: "arn:aws:sqs:us-east-1:111122223333:dead",
      maxReceiveCount: 2,
    });
    const source = await queue(test, "jobs", { RedrivePolicy });
    await source.send("poison");
    for (let attempt = 0; attempt < 2; attempt++)
      expect(await source.receive({ VisibilityTimeout: 0 })).toHaveLength(1);
    expect(await dead.receive()).toEqual([]);
    expect(await source.receive()).toEqual([]);
    expect(bodies(await dead.receive())).toEqual(["poison"]);
  });

  it("keeps messages back for their delay and drops them after the retention period", async () => {
    const test = createTestWorld();
    const { send, receive, attributes } = await queue(test, "jobs", { MessageRetentionPeriod: "120" });
    await send("late", { DelaySeconds: 60 });
    expect(await attributes("ApproximateNumberOfMessagesDelayed")).toEqual({ ApproximateNumberOfMessagesDelayed: "1" });
    await test.clock.advanceBy(59_000);
    expect(await receive()).toEqual([]);
    await test.clock.advanceBy(1000);
    expect(await receive({ VisibilityTimeout: 0 })).toHaveLength(1);
    await test.clock.advanceBy(MINUTE);
    expect(await receive()).toEqual([]);
  });

  it("waits for a message on virtual time when polled long", async () => {
    const test = createTestWorld();
    const { send, receive } = await queue(test);
    const answer = receive({ WaitTimeSeconds: 20 });
    test.clock.at(START + 5000, () => send("here"));
    await test.clock.advanceBy(5000);
    expect(bodies(await answer)).toEqual(["here"]);
  });

  it("ends a long poll with nothing when its time is over", async () => {
    const test = createTestWorld();
    const { receive } = await queue(test);
    const answer = receive({ WaitTimeSeconds: 20 });
    await test.clock.advanceBy(20_000);
    expect(await answer).toEqual([]);
  });

  it("ends a long poll when nobody drives the clock", async () => {
    const test = createTestWorld();
    const { receive } = await queue(test);
    expect(await receive({ WaitTimeSeconds: 20 })).toEqual([]);
    expect(test.clock.now()).toBe(START);
  });

  it("answers batches entry by entry", async () => {
    const test = createTestWorld();
    const { QueueUrl, receive } = await queue(test);
    const Entries = [
      { Id: "a", MessageBody: "1" },
      { Id: "b", MessageBody: "" },
    ];
    const { Successful, Failed } = await test.call("sqs", "SendMessageBatch", { QueueUrl, Entries });
    expect(Successful.map((entry: { Id: string }) => entry.Id)).toEqual(["a"]);
    expect(Failed).toMatchObject([{ Id: "b", SenderFault: true, Code: "MissingParameter" }]);
    const [{ ReceiptHandle }] = await receive();
    const deleted = { QueueUrl, Entries: [{ Id: "x", ReceiptHandle }] };
    expect(await test.call("sqs", "DeleteMessageBatch", deleted)).toEqual({ Successful: [{ Id: "x" }] });
    const twice = {
      QueueUrl,
      Entries: [
        { Id: "a", MessageBody: "1" },
        { Id: "a", MessageBody: "2" },
      ],
    };
    expect((await test.error("sqs", "SendMessageBatch", twice)).code).toBe(
      "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
    );
    const many = { QueueUrl, Entries: Array.from({ length: 20 }, (_, Id) => ({ Id: String(Id), MessageBody: "x" })) };
    expect((await test.error("sqs", "SendMessageBatch", many)).message).toBe(
      "Maximum number of entries per request are 10. You have sent 20.",
    );
  });

  it("publishes its depth each minute while it has something to say", async () => {
    const test = createTestWorld();
    const { QueueUrl, send, receive } = await queue(test);
    await queue(test, "idle");
    await send("a");
    await test.clock.advanceBy(2 * MINUTE);
    for (const { ReceiptHandle } of await receive())
      await test.call("sqs", "DeleteMessage", { QueueUrl, ReceiptHandle });
    await test.clock.advanceBy(5 * MINUTE);
    const read = async (name: string) => {
      const { Datapoints } = await test.call("cloudwatch", "GetMetricStatistics", {
        Namespace: "AWS/SQS",
        MetricName: "ApproximateNumberOfMessagesVisible",
        Dimensions: [{ Name: "QueueName", Value: name }],
        StartTime: new Date(START),
        EndTime: new Date(START + 10 * MINUTE),
        Period: 60,
        Statistics: ["Maximum"],
      });
      return Datapoints.map((point: { Maximum: number }) => point.Maximum);
    };
    expect(await read("jobs")).toEqual([1, 1, 0]);
    expect(await read("idle")).toEqual([]);
    expect(test.clock.nextTimerAt()).toBeUndefined();
  });

  it("refuses with the service's codes and words", async () => {
    const test = createTestWorld();
    const { QueueUrl } = await queue(test, "jobs", { DelaySeconds: "1" });
    const missing = { QueueUrl: "http://127.0.0.1/111122223333/nobody" };
    expect(await test.error("sqs", "GetQueueAttributes", missing)).toEqual({
      code: "AWS.SimpleQueueService.NonExistentQueue",
      status: 400,
      message: "The specified queue does not exist.",
    });
    const again = { QueueName: "jobs", Attributes: { DelaySeconds: "2" } };
    expect(await test.error("sqs", "CreateQueue", again)).toEqual({
      code: "QueueAlreadyExists",
      status: 400,
      message: "A queue already exists with the same name and a different value for attribute DelaySeconds",
    });
    expect((await test.error("sqs", "ReceiveMessage", { QueueUrl, MaxNumberOfMessages: 11 })).message).toBe(
      "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.",
    );
    const fifo = { QueueUrl, Attributes: { FifoQueue: "true" } };
    expect(await test.error("sqs", "SetQueueAttributes", fifo)).toMatchObject({
      code: "InvalidAttributeName",
      message: "Unknown Attribute FifoQueue.",
    });
    const both = { QueueUrl, Attributes: { KmsMasterKeyId: "k", SqsManagedSseEnabled: "true" } };
    expect((await test.error("sqs", "SetQueueAttributes", both)).message).toContain(
      "one type of server-side encryption",
    );
    const dummy = JSON.stringify({ deadLetterTargetArn: "dummy", maxReceiveCount: 42 });
    expect(
      (await test.error("sqs", "SetQueueAttributes", { QueueUrl, Attributes: { RedrivePolicy: dummy } })).message,
    ).toBe(`Value ${dummy} for parameter RedrivePolicy is invalid. Reason: Invalid value for deadLetterTargetArn.`);
    await test.call("sqs", "PurgeQueue", { QueueUrl });
    expect(await test.error("sqs", "PurgeQueue", { QueueUrl })).toMatchObject({ status: 403 });
  });

  it("records tags, policies and encryption", async () => {
    const test = createTestWorld();
    const { QueueUrl, attributes } = await queue(test, "jobs", { KmsMasterKeyId: "key" });
    expect(await attributes("KmsMasterKeyId", "SqsManagedSseEnabled")).toEqual({
      KmsMasterKeyId: "key",
      SqsManagedSseEnabled: "false",
    });
    await test.call("sqs", "TagQueue", { QueueUrl, Tags: { a: "1", b: "2" } });
    await test.call("sqs", "UntagQueue", { QueueUrl, TagKeys: ["a"] });
    expect(await test.call("sqs", "ListQueueTags", { QueueUrl })).toEqual({ Tags: { b: "2" } });
  });
});

describe("a FIFO queue", () => {
  const fifo = (test: TestWorld) => queue(test, "jobs.fifo", { FifoQueue: "true", ContentBasedDeduplication: "true" });

  it("keeps the order of a group while one of its messages is in flight", async () => {
    const test = createTestWorld();
    const { send, receive } = await fifo(test);
    await send("a1", { MessageGroupId: "a" });
    await send("a2", { MessageGroupId: "a" });
    await send("b1", { MessageGroupId: "b" });
    expect(bodies(await receive({ MaxNumberOfMessages: 1 }))).toEqual(["a1"]);
    expect(bodies(await receive({ MaxNumberOfMessages: 10 }))).toEqual(["b1"]);
  });

  it("drops what was sent in the last five minutes already", async () => {
    const test = createTestWorld();
    const { send, receive } = await fifo(test);
    const first = await send("same", { MessageGroupId: "a" });
    expect((await send("same", { MessageGroupId: "b" })).MessageId).toBe(first.MessageId);
    expect(await receive()).toHaveLength(1);
    await test.clock.advanceBy(5 * MINUTE);
    expect((await send("same", { MessageGroupId: "a" })).MessageId).not.toBe(first.MessageId);
  });

  it("wants a group", async () => {
    const test = createTestWorld();
    const { QueueUrl } = await fifo(test);
    expect(await test.error("sqs", "SendMessage", { QueueUrl, MessageBody: "x" })).toMatchObject({
      code: "MissingParameter",
      message: "The request must contain the parameter MessageGroupId.",
    });
  });
});
