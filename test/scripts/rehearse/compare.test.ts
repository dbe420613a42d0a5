import { afterAll, describe, expect, it } from "vitest";
import { compare, comparisonTable } from "../../../scripts/rehearse/compare.ts";
import type { Assemblies } from "../../../scripts/rehearse/deployer.ts";
import { loadScenario, ownApp } from "../../../scripts/rehearse/library.ts";
import { PLAIN_ALARMS, withPlainAlarm } from "../../../scripts/rehearse/plain-alarms.ts";

const template = (alias: object) =>
  JSON.stringify({
    Resources: {
      Rule: { Type: "AWS::Events::Rule", Properties: { State: "ENABLED" } },
      Group: {
        Type: "AWS::CodeDeploy::DeploymentGroup",
        Properties: { DeploymentGroupName: "shop", AlarmConfiguration: { Enabled: true, Alarms: [{ Name: "ours" }] } },
      },
      Alias: {
        Type: "AWS::Lambda::Alias",
        Properties: { FunctionName: "shop", Name: "live", FunctionVersion: "7" },
        ...alias,
      },
    },
  });
const update = (group: unknown) => ({
  UpdatePolicy: {
    CodeDeployLambdaAliasUpdate: {
      DeploymentGroupName: group,
      BeforeAllowTrafficHook: "a",
      AfterAllowTrafficHook: "b",
    },
  },
});

describe("an app without its guard", () => {
  it.each(["shop", { Ref: "Group" }])("has no hooks, no rules and one alarm in its group (%j)", (group) => {
    const { Resources } = JSON.parse(withPlainAlarm(template(update(group)), PLAIN_ALARMS[1]!));
    expect(Resources.Rule.Properties.State).toBe("DISABLED");
    expect(Resources.Alias.UpdatePolicy.CodeDeployLambdaAliasUpdate).toEqual({ DeploymentGroupName: group });
    expect(Resources.Group.Properties.AlarmConfiguration.Alarms).toEqual([{ Name: { Ref: "AliasPlainAlarm" } }]);
    const { Metrics, EvaluationPeriods } = Resources.AliasPlainAlarm.Properties;
    expect(EvaluationPeriods).toBe(2);
    expect(Metrics[0].MetricStat.Metric.Dimensions).toEqual([
      { Name: "FunctionName", Value: "shop" },
      { Name: "Resource", Value: { "Fn::Join": [":", ["shop", "live"]] } },
      { Name: "ExecutedVersion", Value: "7" },
    ]);
  });

  it("keeps what is no part of a guarded release", () => {
    const plain = template({});
    const { Resources } = JSON.parse(withPlainAlarm(plain, PLAIN_ALARMS[0]!));
    expect(Resources.Alias).toEqual(JSON.parse(plain).Resources.Alias);
    expect(Resources.Group).toEqual(JSON.parse(plain).Resources.Group);
  });
});

describe("a comparison", () => {
  const assemblies = new Map<string, Assemblies>();
  afterAll(() => {
    for (const assembly of assemblies.values()) assembly.dispose();
  });

  it("shows the guard beside alarms that take a healthy release back in an outage", async () => {
    const options = { app: ownApp("bin/app"), environment: "dev", assemblies };
    const comparison = await compare(loadScenario("outage-on-both"), options, [1]);
    expect(comparison.asExpected).toBe(true);
    expect(comparison.contenders.map(({ name, outcomes, falseRollbacks }) => [name, outcomes, falseRollbacks])).toEqual(
      [["Goaround", { promoted: 1 }, 0], ...PLAIN_ALARMS.map(({ name }) => [name, { "rolled-back": 1 }, 1])],
    );
    expect(comparisonTable([comparison])).toContain("outage-on-both  Goaround");
  }, 120_000);
});
