import { App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { ReleaseStrategy } from "../../lib/constructs/release-strategy.ts";
import "./support.ts";

const configurationOf = (strategy: ReleaseStrategy) => {
  const stack = new Stack(new App(), "S");
  const name = strategy.configuration(stack);
  return { name, template: Template.fromStack(stack) };
};

describe("release strategy", () => {
  it("takes CodeDeploy's own configuration where there is one", () => {
    expect(configurationOf(ReleaseStrategy.canary()).name).toBe("CodeDeployDefault.LambdaCanary10Percent5Minutes");
    expect(configurationOf(ReleaseStrategy.linear()).name).toBe(
      "CodeDeployDefault.LambdaLinear10PercentEvery10Minutes",
    );
    expect(configurationOf(ReleaseStrategy.linear({ everyMinutes: 1 })).name).toBe(
      "CodeDeployDefault.LambdaLinear10PercentEvery1Minute",
    );
    expect(configurationOf(ReleaseStrategy.allAtOnce()).name).toBe("CodeDeployDefault.LambdaAllAtOnce");
  });

  it("leaves the last step of a staged release to CodeDeploy, and the stages to the policy", () => {
    const strategy = ReleaseStrategy.staged("5:3m,20:5m,100", { minSamples: 50, goOn: "promote" });
    expect(configurationOf(strategy).name).toBe("CodeDeployDefault.LambdaAllAtOnce");
    expect(strategy.steps).toEqual([
      { share: 0.05, minutes: 3 },
      { share: 0.2, minutes: 5 },
    ]);
    expect(strategy.staged).toEqual({
      stages: [
        { percent: 5, minutes: 3 },
        { percent: 20, minutes: 5 },
        { percent: 100, minutes: 0 },
      ],
      minSamples: 50,
      goOn: "promote",
    });
    expect(() => ReleaseStrategy.staged("20:5m,5:3m")).toThrow(/stage 2 .* no more than|takes no time/);
  });

  it("creates a configuration for a step that CodeDeploy does not ship", () => {
    configurationOf(ReleaseStrategy.canary({ percentage: 25, minutes: 15 })).template.hasResourceProperties(
      "AWS::CodeDeploy::DeploymentConfig",
      {
        ComputePlatform: "Lambda",
        TrafficRoutingConfig: {
          Type: "TimeBasedCanary",
          TimeBasedCanary: { CanaryPercentage: 25, CanaryInterval: 15 },
        },
      },
    );
  });

  it("creates one configuration for all functions of a stack that want the same step", () => {
    const stack = new Stack(new App(), "S");
    ReleaseStrategy.linear({ percentage: 20, everyMinutes: 3 }).configuration(stack);
    ReleaseStrategy.linear({ percentage: 20, everyMinutes: 3 }).configuration(stack);
    Template.fromStack(stack).resourceCountIs("AWS::CodeDeploy::DeploymentConfig", 1);
  });

  it.each([
    [() => ReleaseStrategy.canary({ percentage: 100 }), /percentage is 100; give a whole number from 1 to 99/],
    [() => ReleaseStrategy.canary({ percentage: 2.5 }), /percentage is 2\.5/],
    [() => ReleaseStrategy.canary({ minutes: 0.5 }), /the interval is 0\.5 minutes; give whole minutes/],
    [() => ReleaseStrategy.canary({ minutes: 2881 }), /takes 2881 minutes; CodeDeploy allows 2880/],
    [() => ReleaseStrategy.linear({ percentage: 1, everyMinutes: 30 }), /takes 2970 minutes; CodeDeploy allows 2880/],
    [() => ReleaseStrategy.named("no spaces"), /is no name of a deployment configuration/],
  ])("refuses what CodeDeploy would refuse (%#)", (make, message) => {
    expect(make).toThrow(message);
  });

  it("names all problems of a step at once", () => {
    expect(() => ReleaseStrategy.linear({ percentage: 0, everyMinutes: 0 })).toThrow(/percentage is 0.*interval is 0/);
  });

  it("allows the longest shift that CodeDeploy allows", () => {
    expect(() => ReleaseStrategy.canary({ minutes: 2880 })).not.toThrow();
    expect(() => ReleaseStrategy.linear({ percentage: 50, everyMinutes: 2880 })).not.toThrow();
  });
});
