import { describe, expect, it } from "vitest";
import { createTestWorld, METRIC, MINUTE, put, START, type TestWorld } from "./harness.ts";

const query = (stat: string, changes: Record<string, unknown> = {}) => ({
  Id: "m1",
  MetricStat: { Metric: METRIC, Period: 60, Stat: stat },
  ...changes,
});

function read(test: TestWorld, queries: Record<string, unknown>[], changes: Record<string, unknown> = {}) {
  return test.call("cloudwatch", "GetMetricData", {
    MetricDataQueries: queries,
    StartTime: new Date(START),
    EndTime: new Date(START + 10 * MINUTE),
    ...changes,
  });
}

describe("metric data", () => {
  it("comes back by minute, newest first, without points where nothing was recorded", async () => {
    const test = createTestWorld();
    await put(test, 2, START + 1000);
    await put(test, 3, START + 59_000);
    await put(test, 7, START + 3 * MINUTE);
    const { MetricDataResults } = await read(test, [query("Sum")]);
    expect(MetricDataResults).toEqual([
      {
        Id: "m1",
        Label: "Errors",
        Timestamps: [new Date(START + 3 * MINUTE), new Date(START)],
        Values: [7, 5],
        StatusCode: "Complete",
      },
    ]);
  });

  it("can be read oldest first and without its last minute, whose start is the end of the request", async () => {
    const test = createTestWorld();
    for (const minute of [0, 1, 2]) await put(test, minute, START + minute * MINUTE);
    const { MetricDataResults } = await read(test, [query("Maximum")], {
      ScanBy: "TimestampAscending",
      EndTime: new Date(START + 2 * MINUTE),
    });
    expect(MetricDataResults[0].Values).toEqual([0, 1]);
  });

  it("has all basic statistics, counts of values, and statistic sets", async () => {
    const test = createTestWorld();
    await put(test, 0, START, { Value: undefined, Values: [1, 10], Counts: [3, 1] });
    const set = { SampleCount: 2, Sum: 40, Minimum: 15, Maximum: 25 };
    await put(test, 0, START, { Value: undefined, StatisticValues: set });
    const stats = ["SampleCount", "Sum", "Minimum", "Maximum", "Average"];
    const { MetricDataResults } = await read(
      test,
      stats.map((stat, index) => query(stat, { Id: `m${index}` })),
    );
    expect(MetricDataResults.map((result: { Values: number[] }) => result.Values[0])).toEqual([6, 53, 1, 25, 53 / 6]);
  });

  it("has percentiles and trimmed means, exact for few values and within half a percent for many", async () => {
    const test = createTestWorld();
    for (let value = 1; value <= 100; value++) await put(test, value, START);
    const few = await read(test, [query("p90"), query("tm50", { Id: "m2" }), query("p99.5", { Id: "m3" })]);
    expect(few.MetricDataResults.map((result: { Values: number[] }) => result.Values[0])).toEqual([90, 25.5, 100]);
    const many = Array.from({ length: 5000 }, (_, index) => 1 + ((index * 7919) % 5000));
    test.world.links.recordMetric({
      namespace: "Shop",
      name: "Latency",
      dimensions: {},
      timestampMs: START,
      values: many,
    });
    const latency = { Metric: { Namespace: "Shop", MetricName: "Latency" }, Period: 60, Stat: "p99" };
    const { MetricDataResults } = await read(test, [{ Id: "m1", MetricStat: latency }]);
    expect(Math.abs(MetricDataResults[0].Values[0] - 4950) / 4950).toBeLessThan(0.0051);
  });

  it("knows no percentile of statistic sets", async () => {
    const test = createTestWorld();
    const set = { SampleCount: 10, Sum: 55, Minimum: 1, Maximum: 10 };
    await put(test, 0, START, { Value: undefined, StatisticValues: set });
    expect((await read(test, [query("p90")])).MetricDataResults[0].Values).toEqual([]);
  });

  it("is not readable before it is published", async () => {
    const test = createTestWorld();
    test.world.links.recordMetric({
      namespace: "AWS/Lambda",
      name: "Errors",
      dimensions: { FunctionName: "f" },
      timestampMs: START + 5000,
      values: [1],
      visibleAtMs: START + 2 * MINUTE,
    });
    const metric = {
      Namespace: "AWS/Lambda",
      MetricName: "Errors",
      Dimensions: [{ Name: "FunctionName", Value: "f" }],
    };
    const values = async () =>
      (await read(test, [{ Id: "m1", MetricStat: { Metric: metric, Period: 60, Stat: "Sum" } }])).MetricDataResults[0]
        .Values;
    await test.clock.advanceTo(START + 2 * MINUTE - 1);
    expect(await values()).toEqual([]);
    await test.clock.advanceTo(START + 2 * MINUTE);
    expect(await values()).toEqual([1]);
  });

  it("keeps dimension sets apart", async () => {
    const test = createTestWorld();
    await put(test, 1);
    await put(test, 5, START, { Dimensions: [] });
    const none = { Metric: { Namespace: "Shop", MetricName: "Errors" }, Period: 60, Stat: "Sum" };
    const { MetricDataResults } = await read(test, [query("Sum"), { Id: "m2", MetricStat: none }]);
    expect(MetricDataResults.map((result: { Values: number[] }) => result.Values)).toEqual([[1], [5]]);
  });

  it("keeps seconds for high-resolution metrics only, and shows others at the start of their minute", async () => {
    const test = createTestWorld();
    await put(test, 1, START + 15_000, { StorageResolution: 1 });
    await put(test, 2, START + 25_000, { StorageResolution: 1 });
    const fine = { Id: "m1", MetricStat: { Metric: METRIC, Period: 10, Stat: "Sum" } };
    expect((await read(test, [fine], { ScanBy: "TimestampAscending" })).MetricDataResults[0].Timestamps).toEqual([
      new Date(START + 10_000),
      new Date(START + 20_000),
    ]);
    const coarse = createTestWorld();
    await put(coarse, 1, START + 15_000);
    expect((await read(coarse, [fine])).MetricDataResults[0].Timestamps).toEqual([new Date(START)]);
  });

  it("says when several units were met, and filters by unit", async () => {
    const test = createTestWorld();
    await put(test, 60_000, START, { Unit: "Milliseconds" });
    await put(test, 60, START, { Unit: "Seconds" });
    const { MetricDataResults } = await read(test, [query("Sum")]);
    expect(MetricDataResults[0].Values).toEqual([60_000]);
    expect(MetricDataResults[0].Messages).toEqual([
      { Code: "MultipleUnits", Value: "Multiple units returned: '[Milliseconds, Seconds]'" },
    ]);
    const seconds = { Id: "m1", MetricStat: { Metric: METRIC, Period: 60, Stat: "Sum", Unit: "Seconds" } };
    expect((await read(test, [seconds])).MetricDataResults[0].Values).toEqual([60]);
  });

  it("names statistic and period in labels where they tell queries apart", async () => {
    const test = createTestWorld();
    const labels = async (...stats: [string, number][]) => {
      const queries = stats.map(([Stat, Period], index) => ({
        Id: `m${index}`,
        MetricStat: { Metric: METRIC, Period, Stat },
      }));
      const { MetricDataResults } = await read(test, queries);
      return MetricDataResults.map((result: { Label: string }) => result.Label);
    };
    expect(await labels(["Sum", 60], ["Minimum", 30])).toEqual(["Errors Sum 60", "Errors Minimum 30"]);
    expect(await labels(["Sum", 60], ["Minimum", 60])).toEqual(["Errors Sum", "Errors Minimum"]);
    expect(await labels(["Sum", 60], ["Sum", 30])).toEqual(["Errors 60", "Errors 30"]);
    expect(await labels(["Sum", 60], ["Sum", 60])).toEqual(["Errors", "Errors"]);
  });

  it("evaluates expressions over queries that are not returned themselves", async () => {
    const test = createTestWorld();
    await put(test, 3);
    await put(test, 60, START, { MetricName: "Requests" });
    const requests = { Metric: { ...METRIC, MetricName: "Requests" }, Period: 60, Stat: "Sum" };
    const { MetricDataResults } = await read(test, [
      { Id: "rate", Expression: "100 * m1 / n", Label: "error rate" },
      query("Sum", { ReturnData: false }),
      { Id: "n", MetricStat: requests, ReturnData: false },
    ]);
    expect(MetricDataResults).toMatchObject([{ Id: "rate", Label: "error rate", Values: [5] }]);
  });

  it("is paged by MaxDatapoints", async () => {
    const test = createTestWorld();
    for (let minute = 0; minute < 5; minute++) await put(test, minute, START + minute * MINUTE);
    const values: number[] = [];
    let NextToken: string | undefined;
    let pages = 0;
    do {
      const answer = await read(test, [query("Sum")], { MaxDatapoints: 2, NextToken, ScanBy: "TimestampAscending" });
      values.push(...answer.MetricDataResults[0].Values);
      NextToken = answer.NextToken;
      pages += 1;
    } while (NextToken);
    expect({ values, pages }).toEqual({ values: [0, 1, 2, 3, 4], pages: 3 });
  });

  it("is refused with the service's own words when it contradicts itself", async () => {
    const test = createTestWorld();
    const datum = (fields: Record<string, unknown>) =>
      test.error("cloudwatch", "PutMetricData", { Namespace: "n", MetricData: [{ MetricName: "m", ...fields }] });
    expect(await datum({ Value: 1, Values: [1] })).toEqual({
      code: "InvalidParameterCombination",
      status: 400,
      message:
        "The parameters MetricData.member.1.Value and MetricData.member.1.Values are mutually exclusive and you have specified both.",
    });
    expect(await datum({ Values: [1, 2], Counts: [1] })).toMatchObject({
      code: "InvalidParameterValue",
      message: "The parameters MetricData.member.1.Values and MetricData.member.1.Counts must be of the same size.",
    });
    expect((await datum({ Value: Number.NaN })).code).toBe("InvalidParameterValue");
    expect((await datum({ Value: 1, Timestamp: new Date(START - 15 * 86_400_000) })).code).toBe(
      "InvalidParameterValue",
    );
    const reserved = { Namespace: "AWS/Lambda", MetricData: [{ MetricName: "m", Value: 1 }] };
    expect((await test.error("cloudwatch", "PutMetricData", reserved)).message).toContain("AWS/");
  });

  it("refuses unknown functions, unknown ids and statistics that are not here", async () => {
    const test = createTestWorld();
    const refused = async (queries: Record<string, unknown>[]) =>
      test.error("cloudwatch", "GetMetricData", {
        MetricDataQueries: queries,
        StartTime: new Date(START),
        EndTime: new Date(START + MINUTE),
      });
    expect(await refused([{ Id: "e1", Expression: "MEDIAN(m1)" }, query("Sum")])).toEqual({
      code: "ValidationError",
      status: 400,
      message: "Error in expression 'e1': Function 'MEDIAN' not found",
    });
    expect((await refused([{ Id: "e1", Expression: "m9 * 2" }])).code).toBe("ValidationError");
    expect((await refused([{ Id: "e1", Expression: "e1 + 1" }])).code).toBe("ValidationError");
    expect((await refused([query("IQM")])).status).toBe(501);
    expect((await refused([query("nonsense")])).code).toBe("ValidationError");
  });

  it("has statistics by unit, and a list of metrics with filters", async () => {
    const test = createTestWorld();
    await put(test, 5, START, { Unit: "Count" });
    await put(test, 10, START);
    const { Datapoints, Label } = await test.call("cloudwatch", "GetMetricStatistics", {
      ...METRIC,
      StartTime: new Date(START),
      EndTime: new Date(START + MINUTE),
      Period: 60,
      Statistics: ["Average"],
    });
    expect(Label).toBe("Errors");
    expect(Datapoints).toEqual([
      { Timestamp: new Date(START), Unit: "Count", Average: 5 },
      { Timestamp: new Date(START), Unit: "None", Average: 10 },
    ]);
    const list = async (filter: Record<string, unknown>) =>
      (await test.call("cloudwatch", "ListMetrics", filter)).Metrics.length;
    expect(await list({ Namespace: "Shop" })).toBe(1);
    expect(await list({ Dimensions: [{ Name: "Service" }] })).toBe(1);
    expect(await list({ Dimensions: [{ Name: "Service", Value: "web" }] })).toBe(0);
  });
});

describe("metrics that come late", () => {
  it("are readable when their outage is over, and those that were out before it stay so", async () => {
    const test = createTestWorld();
    test.cloudwatch.holdMetrics(START + 2 * MINUTE, START + 5 * MINUTE);
    const record = (minute: number) =>
      test.world.links.recordMetric({
        namespace: METRIC.Namespace,
        name: METRIC.MetricName,
        dimensions: Object.fromEntries(METRIC.Dimensions.map(({ Name, Value }) => [Name, Value])),
        timestampMs: START + minute * MINUTE,
        visibleAtMs: START + (minute + 1) * MINUTE,
        values: [minute + 1],
      });
    for (const minute of [0, 1, 2]) record(minute);
    const valuesAt = async (minutes: number) => {
      await test.clock.advanceTo(START + minutes * MINUTE);
      const { MetricDataResults } = await read(test, [query("Sum")], { ScanBy: "TimestampAscending" });
      return MetricDataResults[0].Values;
    };
    expect(await valuesAt(4.9)).toEqual([1]);
    expect(await valuesAt(5)).toEqual([1, 2, 3]);
  });
});
