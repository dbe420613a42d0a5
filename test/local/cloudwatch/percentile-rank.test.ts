import { describe, expect, it } from "vitest";
import { Distribution } from "../../../lib/local/services/cloudwatch/distribution.ts";
import { statisticFunction } from "../../../lib/local/services/cloudwatch/statistics.ts";

const samples = (...values: number[]) => {
  const distribution = new Distribution();
  for (const value of values) distribution.add(value);
  return distribution;
};

describe("statistic PR", () => {
  it.each([
    ["PR(:300)", 75],
    ["PR(300:)", 25],
    ["PR(100:300)", 50],
    ["PR(0.5:100)", 25],
  ])("%s counts from above its lower bound up to its upper one, in percent", (name, percent) => {
    expect(statisticFunction(name, "GetMetricData")(samples(100, 200, 300, 400))).toBe(percent);
  });

  it("is unknown where single values are", () => {
    const set = new Distribution();
    set.addStatisticSet({ count: 10, sum: 100, minimum: 1, maximum: 50 });
    expect(statisticFunction("PR(5:)", "GetMetricData")(set)).toBeUndefined();
  });
});
