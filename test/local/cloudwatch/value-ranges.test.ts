import { describe, expect, it } from "vitest";
import { Distribution } from "../../../lib/local/services/cloudwatch/distribution.ts";
import { statisticFunction } from "../../../lib/local/services/cloudwatch/statistics.ts";

const samples = new Distribution();
for (const value of [10, 20, 30, 40]) samples.add(value);

describe("statistics over a range of values", () => {
  it.each([
    { statistic: "PR(20:)", expected: 50 },
    { statistic: "PR(:20)", expected: 50 },
    { statistic: "PR(10:30)", expected: 50 },
    { statistic: "TC(20:)", expected: 2 },
    { statistic: "TC(:40)", expected: 4 },
  ])("$statistic of 10, 20, 30, 40 is $expected", ({ statistic, expected }) => {
    expect(statisticFunction(statistic, "GetMetricData")(samples)).toBe(expected);
  });

  it("refuses bounds in percent, which are not implemented", () => {
    expect(() => statisticFunction("TC(10%:90%)", "GetMetricData")).toThrow(/TC\(10%:90%\)/);
  });
});
