import { describe, expect, it } from "vitest";
import { AwsError } from "../../../lib/local/kernel/errors.ts";
import { createTestWorld, drain, MINUTE, START, type TestWorld } from "../cloudwatch/harness.ts";

const FUNCTION = "arn:aws:lambda:us-east-1:111122223333:function:respond";

async function rule(test: TestWorld, target: Record<string, unknown> = {}, pattern: unknown = { source: ["shop"] }) {
  await test.call("eventbridge", "PutRule", { Name: "r", EventPattern: JSON.stringify(pattern) });
  await test.call("eventbridge", "PutTargets", { Rule: "r", Targets: [{ Id: "t", Arn: FUNCTION, ...target }] });
}

const send = (test: TestWorld, detail: unknown = { n: 1 }) =>
  test.call("eventbridge", "PutEvents", {
    Entries: [{ Source: "shop", DetailType: "order", Detail: JSON.stringify(detail), Resources: ["arn:x"] }],
  });
const payloads = (test: TestWorld) => test.invocations.map((invocation) => invocation.payload);

async function queue(test: TestWorld, QueueName: string) {
  const { QueueUrl } = await test.call("sqs", "CreateQueue", { QueueName });
  return { arn: `arn:aws:sqs:us-east-1:111122223333:${QueueName}`, QueueUrl, messages: () => drain(test, QueueUrl) };
}

async function metric(test: TestWorld, name: string): Promise<number> {
  const { Datapoints } = await test.call("cloudwatch", "GetMetricStatistics", {
    Namespace: "AWS/Events",
    MetricName: name,
    Dimensions: [{ Name: "RuleName", Value: "r" }],
    StartTime: new Date(START),
    EndTime: new Date(START + 60 * MINUTE),
    Period: 3600,
    Statistics: ["Sum"],
  });
  return Datapoints[0]?.Sum ?? 0;
}

