import { Stack } from "aws-cdk-lib";
import { Topic } from "aws-cdk-lib/aws-sns";
import { describe, expect, it } from "vitest";
import { guardedStack, ofType, only, type Resource, text } from "./support.ts";

interface Query {
  Id: string;
  Expression?: string;
  ReturnData?: boolean;
  MetricStat?: { Metric: { Dimensions: { Name: string; Value: unknown }[] }; Period: number; Stat: string };
}

const alarms = (props: Parameters<typeof guardedStack>[0] = {}) =>
  ofType(guardedStack(props).template(), "AWS::CloudWatch::Alarm");
const nameOf = (alarm: Resource) => text(alarm.Properties.AlarmName);
const isCanary = (alarm: Resource) => nameOf(alarm).includes(".v<");
const canaryAlarm = (check: string, props: Parameters<typeof guardedStack>[0] = {}) =>
  alarms(props).find((alarm) => nameOf(alarm).startsWith(`goaround-dev-shop-checkout.live.${check}.v<`)) as Resource;
const queries = (alarm: Resource) => alarm.Properties.Metrics as Query[];

/** CloudWatch metric math of these alarms, which uses nothing that JavaScript spells differently but IF and AND. */
function evaluate(alarm: Resource, values: Record<string, number>): { value: number; breaches: boolean } {
  const expression = queries(alarm).find((query) => query.Expression)?.Expression ?? "";
  const script = expression.replaceAll(" AND ", " && ");
  const compute = new Function("IF", ...Object.keys(values), `return ${script}`);
  const value = compute(
    (condition: boolean, yes: number, no: number) => (condition ? yes : no),
    ...Object.values(values),
  );
  return { value, breaches: value > Number(alarm.Properties.Threshold) };
}

describe("alarms on the canary", () => {
  it("are in the deployment group, alone", () => {
    const template = guardedStack().template();
    const group = only(template, "AWS::CodeDeploy::DeploymentGroup");
    const configuration = group.Properties.AlarmConfiguration as { Enabled: boolean; Alarms: { Name: unknown }[] };
    expect(configuration.Enabled).toBe(true);
    expect(configuration.Alarms.map(({ Name }) => text(Name).replace(/[0-9A-F]{8}>$/, ">"))).toEqual([
      "<GuardedCanaryErrorRate>",
      "<GuardedCanaryDuration>",
      "<GuardedCanaryP99>",
    ]);
  });

  it("carry the version in their name, for an alarm keeps its state when its definition changes", () => {
    const names = alarms().filter(isCanary).map(nameOf);
    expect(names).toHaveLength(3);
    for (const name of names) expect(name).toMatch(/\.v<FunctionCurrentVersion\w+\.Version>$/);
  });

  it("split the alias by function, literal resource and executed version", () => {
    for (const alarm of alarms().filter(isCanary)) {
      const dimensions = queries(alarm)
        .filter((query) => query.MetricStat)
        .map((query) => ({ id: query.Id, dimensions: query.MetricStat?.Metric.Dimensions ?? [] }));
      for (const { id, dimensions: list } of dimensions) {
        const byName = Object.fromEntries(list.map(({ Name, Value }) => [Name, Value]));
        expect(byName).toMatchObject({ FunctionName: "shop-checkout", Resource: "shop-checkout:live" });
        expect("ExecutedVersion" in byName).toBe(id.startsWith("c"));
      }
    }
  });

  it("look at one-minute periods, twice, and take missing data as no breach", () => {
    for (const alarm of alarms()) {
      expect(alarm.Properties).toMatchObject({
        EvaluationPeriods: 2,
        DatapointsToAlarm: 2,
        TreatMissingData: "notBreaching",
        ComparisonOperator: "GreaterThanThreshold",
      });
      for (const query of (alarm.Properties.Metrics as Query[] | undefined) ?? []) {
        if (query.MetricStat) expect(query.MetricStat.Period).toBe(60);
      }
    }
  });

  it("breach on a canary that fails while its baseline does not", () => {
    const alarm = canaryAlarm("error-rate");
    expect(evaluate(alarm, { cInv: 60, cErr: 12, aInv: 600, aErr: 13 })).toEqual({ value: 20, breaches: true });
  });

  it("stay quiet in an outage that hits both versions", () => {
    expect(evaluate(canaryAlarm("error-rate"), { cInv: 60, cErr: 18, aInv: 600, aErr: 180 }).breaches).toBe(false);
    expect(
      evaluate(canaryAlarm("duration"), { cSum: 60 * 15_000, cCount: 60, aSum: 600 * 15_000, aCount: 600 }).breaches,
    ).toBe(false);
    expect(evaluate(canaryAlarm("p99"), { cSlow: 30, aSlow: 30, cCount: 60, aCount: 600 }).breaches).toBe(false);
  });

  it.each([
    [19, false],
    [20, true],
  ])("at %i canary requests a minute decide: %s", (cInv, breaches) => {
    expect(evaluate(canaryAlarm("error-rate"), { cInv, cErr: 10, aInv: 600, aErr: 10 }).breaches).toBe(breaches);
  });

  it("stay quiet at the limit and breach just above it", () => {
    const alarm = canaryAlarm("error-rate");
    expect(evaluate(alarm, { cInv: 1000, cErr: 50, aInv: 10_000, aErr: 50 }).breaches).toBe(false);
    expect(evaluate(alarm, { cInv: 1000, cErr: 51, aInv: 10_000, aErr: 51 }).breaches).toBe(true);
  });

  it("need more than twice the baseline's rate", () => {
    const alarm = canaryAlarm("error-rate");
    expect(evaluate(alarm, { cInv: 100, cErr: 8, aInv: 1000, aErr: 8 + 36 }).breaches).toBe(false);
    expect(evaluate(alarm, { cInv: 100, cErr: 9, aInv: 1000, aErr: 9 + 36 }).breaches).toBe(true);
  });

  it("have nothing to say once the canary has all the traffic", () => {
    expect(evaluate(canaryAlarm("error-rate"), { cInv: 600, cErr: 300, aInv: 600, aErr: 300 })).toEqual({
      value: 0,
      breaches: false,
    });
  });

  it("catch a slow average and a slow tail of the canary alone", () => {
    expect(
      evaluate(canaryAlarm("duration"), { cSum: 60 * 12_000, cCount: 60, aSum: 60 * 12_000 + 540 * 100, aCount: 600 }),
    ).toEqual({ value: 12_000, breaches: true });
    expect(evaluate(canaryAlarm("p99"), { cSlow: 5, aSlow: 0.5, cCount: 60, aCount: 600 })).toEqual({
      value: 5,
      breaches: true,
    });
    expect(queries(canaryAlarm("p99")).map((query) => query.MetricStat?.Stat)).toContain("PR(5000:)");
  });

  it("take their limits from the policy's checks, unless told otherwise", () => {
    const policy = { checks: { maxErrorRatePercent: 3, maxAverageDurationMs: 800, minSamples: 50 } };
    expect(canaryAlarm("error-rate", { policy }).Properties.Threshold).toBe(3);
    expect(canaryAlarm("duration", { policy }).Properties.Threshold).toBe(800);
    expect(queries(canaryAlarm("error-rate", { policy })).at(-1)?.Expression).toContain("cInv >= 50");
    const alarmLimits = { errorRatePercent: 9, timesBaseline: 3 };
    expect(canaryAlarm("error-rate", { policy, alarmLimits }).Properties.Threshold).toBe(9);
    expect(queries(canaryAlarm("error-rate", { alarmLimits })).at(-1)?.Expression).toContain("> 3 *");
  });

  it("refuse limits that mean nothing, all at once", () => {
    expect(() => guardedStack({ alarmLimits: { errorRatePercent: 0, p99DurationMs: -1 } })).toThrow(
      /alarmLimits\.errorRatePercent is 0[\s\S]*alarmLimits\.p99DurationMs is -1/,
    );
  });
});

