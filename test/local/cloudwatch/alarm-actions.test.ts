import { describe, expect, it } from "vitest";
import { alarm, createTestWorld, drain, MINUTE, put, START, type TestWorld } from "./harness.ts";

async function topicWithQueue(test: TestWorld) {
  const { TopicArn } = await test.call("sns", "CreateTopic", { Name: "alerts" });
  const { QueueUrl } = await test.call("sqs", "CreateQueue", { QueueName: "alerts" });
  const Endpoint = "arn:aws:sqs:us-east-1:111122223333:alerts";
  await test.call("sns", "Subscribe", { TopicArn, Protocol: "sqs", Endpoint });
  return { TopicArn, messages: () => drain(test, QueueUrl) };
}

const set = (test: TestWorld, AlarmName: string, StateValue: string) =>
  test.call("cloudwatch", "SetAlarmState", { AlarmName, StateValue, StateReason: "testing alarm" });

describe("the actions of an alarm", () => {
  it("publish AWS's message and subject", async () => {
    const test = createTestWorld();
    const { TopicArn, messages } = await topicWithQueue(test);
    await test.call(
      "cloudwatch",
      "PutMetricAlarm",
      alarm("a", {
        AlarmActions: [TopicArn],
        OKActions: [TopicArn],
        AlarmDescription: "d",
        TreatMissingData: "ignore",
      }),
    );
    await set(test, "a", "ALARM");
    await test.clock.settle();
    const [envelope] = await messages();
    expect(envelope.Subject).toBe('ALARM: "a" in US East (N. Virginia)');
    expect(JSON.parse(envelope.Message)).toEqual({
      AlarmName: "a",
      AlarmDescription: "d",
      AWSAccountId: "111122223333",
      AlarmConfigurationUpdatedTimestamp: "2026-01-05T10:00:00.000+0000",
      NewStateValue: "ALARM",
      NewStateReason: "testing alarm",
      StateChangeTime: "2026-01-05T10:00:00.000+0000",
      Region: "US East (N. Virginia)",
      AlarmArn: "arn:aws:cloudwatch:us-east-1:111122223333:alarm:a",
      OldStateValue: "INSUFFICIENT_DATA",
      OKActions: [TopicArn],
      AlarmActions: [TopicArn],
      InsufficientDataActions: [],
      Trigger: {
        MetricName: "Errors",
        Namespace: "Shop",
        StatisticType: "Statistic",
        Statistic: "SUM",
        Unit: null,
        Dimensions: [{ value: "api", name: "Service" }],
        Period: 60,
        EvaluationPeriods: 1,
        ComparisonOperator: "GreaterThanThreshold",
        Threshold: 5,
        TreatMissingData: "ignore",
        EvaluateLowSampleCountPercentile: "",
      },
    });
  });

  it("run on transitions only, and each state's own", async () => {
    const test = createTestWorld();
    const { TopicArn, messages } = await topicWithQueue(test);
    await test.call("cloudwatch", "PutMetricAlarm", alarm("a", { AlarmActions: [TopicArn] }));
    for (let minute = 0; minute < 3; minute++) await put(test, 9, START + minute * MINUTE);
    await test.clock.advanceBy(4 * MINUTE);
    await set(test, "a", "OK");
    await test.clock.settle();
    expect((await messages()).map((message) => JSON.parse(message.Message).NewStateValue)).toEqual(["ALARM"]);
  });

  it("do not run while they are disabled", async () => {
    const test = createTestWorld();
    const { TopicArn, messages } = await topicWithQueue(test);
    await test.call("cloudwatch", "PutMetricAlarm", alarm("a", { AlarmActions: [TopicArn], ActionsEnabled: false }));
    await set(test, "a", "ALARM");
    await test.clock.settle();
    expect(await messages()).toEqual([]);
  });

  it("invoke Lambda functions with the payload of the alarm action", async () => {
    const test = createTestWorld();
    const functionArn = "arn:aws:lambda:us-east-1:111122223333:function:respond";
    await test.call("cloudwatch", "PutMetricAlarm", alarm("a", { AlarmActions: [functionArn], AlarmDescription: "d" }));
    await set(test, "a", "ALARM");
    await test.clock.settle();
    expect(test.invocations).toMatchObject([
      {
        functionName: functionArn,
        principal: "lambda.alarms.cloudwatch.amazonaws.com",
        payload: {
          source: "aws.cloudwatch",
          alarmArn: "arn:aws:cloudwatch:us-east-1:111122223333:alarm:a",
          accountId: "111122223333",
          time: "2026-01-05T10:00:00.000+0000",
          region: "us-east-1",
          alarmData: {
            alarmName: "a",
            state: { value: "ALARM", reason: "testing alarm" },
            previousState: { value: "INSUFFICIENT_DATA" },
            configuration: { description: "d", metrics: [{ metricStat: { period: 60, stat: "Sum" } }] },
          },
        },
      },
    ]);
  });

  it("send people a readable mail", async () => {
    const test = createTestWorld();
    const { TopicArn } = await test.call("sns", "CreateTopic", { Name: "people" });
    await test.call("sns", "Subscribe", { TopicArn, Protocol: "email", Endpoint: "ops@example.com" });
    await test.call("cloudwatch", "PutMetricAlarm", alarm("a", { AlarmActions: [TopicArn] }));
    await set(test, "a", "ALARM");
    await test.clock.settle();
    const [mail] = test.sns.deliveredEmails();
    expect(mail?.message).toContain('your Amazon CloudWatch Alarm "a" in the US East (N. Virginia) region');
    expect(mail?.message).toContain("- State Change:               INSUFFICIENT_DATA -> ALARM");
  });

  it("shorten names that would make the subject too long for SNS", async () => {
    const test = createTestWorld();
    const { TopicArn, messages } = await topicWithQueue(test);
    const name = "n".repeat(200);
    await test.call("cloudwatch", "PutMetricAlarm", alarm(name, { AlarmActions: [TopicArn] }));
    await set(test, name, "ALARM");
    await test.clock.settle();
    const [envelope] = await messages();
    expect(envelope.Subject.length).toBeLessThan(100);
    expect(envelope.Subject).toMatch(/^ALARM: "n+\.\.\." in US East/);
  });

  it("are announced to observers as state changes", async () => {
    const test = createTestWorld();
    const seen: unknown[] = [];
    test.world.observe(({ kind, detail }) => kind === "alarm-state" && seen.push(detail));
    await test.call("cloudwatch", "PutMetricAlarm", alarm("a"));
    await set(test, "a", "ALARM");
    expect(seen).toEqual([{ name: "a", from: "INSUFFICIENT_DATA", to: "ALARM", reason: "testing alarm" }]);
  });
});

