import { Annotations, Match } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { ReleaseStrategy } from "../../lib/constructs/release-strategy.ts";
import { guardedStack } from "./support.ts";

const warnings = (props: Parameters<typeof guardedStack>[0]) =>
  Annotations.fromStack(guardedStack(props).stack)
    .findWarning("/Shop/Guarded", Match.stringLikeRegexp("goaround:thinTraffic"))
    .map(({ entry }) => String(entry.data));

describe("a release with too little traffic", () => {
  it("is warned of, with what would help", () => {
    const [warning] = warnings({ expectedTraffic: { requestsPerSecond: 2 } });
    expect(warning).toMatch(
      /At 2 requests a second the canary gets about 60 in the 5 minutes of the shift: too few to tell a version that fails 5 % of its requests from one that fails 0\.1 %.*What helps: shift for \d+ minutes or more, or give the canary \d+ % of the traffic, or send synthetic requests/,
    );
  });

  it("is no longer warned of once the advice is followed", () => {
    const expectedTraffic = { requestsPerSecond: 2 };
    const [warning = ""] = warnings({ expectedTraffic });
    const [minutes, percentage] = [/shift for (\d+)/, /canary (\d+) %/].map((one) => Number(one.exec(warning)?.[1]));
    expect(warnings({ expectedTraffic, strategy: ReleaseStrategy.canary({ minutes: minutes as number }) })).toEqual([]);
    expect(
      warnings({ expectedTraffic, strategy: ReleaseStrategy.canary({ percentage: percentage as number }) }),
    ).toEqual([]);
  });

  it("is not warned of when traffic suffices, or when nobody says what there is", () => {
    expect(warnings({ expectedTraffic: { requestsPerSecond: 10 } })).toEqual([]);
    expect(warnings({})).toEqual([]);
  });

  it("depends on the policy's limit and on its false-rollback budget", () => {
    const expectedTraffic = { requestsPerSecond: 3 };
    expect(warnings({ expectedTraffic })).toEqual([]);
    expect(warnings({ expectedTraffic, policy: { checks: { maxErrorRatePercent: 1 } } })).toHaveLength(1);
    expect(warnings({ expectedTraffic, policy: { checks: { falseRollbackPercent: 0.001 } } })).toHaveLength(1);
  });

  it("is seen behind CodeDeploy's own names too, and in each step of a linear shift", () => {
    const expectedTraffic = { requestsPerSecond: 0.05 };
    for (const name of [
      "CodeDeployDefault.LambdaCanary10Percent5Minutes",
      "CodeDeployDefault.LambdaLinear10PercentEvery1Minute",
    ]) {
      expect(warnings({ expectedTraffic, strategy: ReleaseStrategy.named(name) })).toHaveLength(1);
    }
    const [linear] = warnings({
      expectedTraffic,
      strategy: ReleaseStrategy.linear({ percentage: 25, everyMinutes: 2 }),
    });
    expect(linear).toContain("about 9 in the 6 minutes");
    expect(linear).not.toContain("give the canary");
  });

  it("is nothing to warn of where nothing is compared, or where the configuration is not known here", () => {
    const expectedTraffic = { requestsPerSecond: 0.05 };
    for (const strategy of [
      ReleaseStrategy.allAtOnce(),
      ReleaseStrategy.named("CodeDeployDefault.LambdaAllAtOnce"),
      ReleaseStrategy.named("our-own"),
    ]) {
      expect(warnings({ expectedTraffic, strategy })).toEqual([]);
    }
    expect(warnings({ expectedTraffic: { ...expectedTraffic, errorRatePercent: 6 } })).toEqual([]);
  });

  it("is refused when it means nothing, all at once", () => {
    expect(() => guardedStack({ expectedTraffic: { requestsPerSecond: 0, errorRatePercent: 100 } })).toThrow(
      /requestsPerSecond is 0[\s\S]*errorRatePercent is 100/,
    );
  });
});