describe("alarms on the alias", () => {
  it("watch errors, duration, p99 and throttles, and publish nothing themselves", () => {
    const absolute = alarms().filter((alarm) => !isCanary(alarm));
    expect(absolute.map((alarm) => [nameOf(alarm).split(".").at(-1), alarm.Properties.Threshold])).toEqual([
      ["error-rate", 5],
      ["duration", 10_000],
      ["p99", 5000],
      ["throttles", 0],
    ]);
    for (const alarm of absolute) expect(alarm.Properties.AlarmActions).toBeUndefined();
  });

  it("publish to a topic when asked, which the canary's never do", () => {
    const topic = Topic.fromTopicArn(new Stack(), "Topic", "arn:aws:sns:eu-west-1:111122223333:ops");
    const acting = alarms({ alarmTopic: topic }).filter((alarm) => alarm.Properties.AlarmActions);
    expect(acting).toHaveLength(4);
    expect(acting.some(isCanary)).toBe(false);
  });

  it("stop deployments only when policy asks for AWS's plain behaviour", () => {
    const group = only(
      guardedStack({ absoluteAlarmsStopDeployments: true, deploymentAlarmNames: ["database-down"] }).template(),
      "AWS::CodeDeploy::DeploymentGroup",
    );
    const { Alarms } = group.Properties.AlarmConfiguration as { Alarms: unknown[] };
    expect(Alarms).toHaveLength(8);
    expect(Alarms).toContainEqual({ Name: "database-down" });
  });

  it("are at most ten in a group", () => {
    expect(() => guardedStack({ deploymentAlarmNames: ["1", "2", "3", "4", "5", "6", "7", "8"] })).toThrow(
      /would have 11 alarms; CodeDeploy allows 10: name at most 7/,
    );
  });
});