describe("a rule", () => {
  it("sends matching events to its function, after the delivery delay, as events.amazonaws.com", async () => {
    const test = createTestWorld();
    await rule(test);
    const { Entries } = await send(test);
    await test.clock.advanceBy(499);
    expect(test.invocations).toEqual([]);
    await test.clock.advanceBy(1);
    expect(test.invocations).toEqual([
      {
        functionName: FUNCTION,
        principal: "events.amazonaws.com",
        atMs: START + 500,
        payload: {
          version: "0",
          id: Entries[0].EventId,
          "detail-type": "order",
          source: "shop",
          account: "111122223333",
          time: "2026-01-05T10:00:00Z",
          region: "us-east-1",
          resources: ["arn:x"],
          detail: { n: 1 },
        },
      },
    ]);
    expect(await metric(test, "MatchedEvents")).toBe(1);
    expect(await metric(test, "Invocations")).toBe(1);
  });

  it("gets events of AWS services, and not those that do not match or come while it is off", async () => {
    const test = createTestWorld();
    await rule(test, {}, { source: ["aws.codedeploy"], detail: { state: ["FAILURE"] } });
    const emit = (state: string) =>
      test.world.links.emitEvent({ source: "aws.codedeploy", detailType: "d", resources: [], detail: { state } });
    emit("SUCCESS");
    emit("FAILURE");
    await test.call("eventbridge", "DisableRule", { Name: "r" });
    emit("FAILURE");
    await test.clock.advanceBy(1000);
    expect(test.invocations).toHaveLength(1);
    await test.call("eventbridge", "EnableRule", { Name: "r" });
    emit("FAILURE");
    await test.clock.advanceBy(1000);
    expect(test.invocations).toHaveLength(2);
  });

  it("gives targets a constant, a part of the event, or a transformed text", async () => {
    const test = createTestWorld();
    const inputs = [
      { Input: '{"fixed":true}' },
      { InputPath: "$.detail.list[1]" },
      {
        InputTransformer: {
          InputPathsMap: { n: "$.detail.n", name: "$.detail.name" },
          InputTemplate: '{"n": <n>, "name": <name>, "text": "<name> has \\"<n>\\"", "rule": "<aws.events.rule-name>"}',
        },
      },
    ];
    for (const [index, input] of inputs.entries()) await rule(test, { Id: `t${index}`, ...input });
    await test.call("eventbridge", "RemoveTargets", { Rule: "r", Ids: ["t"] });
    await send(test, { n: 3, name: "Ann", list: [1, { deep: 2 }] });
    await test.clock.advanceBy(1000);
    expect(payloads(test)).toEqual([
      { fixed: true },
      { deep: 2 },
      { n: 3, name: "Ann", text: 'Ann has "3"', rule: "r" },
    ]);
  });

  it("reaches topics, queues and other buses", async () => {
    const test = createTestWorld();
    const inbox = await queue(test, "inbox");
    const { TopicArn } = await test.call("sns", "CreateTopic", { Name: "mail" });
    await test.call("sns", "Subscribe", { TopicArn, Protocol: "email", Endpoint: "a@example.com" });
    const { EventBusArn } = await test.call("eventbridge", "CreateEventBus", { Name: "other" });
    await rule(test, { Arn: inbox.arn });
    await rule(test, { Id: "topic", Arn: TopicArn });
    await rule(test, { Id: "bus", Arn: EventBusArn });
    const forwarded = { Name: "f", EventBusName: "other", EventPattern: '{"detail-type":["order"]}' };
    await test.call("eventbridge", "PutRule", forwarded);
    const Targets = [{ Id: "t", Arn: FUNCTION }];
    await test.call("eventbridge", "PutTargets", { Rule: "f", EventBusName: "other", Targets });
    await send(test);
    await test.clock.advanceBy(2000);
    expect(await inbox.messages()).toMatchObject([{ source: "shop" }]);
    expect(JSON.parse(test.sns.deliveredEmails()[0]?.message ?? "")).toMatchObject({ source: "shop" });
    expect(payloads(test)).toMatchObject([{ source: "shop" }]);
  });

  it("tries again while a target is unavailable, as long as its retry policy allows", async () => {
    const test = createTestWorld();
    const dead = await queue(test, "dead");
    await rule(test, { RetryPolicy: { MaximumRetryAttempts: 2 }, DeadLetterConfig: { Arn: dead.arn } });
    const down = () => new AwsError("ServiceException", "down", { status: 500 });
    test.failLambda(down(), down());
    await send(test);
    await test.clock.advanceBy(MINUTE);
    expect(test.invocations).toHaveLength(1);
    test.failLambda(down(), down(), down());
    await send(test, { lost: true });
    await test.clock.advanceBy(MINUTE);
    expect(test.invocations).toHaveLength(1);
    const { Messages } = await test.call("sqs", "ReceiveMessage", {
      QueueUrl: dead.QueueUrl,
      MessageAttributeNames: ["All"],
    });
    expect(JSON.parse(Messages[0].Body).detail).toEqual({ lost: true });
    expect(Messages[0].MessageAttributes).toMatchObject({
      ERROR_CODE: { StringValue: "ServiceException" },
      EXHAUSTED_RETRY_CONDITION: { StringValue: "MaximumRetryAttempts" },
      RETRY_ATTEMPTS: { StringValue: "2" },
      TARGET_ARN: { StringValue: FUNCTION },
    });
    expect(await metric(test, "FailedInvocations")).toBe(1);
  });

  it("gives up at once on a target that is not there", async () => {
    const test = createTestWorld();
    const dead = await queue(test, "dead");
    await rule(test, { DeadLetterConfig: { Arn: dead.arn } });
    test.failLambda(new AwsError("ResourceNotFoundException", "gone", { status: 404 }));
    await send(test);
    await test.clock.advanceBy(500);
    expect(await dead.messages()).toHaveLength(1);
  });

  it("fires on schedule until it is disabled", async () => {
    const test = createTestWorld();
    await test.call("eventbridge", "PutRule", { Name: "r", ScheduleExpression: "rate(5 minutes)" });
    await test.call("eventbridge", "PutTargets", { Rule: "r", Targets: [{ Id: "t", Arn: FUNCTION }] });
    await test.clock.advanceBy(11 * MINUTE);
    expect(test.invocations.map((invocation) => invocation.atMs)).toEqual([
      START + 5 * MINUTE + 500,
      START + 10 * MINUTE + 500,
    ]);
    expect(payloads(test)[0]).toMatchObject({ source: "aws.events", "detail-type": "Scheduled Event", detail: {} });
    await test.call("eventbridge", "DisableRule", { Name: "r" });
    await test.clock.advanceBy(60 * MINUTE);
    expect(test.invocations).toHaveLength(2);
  });

  it("fires by cron at its minutes, hours and week days", async () => {
    const test = createTestWorld();
    await test.call("eventbridge", "PutRule", { Name: "r", ScheduleExpression: "cron(0/30 8,11 ? * MON-TUE *)" });
    await test.call("eventbridge", "PutTargets", { Rule: "r", Targets: [{ Id: "t", Arn: FUNCTION }] });
    await test.clock.advanceBy(3 * 24 * 60 * MINUTE);
    const times = test.invocations.map(({ atMs }) => new Date(atMs - 500).toISOString().slice(8, 16));
    expect(times).toEqual(["05T11:00", "05T11:30", "06T08:00", "06T08:30", "06T11:00", "06T11:30"]);
    expect(
      (await test.error("eventbridge", "PutRule", { Name: "x", ScheduleExpression: "cron(0 8 L * ? *)" })).status,
    ).toBe(501);
  });

  it("is refused with the service's codes and words", async () => {
    const test = createTestWorld();
    const refused = (operation: string, input: Record<string, unknown>) => test.error("eventbridge", operation, input);
    expect(await refused("DescribeRule", { Name: "nope" })).toEqual({
      code: "ResourceNotFoundException",
      status: 400,
      message: "Rule nope does not exist on EventBus default.",
    });
    expect((await refused("PutRule", { Name: "a" })).message).toBe(
      "Parameter(s) EventPattern or ScheduleExpression must be specified.",
    );
    expect(await refused("PutRule", { Name: "a", EventPattern: "{" })).toEqual({
      code: "InvalidEventPatternException",
      status: 400,
      message: "Event pattern is not valid. Reason: Invalid JSON",
    });
    expect((await refused("PutRule", { Name: "a", ScheduleExpression: "rate(1 minutes)" })).message).toBe(
      "Parameter ScheduleExpression is not valid.",
    );
    await rule(test);
    expect((await refused("DeleteRule", { Name: "r" })).message).toBe("Rule can't be deleted since it has targets.");
    const Targets = Array.from({ length: 5 }, (_, index) => ({ Id: `t${index}`, Arn: FUNCTION }));
    expect((await refused("PutTargets", { Rule: "r", Targets })).code).toBe("LimitExceededException");
    const kinesis = [{ Id: "x", Arn: "arn:aws:kinesis:us-east-1:111122223333:stream/s" }];
    expect((await refused("PutTargets", { Rule: "r", Targets: kinesis })).status).toBe(501);
    expect((await refused("DeleteEventBus", { Name: "default" })).message).toBe("Cannot delete event bus default.");
  });

  it("is listed, described, replaced and deleted", async () => {
    const test = createTestWorld();
    await rule(test);
    await test.call("eventbridge", "PutRule", { Name: "r", EventPattern: '{"source":["other"]}', Description: "d" });
    expect(await test.call("eventbridge", "DescribeRule", { Name: "r" })).toMatchObject({
      Arn: "arn:aws:events:us-east-1:111122223333:rule/r",
      State: "ENABLED",
      Description: "d",
      EventPattern: '{"source":["other"]}',
    });
    expect((await test.call("eventbridge", "ListTargetsByRule", { Rule: "r" })).Targets).toEqual([
      { Id: "t", Arn: FUNCTION },
    ]);
    expect((await test.call("eventbridge", "ListRules", { NamePrefix: "r" })).Rules).toHaveLength(1);
    await test.call("eventbridge", "RemoveTargets", { Rule: "r", Ids: ["t"] });
    await test.call("eventbridge", "DeleteRule", { Name: "r" });
    expect((await test.call("eventbridge", "ListRules")).Rules).toEqual([]);
  });
});

