import { describe, expect, it } from "vitest";
import { addUsage, bill, metricsOfAlarm, standingUsage, times, total } from "../../bench/cost/bill.ts";
import { clientsIn } from "../../bench/cost/load.ts";
import { transitionsIn } from "../../bench/cost/tally.ts";
import { median } from "../../bench/cost/turns.ts";

describe("what the benchmark of cost counts", () => {
  it("bills an alarm by the metrics it reads, and an expression over them not at all", () => {
    expect(metricsOfAlarm({})).toBe(1);
    expect(metricsOfAlarm({ Metrics: [{ MetricStat: {} }, { MetricStat: {} }, {}] })).toBe(2);
  });

  it("finds in a template what costs money while nothing happens", () => {
    const usage = standingUsage({
      Plain: { Type: "AWS::CloudWatch::Alarm", Properties: { MetricName: "Errors" } },
      Compared: {
        Type: "AWS::CloudWatch::Alarm",
        Properties: { Metrics: [{ MetricStat: {} }, { MetricStat: {} }, {}] },
      },
      Key: { Type: "AWS::KMS::Key" },
      Role: { Type: "AWS::IAM::Role" },
    });
    expect(usage).toEqual({ alarmMetricMonth: 3, kmsKeyMonth: 1, dashboardMonth: 0 });
    expect(total(bill(usage))).toBeCloseTo(1.3);
  });

  it("adds up and multiplies what is used", () => {
    expect(addUsage({ lambdaRequest: 2 }, times({ lambdaRequest: 3, snsEmail: 1 }, 10))).toEqual({
      lambdaRequest: 32,
      snsEmail: 10,
    });
  });

  it("counts a state that is entered as a transition, and a try that is made again as one more", () => {
    const types = [
      "ExecutionStarted",
      "TaskStateEntered",
      "TaskScheduled",
      "TaskFailed",
      "TaskScheduled",
      "TaskSucceeded",
    ];
    expect(transitionsIn([...types, "TaskStateExited", "WaitStateEntered", "WaitStateExited"])).toBe(3);
  });

  it("knows a bundle's clients by the services they name", () => {
    expect(clientsIn('a=e?.serviceId??"CodeDeploy",b=t?.serviceId ?? "Lambda",c=n?.serviceId??"Lambda"')).toEqual([
      "CodeDeploy",
      "Lambda",
    ]);
  });

  it("takes the middle of samples, not their mean", () => {
    expect(median([100, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 100])).toBe(3);
  });
});