describe("a composite alarm", () => {
  const composite = (test: TestWorld, changes: Record<string, unknown> = {}) =>
    test.call("cloudwatch", "PutCompositeAlarm", { AlarmName: "c", AlarmRule: "ALARM(a) AND ALARM(b)", ...changes });

  async function withChildren() {
    const test = createTestWorld();
    for (const name of ["a", "b", "maintenance"]) {
      await test.call("cloudwatch", "PutMetricAlarm", alarm(name, { TreatMissingData: "ignore" }));
    }
    return test;
  }
  const state = async (test: TestWorld) => {
    const { CompositeAlarms } = await test.call("cloudwatch", "DescribeAlarms", { AlarmTypes: ["CompositeAlarm"] });
    return CompositeAlarms[0];
  };

  it("follows its children, and says which of them moved it", async () => {
    const test = await withChildren();
    await composite(test);
    expect(await state(test)).toMatchObject({
      StateValue: "OK",
      StateReason: "arn:aws:cloudwatch:us-east-1:111122223333:alarm:c was created and its alarm rule evaluates to OK",
    });
    await set(test, "a", "ALARM");
    expect((await state(test)).StateValue).toBe("OK");
    await set(test, "b", "ALARM");
    expect(await state(test)).toMatchObject({
      StateValue: "ALARM",
      StateReason:
        "arn:aws:cloudwatch:us-east-1:111122223333:alarm:b transitioned to ALARM at Monday 05 January, 2026 10:00:00 UTC",
      StateReasonData: JSON.stringify({
        triggeringAlarms: [
          {
            arn: "arn:aws:cloudwatch:us-east-1:111122223333:alarm:b",
            state: { value: "ALARM", timestamp: "2026-01-05T10:00:00.000+0000" },
          },
        ],
      }),
    });
  });

  it("keeps a state that was set until a child changes", async () => {
    const test = await withChildren();
    await composite(test);
    await set(test, "c", "ALARM");
    await test.clock.advanceBy(10 * MINUTE);
    expect((await state(test)).StateValue).toBe("ALARM");
    await set(test, "a", "ALARM");
    expect((await state(test)).StateValue).toBe("OK");
  });

  it("needs children that exist, and a rule that parses", async () => {
    const test = await withChildren();
    const refused = (AlarmRule: string) => test.error("cloudwatch", "PutCompositeAlarm", { AlarmName: "c", AlarmRule });
    expect(await refused("ALARM(a) OR ALARM(nope)")).toEqual({
      code: "ValidationError",
      status: 400,
      message: "Could not save the composite alarm as alarms [nope] in the alarm rule do not exist",
    });
    expect((await refused(" ALARM(a)")).message).toBe(
      "AlarmRule must not contain leading or trailing whitespace or be null",
    );
    expect((await refused("ALARM(a) AND")).code).toBe("ValidationError");
  });

  it("names rule and children in its notification", async () => {
    const test = await withChildren();
    const { TopicArn, messages } = await topicWithQueue(test);
    await composite(test, { AlarmRule: "ALARM(a)", AlarmActions: [TopicArn] });
    await set(test, "a", "ALARM");
    await test.clock.settle();
    const [envelope] = await messages();
    expect(JSON.parse(envelope.Message)).toMatchObject({
      AlarmRule: "ALARM(a)",
      TriggeringChildren: [{ Arn: "arn:aws:cloudwatch:us-east-1:111122223333:alarm:a", State: { Value: "ALARM" } }],
    });
  });

  describe("with a suppressor", () => {
    async function suppressed() {
      const test = await withChildren();
      const { TopicArn, messages } = await topicWithQueue(test);
      await composite(test, {
        AlarmRule: "ALARM(a)",
        AlarmActions: [TopicArn],
        ActionsSuppressor: "maintenance",
        ActionsSuppressorWaitPeriod: 120,
        ActionsSuppressorExtensionPeriod: 180,
      });
      await test.clock.advanceBy(2 * MINUTE + 1000);
      await messages();
      return { test, messages };
    }

    it("acts after the wait period when the suppressor stays quiet", async () => {
      const { test, messages } = await suppressed();
      await set(test, "a", "ALARM");
      expect(await state(test)).toMatchObject({ StateValue: "ALARM", ActionsSuppressedBy: "WaitPeriod" });
      await test.clock.advanceBy(119_000);
      expect(await messages()).toEqual([]);
      await test.clock.advanceBy(1000);
      expect(await messages()).toHaveLength(1);
      expect((await state(test)).ActionsSuppressedBy).toBeUndefined();
    });

    it("stays silent while the suppressor is red, and for the extension period after", async () => {
      const { test, messages } = await suppressed();
      await set(test, "maintenance", "ALARM");
      await set(test, "a", "ALARM");
      await test.clock.advanceBy(10 * MINUTE);
      expect((await state(test)).ActionsSuppressedBy).toBe("Alarm");
      await set(test, "maintenance", "OK");
      expect((await state(test)).ActionsSuppressedBy).toBe("ExtensionPeriod");
      await test.clock.advanceBy(179_000);
      expect(await messages()).toEqual([]);
      await test.clock.advanceBy(1000);
      expect(await messages()).toHaveLength(1);
    });

    it("says nothing at all when the trouble ends under suppression", async () => {
      const { test, messages } = await suppressed();
      await set(test, "maintenance", "ALARM");
      await set(test, "a", "ALARM");
      await set(test, "a", "OK");
      await set(test, "maintenance", "OK");
      await test.clock.advanceBy(10 * MINUTE);
      expect(await messages()).toEqual([]);
    });
  });
});