describe("PutEvents", () => {
  it("says what is wrong with each entry", async () => {
    const test = createTestWorld();
    const entry = { Source: "shop", DetailType: "order", Detail: "{}" };
    const { Entries, FailedEntryCount } = await test.call("eventbridge", "PutEvents", {
      Entries: [entry, { ...entry, Source: undefined }, { ...entry, Detail: "[]" }, { ...entry, Source: "aws.x" }],
    });
    expect(FailedEntryCount).toBe(3);
    expect(Entries.slice(1)).toEqual([
      {
        ErrorCode: "InvalidArgument",
        ErrorMessage: "Parameter Source is not valid. Reason: Source is a required argument.",
      },
      { ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed." },
      { ErrorCode: "NotAuthorizedForSourceException", ErrorMessage: "Not authorized for the source." },
    ]);
  });

  it("takes ten entries and 256 KB at most", async () => {
    const test = createTestWorld();
    const entry = { Source: "shop", DetailType: "order", Detail: "{}" };
    const many = await test.error("eventbridge", "PutEvents", { Entries: Array.from({ length: 11 }, () => entry) });
    expect(many.message).toContain("PutEventsRequestEntry(time=null, source=shop, resources=null, detailType=order, ");
    expect(many.message).toContain("Member must have length less than or equal to 10");
    const big = { ...entry, Detail: JSON.stringify({ text: "x".repeat(262_144) }) };
    expect((await test.error("eventbridge", "PutEvents", { Entries: [big] })).message).toBe(
      "Total size of the entries in the request is over the limit.",
    );
  });

  it("is tried out with TestEventPattern", async () => {
    const test = createTestWorld();
    const event = { id: "1", account: "1", source: "s", time: "t", region: "r", resources: [], "detail-type": "d" };
    const ask = async (pattern: unknown) =>
      (
        await test.call("eventbridge", "TestEventPattern", {
          EventPattern: JSON.stringify(pattern),
          Event: JSON.stringify(event),
        })
      ).Result;
    expect([await ask({ source: ["s"] }), await ask({ source: ["x"] })]).toEqual([true, false]);
  });
});

describe("a disturbed bus", () => {
  it("drops events of a source until that ends", async () => {
    const test = createTestWorld();
    await rule(test);
    const end = test.eventbridge.disturb({ drop: 1, source: "shop" });
    await send(test);
    end();
    await send(test);
    await test.clock.advanceBy(1000);
    expect(test.invocations).toHaveLength(1);
  });

  it("leaves other sources alone", async () => {
    const test = createTestWorld();
    await rule(test);
    test.eventbridge.disturb({ drop: 1, source: "aws.codedeploy" });
    await send(test);
    await test.clock.advanceBy(1000);
    expect(test.invocations).toHaveLength(1);
  });

  it("delivers events twice, with the same id", async () => {
    const test = createTestWorld();
    await rule(test);
    test.eventbridge.disturb({ duplicate: 1 });
    await send(test);
    await test.clock.advanceBy(1000);
    const [first, second] = payloads(test) as { id: string }[];
    expect(second?.id).toBe(first?.id);
  });

  it("delays events, and lets later ones overtake", async () => {
    const test = createTestWorld();
    await rule(test);
    const end = test.eventbridge.disturb({ reorder: 1, delayMs: 30_000 });
    await send(test, { first: true });
    end();
    await send(test, { second: true });
    await test.clock.advanceBy(31_000);
    expect(payloads(test)).toMatchObject([{ detail: { second: true } }, { detail: { first: true } }]);
    test.eventbridge.disturb({ delayMs: 5000 });
    await send(test, { third: true });
    await test.clock.advanceBy(5400);
    expect(test.invocations).toHaveLength(2);
    await test.clock.advanceBy(100);
    expect(test.invocations).toHaveLength(3);
  });
});
