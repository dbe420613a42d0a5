import { describe, expect, it } from "vitest";
import { alarm, createTestWorld, METRIC, MINUTE } from "./harness.ts";

describe("the alarm API", () => {
  it("describes by names, prefix, state and action, sorted and paged, composites only when asked for", async () => {
    const test = createTestWorld();
    const topic = "arn:aws:sns:us-east-1:111122223333:t";
    for (const name of ["b", "a-2", "a-1"]) {
      await test.call("cloudwatch", "PutMetricAlarm", alarm(name, name === "b" ? { OKActions: [topic] } : {}));
    }
    await test.call("cloudwatch", "PutCompositeAlarm", { AlarmName: "a-c", AlarmRule: "ALARM(b)" });
    const names = async (input: Record<string, unknown>) => {
      const { MetricAlarms, CompositeAlarms } = await test.call("cloudwatch", "DescribeAlarms", input);
      return [...MetricAlarms, ...CompositeAlarms].map((found: { AlarmName: string }) => found.AlarmName);
    };
    expect(await names({})).toEqual(["a-1", "a-2", "b"]);
    expect(await names({ AlarmNames: ["b", "nobody"] })).toEqual(["b"]);
    expect(await names({ AlarmNamePrefix: "a-", AlarmTypes: ["MetricAlarm", "CompositeAlarm"] })).toEqual([
      "a-1",
      "a-2",
      "a-c",
    ]);
    expect(await names({ AlarmTypes: ["CompositeAlarm"] })).toEqual(["a-c"]);
    expect(await names({ ActionPrefix: "arn:aws:sns" })).toEqual(["b"]);
    expect(await names({ StateValue: "ALARM" })).toEqual([]);
    expect(await names({ ChildrenOfAlarmName: "a-c" })).toEqual(["b"]);
    expect(await names({ ParentsOfAlarmName: "b", AlarmTypes: ["CompositeAlarm"] })).toEqual(["a-c"]);
    const first = await test.call("cloudwatch", "DescribeAlarms", { MaxRecords: 2 });
    const second = await test.call("cloudwatch", "DescribeAlarms", { MaxRecords: 2, NextToken: first.NextToken });
    expect(second.MetricAlarms.map((found: { AlarmName: string }) => found.AlarmName)).toEqual(["b"]);
    expect(second.NextToken).toBeUndefined();
  });

  it("finds alarms of a metric by its exact dimensions", async () => {
    const test = createTestWorld();
    await test.call("cloudwatch", "PutMetricAlarm", alarm("a"));
    const find = async (input: Record<string, unknown>) =>
      (await test.call("cloudwatch", "DescribeAlarmsForMetric", input)).MetricAlarms.length;
    expect(await find(METRIC)).toBe(1);
    expect(await find({ ...METRIC, Dimensions: [] })).toBe(0);
    expect(await find({ ...METRIC, Statistic: "Average" })).toBe(0);
  });

  it("answers SetAlarmState with the service's codes", async () => {
    const test = createTestWorld();
    const set = (input: Record<string, unknown>) => test.error("cloudwatch", "SetAlarmState", input);
    expect(await set({ AlarmName: "x", StateValue: "INVALID", StateReason: "r" })).toEqual({
      code: "ValidationError",
      status: 400,
      message:
        "1 validation error detected: Value 'INVALID' at 'stateValue' failed to satisfy constraint: Member must satisfy enum value set: [INSUFFICIENT_DATA, ALARM, OK]",
    });
    expect(await set({ AlarmName: "x", StateValue: "OK", StateReason: "r" })).toMatchObject({
      code: "ResourceNotFound",
      status: 404,
    });
  });

  it("deletes unknown alarms without complaint, but none that a composite needs", async () => {
    const test = createTestWorld();
    await test.call("cloudwatch", "PutMetricAlarm", alarm("child"));
    await test.call("cloudwatch", "PutCompositeAlarm", { AlarmName: "parent", AlarmRule: "ALARM(child)" });
    await test.call("cloudwatch", "DeleteAlarms", { AlarmNames: ["nobody"] });
    expect(await test.error("cloudwatch", "DeleteAlarms", { AlarmNames: ["child"] })).toEqual({
      code: "ValidationError",
      status: 400,
      message: "Cannot delete child as there are composite alarm(s) depending on it.",
    });
    await test.call("cloudwatch", "DeleteAlarms", { AlarmNames: ["child", "parent"] });
    expect(test.cloudwatch.alarmState("child")).toBeUndefined();
  });

  it("names all members that break constraints together", async () => {
    const test = createTestWorld();
    const { message } = await test.error("cloudwatch", "PutMetricAlarm", { Statistic: "Median" });
    expect(message).toContain("4 validation errors detected:");
    expect(message).toContain("Value null at 'alarmName' failed to satisfy constraint: Member must not be null");
    expect(message).toContain("Value null at 'comparisonOperator'");
    expect(message).toContain("Value 'Median' at 'statistic'");
  });

  it("refuses definitions that cannot work", async () => {
    const test = createTestWorld();
    const refused = (changes: Record<string, unknown>) =>
      test.error("cloudwatch", "PutMetricAlarm", alarm("a", changes));
    expect(await refused({ Period: 45 })).toMatchObject({ code: "ValidationError" });
    expect(await refused({ Threshold: undefined })).toEqual({
      code: "MissingParameter",
      status: 400,
      message: "The parameter Threshold is required.",
    });
    expect((await refused({ ExtendedStatistic: "p99" })).code).toBe("InvalidParameterCombination");
    expect((await refused({ EvaluationPeriods: 2000 })).message).toBe(
      "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400).",
    );
    expect((await refused({ DatapointsToAlarm: 2 })).code).toBe("ValidationError");
    expect((await refused({ TreatMissingData: "sometimes" })).code).toBe("ValidationError");
    expect((await refused({ AlarmActions: ["nonsense"] })).message).toBe("Invalid arn syntax: nonsense");
    expect((await refused({ AlarmActions: ["arn:aws:automate:us-east-1:ec2:stop"] })).status).toBe(501);
    expect((await refused({ ComparisonOperator: "GreaterThanUpperThreshold" })).status).toBe(501);
    expect((await test.error("cloudwatch", "PutAnomalyDetector", {})).status).toBe(501);
  });

  it("refuses metric math that does not end in one series", async () => {
    const test = createTestWorld();
    const stat = (Id: string, ReturnData = false) => ({
      Id,
      MetricStat: { Metric: METRIC, Period: 60, Stat: "Sum" },
      ReturnData,
    });
    const refused = async (Metrics: Record<string, unknown>[]) =>
      (
        await test.error("cloudwatch", "PutMetricAlarm", {
          AlarmName: "a",
          Metrics,
          EvaluationPeriods: 1,
          Threshold: 1,
          ComparisonOperator: "GreaterThanThreshold",
        })
      ).message;
    expect(await refused([stat("m1", true), stat("m2", true)])).toBe(
      "Exactly one element of the metrics list should return data.",
    );
    expect(await refused([{ Id: "e1", Expression: "MAX(m1)" }, stat("m1")])).toContain("returns a number");
    expect(await refused([{ Id: "e1", Expression: "METRICS()" }, stat("m1"), stat("m2")])).toContain(
      "multi time series",
    );
    expect(await refused([{ Id: "e1", Expression: "MEDIAN(m1)" }, stat("m1")])).toBe(
      "Error in expression 'e1': Function 'MEDIAN' not found",
    );
    const many = Array.from({ length: 11 }, (_, index) => stat(`m${index}`));
    expect(await refused([{ Id: "e1", Expression: "SUM(METRICS())" }, ...many])).toContain("10");
  });

  it("switches actions off and on", async () => {
    const test = createTestWorld();
    await test.call("cloudwatch", "PutMetricAlarm", alarm("a"));
    await test.call("cloudwatch", "DisableAlarmActions", { AlarmNames: ["a", "nobody"] });
    expect(test.cloudwatch.alarmState("arn:aws:cloudwatch:us-east-1:111122223333:alarm:a")).toEqual({
      state: "INSUFFICIENT_DATA",
      actionsEnabled: false,
    });
    await test.call("cloudwatch", "EnableAlarmActions", { AlarmNames: ["a"] });
    expect(test.cloudwatch.alarmState("a")?.actionsEnabled).toBe(true);
  });

  it("keeps tags of alarms and texts of dashboards", async () => {
    const test = createTestWorld();
    const ResourceARN = "arn:aws:cloudwatch:us-east-1:111122223333:alarm:a";
    await test.call("cloudwatch", "PutMetricAlarm", alarm("a", { Tags: [{ Key: "k", Value: "v" }] }));
    await test.call("cloudwatch", "TagResource", { ResourceARN, Tags: [{ Key: "l", Value: "w" }] });
    await test.call("cloudwatch", "UntagResource", { ResourceARN, TagKeys: ["k"] });
    expect((await test.call("cloudwatch", "ListTagsForResource", { ResourceARN })).Tags).toEqual([
      { Key: "l", Value: "w" },
    ]);
    await test.call("cloudwatch", "PutDashboard", { DashboardName: "d", DashboardBody: "{}" });
    expect((await test.call("cloudwatch", "GetDashboard", { DashboardName: "d" })).DashboardBody).toBe("{}");
    await test.call("cloudwatch", "DeleteDashboards", { DashboardNames: ["d"] });
    expect(await test.error("cloudwatch", "GetDashboard", { DashboardName: "d" })).toMatchObject({ status: 404 });
  });

  it("forgets everything on reset and leaves no timer behind", async () => {
    const test = createTestWorld();
    await test.call("cloudwatch", "PutMetricAlarm", alarm("a"));
    test.cloudwatch.reset();
    expect((await test.call("cloudwatch", "DescribeAlarms")).MetricAlarms).toEqual([]);
    await test.clock.advanceBy(MINUTE);
    expect(test.clock.nextTimerAt()).toBeUndefined();
  });
});
