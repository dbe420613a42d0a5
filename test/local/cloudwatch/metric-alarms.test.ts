import { describe, expect, it } from "vitest";
import {
  alarm,
  createTestWorld,
  METRIC,
  MINUTE,
  put,
  recordEvents,
  START,
  stateOf,
  type TestWorld,
} from "./harness.ts";

const putAlarm = (test: TestWorld, definition: Record<string, unknown>) =>
  test.call("cloudwatch", "PutMetricAlarm", definition);
const describeAlarm = async (test: TestWorld, name: string) =>
  (await test.call("cloudwatch", "DescribeAlarms", { AlarmNames: [name] })).MetricAlarms[0];

describe("a metric alarm", () => {
  it("starts in INSUFFICIENT_DATA with AWS's words", async () => {
    const test = createTestWorld();
    await putAlarm(test, alarm("a", { AlarmDescription: "d", TreatMissingData: "notBreaching", Unit: "Count" }));
    expect(await describeAlarm(test, "a")).toEqual({
      AlarmName: "a",
      AlarmArn: "arn:aws:cloudwatch:us-east-1:111122223333:alarm:a",
      AlarmDescription: "d",
      AlarmConfigurationUpdatedTimestamp: new Date(START),
      ActionsEnabled: true,
      OKActions: [],
      AlarmActions: [],
      InsufficientDataActions: [],
      StateValue: "INSUFFICIENT_DATA",
      StateReason: "Unchecked: Initial alarm creation",
      StateUpdatedTimestamp: new Date(START),
      StateTransitionedTimestamp: new Date(START),
      ...METRIC,
      Statistic: "Sum",
      Unit: "Count",
      Period: 60,
      EvaluationPeriods: 1,
      Threshold: 5,
      ComparisonOperator: "GreaterThanThreshold",
      TreatMissingData: "notBreaching",
    });
  });

  it("goes to ALARM after the minute that breaches, with reason and data in AWS's form", async () => {
    const test = createTestWorld();
    await putAlarm(test, alarm("a"));
    await put(test, 20);
    await put(test, 1.5);
    await test.clock.advanceTo(START + 55_000);
    expect(await stateOf(test, "a")).toBe("INSUFFICIENT_DATA");
    await test.clock.advanceTo(START + 75_000);
    const { StateValue, StateReason, StateReasonData } = await describeAlarm(test, "a");
    expect(StateValue).toBe("ALARM");
    expect(StateReason).toBe(
      "Threshold Crossed: 1 datapoint [21.5 (05/01/26 10:00:00)] was greater than the threshold (5.0).",
    );
    expect(JSON.parse(StateReasonData)).toEqual({
      version: "1.0",
      queryDate: "2026-01-05T10:01:10.000+0000",
      startDate: "2026-01-05T10:00:00.000+0000",
      statistic: "Sum",
      period: 60,
      recentDatapoints: [21.5],
      threshold: 5,
      evaluatedDatapoints: [{ timestamp: "2026-01-05T10:00:00.000+0000", sampleCount: 2, value: 21.5 }],
    });
  });

  it("needs M of N points, named in its reason", async () => {
    const test = createTestWorld();
    await putAlarm(test, alarm("a", { EvaluationPeriods: 3, DatapointsToAlarm: 2 }));
    for (const [minute, value] of [9, 0, 8, 0, 0].entries()) await put(test, value, START + minute * MINUTE);
    await test.clock.advanceTo(START + 3 * MINUTE + 15_000);
    const red = await describeAlarm(test, "a");
    expect(red.StateReason).toBe(
      "Threshold Crossed: 2 out of the last 3 datapoints [8.0 (05/01/26 10:02:00), 9.0 (05/01/26 10:00:00)] were greater than the threshold (5.0) (minimum 2 datapoints for OK -> ALARM transition).",
    );
    await test.clock.advanceTo(START + 4 * MINUTE + 15_000);
    const green = await describeAlarm(test, "a");
    expect(green.StateReason).toBe(
      "Threshold Crossed: 2 out of the last 3 datapoints [0.0 (05/01/26 10:03:00), 0.0 (05/01/26 10:01:00)] were not greater than the threshold (5.0) (minimum 2 datapoints for ALARM -> OK transition).",
    );
  });

  it("slides its window by the minute, not by the period", async () => {
    const test = createTestWorld();
    await put(test, 3, START + 4 * MINUTE);
    await put(test, 3, START + 5 * MINUTE);
    await putAlarm(test, alarm("a", { Period: 300 }));
    await test.clock.advanceTo(START + 5 * MINUTE + 15_000);
    expect(await stateOf(test, "a")).toBe("OK");
    await test.clock.advanceTo(START + 6 * MINUTE + 15_000);
    expect(await stateOf(test, "a")).toBe("ALARM");
  });

  it("holds on to its last point for two more periods, then lacks data", async () => {
    const test = createTestWorld();
    await putAlarm(test, alarm("a"));
    await put(test, 9);
    await test.clock.advanceTo(START + 3 * MINUTE + 15_000);
    expect(await stateOf(test, "a")).toBe("ALARM");
    await test.clock.advanceTo(START + 4 * MINUTE + 15_000);
    expect((await describeAlarm(test, "a")).StateReason).toBe("Insufficient Data: 1 datapoint was unknown.");
  });

  it("takes missing points as it is told, with AWS's words", async () => {
    const test = createTestWorld();
    await putAlarm(test, alarm("red", { TreatMissingData: "breaching", EvaluationPeriods: 2 }));
    await putAlarm(test, alarm("green", { TreatMissingData: "notBreaching" }));
    await putAlarm(test, alarm("kept", { TreatMissingData: "ignore" }));
    await test.clock.advanceBy(MINUTE);
    expect((await describeAlarm(test, "red")).StateReason).toBe(
      "Threshold Crossed: no datapoints were received for 2 periods and 2 missing datapoints were treated as [Breaching].",
    );
    expect((await describeAlarm(test, "green")).StateReason).toBe(
      "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as [NonBreaching].",
    );
    expect(await stateOf(test, "kept")).toBe("INSUFFICIENT_DATA");
  });

  it("is evaluated every ten seconds when its period is below a minute", async () => {
    const test = createTestWorld();
    await putAlarm(test, alarm("a", { Period: 10 }));
    await put(test, 9, START + 1000, { StorageResolution: 1 });
    await test.clock.advanceTo(START + 10_000);
    expect(await stateOf(test, "a")).toBe("ALARM");
  });

  it("decides nothing on a percentile of too few samples when told to ignore those", async () => {
    const test = createTestWorld();
    const percentile = { Statistic: undefined, ExtendedStatistic: "p90", Threshold: 5 };
    await putAlarm(test, alarm("strict", { ...percentile, EvaluateLowSampleCountPercentile: "ignore" }));
    await putAlarm(test, alarm("lax", percentile));
    for (let sample = 0; sample < 99; sample++) await put(test, 9);
    await test.clock.advanceTo(START + 75_000);
    expect([await stateOf(test, "strict"), await stateOf(test, "lax")]).toEqual(["INSUFFICIENT_DATA", "ALARM"]);
    await put(test, 9, START + 1000);
    await test.clock.advanceBy(MINUTE);
    expect(await stateOf(test, "strict")).toBe("ALARM");
  });

  it("keeps its state when its definition is replaced, and forgets what the new one does not say", async () => {
    const test = createTestWorld();
    await putAlarm(test, alarm("a", { AlarmDescription: "old" }));
    await put(test, 9);
    await test.clock.advanceTo(START + 75_000);
    await putAlarm(test, alarm("a", { MetricName: "Other" }));
    const replaced = await describeAlarm(test, "a");
    expect(replaced).toMatchObject({ StateValue: "ALARM", MetricName: "Other" });
    expect(replaced.AlarmDescription).toBeUndefined();
    await test.clock.advanceBy(MINUTE);
    expect(await stateOf(test, "a")).toBe("INSUFFICIENT_DATA");
  });

  it("returns to what its data says at the evaluation after SetAlarmState", async () => {
    const test = createTestWorld();
    await putAlarm(test, alarm("a", { TreatMissingData: "notBreaching" }));
    await test.clock.advanceBy(MINUTE);
    await test.call("cloudwatch", "SetAlarmState", { AlarmName: "a", StateValue: "ALARM", StateReason: "drill" });
    expect(await describeAlarm(test, "a")).toMatchObject({ StateValue: "ALARM", StateReason: "drill" });
    await test.clock.advanceBy(MINUTE);
    expect(await stateOf(test, "a")).toBe("OK");
  });

  it("keeps the reason of a set state only until the next evaluation, even when the state stays", async () => {
    const test = createTestWorld();
    await putAlarm(test, alarm("a", { TreatMissingData: "notBreaching" }));
    await test.clock.advanceBy(MINUTE);
    await test.call("cloudwatch", "SetAlarmState", { AlarmName: "a", StateValue: "OK", StateReason: "by hand" });
    await test.clock.advanceBy(MINUTE);
    expect((await describeAlarm(test, "a")).StateReason).toContain("no datapoints were received");
  });

  it("evaluates metric math, where absent requests mean no breach", async () => {
    const test = createTestWorld();
    const stat = (Id: string, MetricName: string) => ({
      Id,
      MetricStat: { Metric: { ...METRIC, MetricName }, Period: 60, Stat: "Sum" },
      ReturnData: false,
    });
    await putAlarm(test, {
      AlarmName: "rate",
      Metrics: [
        { Id: "rate", Expression: "IF(n >= 20, 100 * FILL(e, 0) / n, 0)", Label: "error rate" },
        stat("n", "Requests"),
        stat("e", "Errors"),
      ],
      EvaluationPeriods: 1,
      Threshold: 5,
      ComparisonOperator: "GreaterThanThreshold",
      TreatMissingData: "notBreaching",
    });
    await put(test, 10, START, { MetricName: "Requests" });
    await put(test, 10, START);
    await put(test, 40, START + MINUTE, { MetricName: "Requests" });
    await put(test, 4, START + MINUTE);
    await test.clock.advanceTo(START + 75_000);
    expect(await stateOf(test, "rate")).toBe("OK");
    await test.clock.advanceTo(START + 2 * MINUTE + 15_000);
    expect((await describeAlarm(test, "rate")).StateReason).toBe(
      "Threshold Crossed: 1 datapoint [10.0 (05/01/26 10:01:00)] was greater than the threshold (5.0).",
    );
  });

  it("tells the bus of every state and configuration change", async () => {
    const test = createTestWorld();
    const events = await recordEvents(test, "aws.cloudwatch");
    await putAlarm(test, alarm("a", { AlarmDescription: "d" }));
    await put(test, 9);
    await test.clock.advanceTo(START + 75_000);
    await test.call("cloudwatch", "DeleteAlarms", { AlarmNames: ["a"] });
    await test.clock.advanceBy(MINUTE);
    const [created, changed, deleted] = await events();
    expect(created).toMatchObject({
      "detail-type": "CloudWatch Alarm Configuration Change",
      detail: { operation: "create" },
    });
    expect(deleted.detail.operation).toBe("delete");
    expect(changed).toMatchObject({
      "detail-type": "CloudWatch Alarm State Change",
      source: "aws.cloudwatch",
      account: "111122223333",
      time: "2026-01-05T10:01:10Z",
      resources: ["arn:aws:cloudwatch:us-east-1:111122223333:alarm:a"],
      detail: {
        alarmName: "a",
        state: { value: "ALARM", timestamp: "2026-01-05T10:01:10.000+0000" },
        previousState: { value: "INSUFFICIENT_DATA", reason: "Unchecked: Initial alarm creation" },
        configuration: {
          description: "d",
          metrics: [
            {
              metricStat: {
                metric: { namespace: "Shop", name: "Errors", dimensions: { Service: "api" } },
                period: 60,
                stat: "Sum",
              },
              returnData: true,
            },
          ],
        },
      },
    });
    expect(JSON.parse(changed.detail.state.reasonData).recentDatapoints).toEqual([9]);
    expect(changed.detail.previousState.reasonData).toBeUndefined();
  });

  it("keeps a history of changes and actions that outlives it", async () => {
    const test = createTestWorld();
    await putAlarm(test, alarm("a", { AlarmActions: ["arn:aws:sns:us-east-1:111122223333:missing"] }));
    await put(test, 9);
    await test.clock.advanceTo(START + 75_000);
    await test.call("cloudwatch", "DeleteAlarms", { AlarmNames: ["a"] });
    const { AlarmHistoryItems } = await test.call("cloudwatch", "DescribeAlarmHistory", { AlarmName: "a" });
    expect(AlarmHistoryItems.map((item: { HistorySummary: string }) => item.HistorySummary)).toEqual([
      'Alarm "a" deleted',
      "Failed to execute action arn:aws:sns:us-east-1:111122223333:missing",
      "Alarm updated from INSUFFICIENT_DATA to ALARM",
      'Alarm "a" created',
    ]);
    const update = { AlarmName: "a", HistoryItemType: "StateUpdate" };
    const { AlarmHistoryItems: updates } = await test.call("cloudwatch", "DescribeAlarmHistory", update);
    expect(JSON.parse(updates[0].HistoryData)).toMatchObject({
      version: "1.0",
      oldState: { stateValue: "INSUFFICIENT_DATA", stateReason: "Unchecked: Initial alarm creation" },
      newState: { stateValue: "ALARM", stateReasonData: { recentDatapoints: [9] } },
    });
  });

  it("costs in proportion to the alarms that idle", async () => {
    const idle = async (alarms: number) => {
      const test = createTestWorld();
      for (let index = 0; index < alarms; index++) await putAlarm(test, alarm(`a${index}`, { EvaluationPeriods: 5 }));
      const startedAt = performance.now();
      await test.clock.advanceBy(6 * 60 * MINUTE);
      return performance.now() - startedAt;
    };
    await idle(30);
    expect((await idle(300)) / (await idle(30))).toBeLessThan(60);
  });
});
