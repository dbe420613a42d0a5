import { describe, expect, it } from "vitest";
import { trafficSteps } from "../../../lib/local/services/codedeploy/configurations.ts";
import { anAccount, MINUTE, SECOND, START_MS } from "./account.ts";

describe("traffic shift", () => {
  it("keeps the alias on the current version with a weight for the target until the canary interval is over", async () => {
    const { clock, deploy, alias } = await anAccount();
    await deploy();
    await clock.advanceBy(2 * SECOND);
    expect(alias).toEqual({ FunctionVersion: "1", weights: { "2": 0.1 } });
    await clock.advanceBy(5 * MINUTE - 2 * SECOND);
    expect(alias).toEqual({ FunctionVersion: "1", weights: { "2": 0.1 } });
    await clock.advanceBy(2 * SECOND);
    expect(alias).toEqual({ FunctionVersion: "2", weights: {} });
  });

  it("adds the linear percentage at the begin of each interval and ends at 100 percent after nine", async () => {
    const { clock, deploy, lambda } = await anAccount();
    await deploy({}, { deploymentConfigName: "CodeDeployDefault.LambdaLinear10PercentEvery1Minute" });
    await clock.advanceBy(20 * MINUTE);
    const steps = lambda.updates.map((update) => [
      (update.atMs - START_MS - SECOND) / MINUTE,
      update.weights["2"] ?? 1,
    ]);
    expect(steps).toEqual([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1].map((weight, minute) => [minute, weight]));
  });

  it("ends an uneven linear configuration at exactly 100 percent", () => {
    const steps = trafficSteps({
      type: "TimeBasedLinear",
      timeBasedLinear: { linearPercentage: 30, linearInterval: 2 },
    });
    expect(steps.map((step) => [step.atMs / MINUTE, step.percent])).toEqual([
      [0, 30],
      [2, 60],
      [4, 90],
      [6, 100],
    ]);
  });

  it("moves the alias as the group's service role", async () => {
    const { clock, deploy, lambda } = await anAccount();
    const id = await deploy();
    await clock.advanceBy(6 * MINUTE);
    expect(new Set(lambda.updates.map((update) => update.principal))).toEqual(
      new Set([`arn:aws:sts::111122223333:assumed-role/deployer/${id}`]),
    );
  });

  it("tells status, overview, target weight and the three lifecycle events", async () => {
    const account = await anAccount();
    const id = await account.deploy();
    expect(await account.info(id)).toMatchObject({ status: "Created", deploymentOverview: { Pending: 1 } });
    await account.clock.advanceBy(2 * SECOND);
    expect(await account.info(id)).toMatchObject({ status: "InProgress", creator: "user" });
    expect(await account.target(id)).toMatchObject({
      status: "InProgress",
      lambdaFunctionInfo: { functionName: "orders", currentVersion: "1", targetVersion: "2", targetVersionWeight: 0.1 },
    });
    await account.clock.advanceBy(6 * MINUTE);
    expect(await account.info(id)).toMatchObject({ status: "Succeeded", deploymentOverview: { Succeeded: 1 } });
    expect((await account.target(id)).lambdaFunctionInfo?.targetVersionWeight).toBe(1);
    expect(await account.eventStatuses(id)).toEqual({
      BeforeAllowTraffic: "Succeeded",
      AllowTraffic: "Succeeded",
      AfterAllowTraffic: "Succeeded",
    });
  });

  it("waits for provisioned concurrency before the shift counts as done", async () => {
    const account = await anAccount();
    account.lambda.provisioned = "IN_PROGRESS";
    const id = await account.deploy({}, { deploymentConfigName: "CodeDeployDefault.LambdaAllAtOnce" });
    await account.clock.advanceBy(3 * MINUTE);
    expect((await account.info(id)).status).toBe("InProgress");
    account.lambda.provisioned = "READY";
    await account.clock.advanceBy(11 * SECOND);
    expect((await account.info(id)).status).toBe("Succeeded");
  });

  it("reads an AppSpec in YAML with lower-case keys", async () => {
    const account = await anAccount();
    const content = [
      "version: 0.0",
      "resources:",
      "  - orders:",
      "      type: AWS::Lambda::Function",
      "      properties:",
      "        name: orders",
      "        alias: live",
      "        currentversion: 1",
      "        targetversion: 2",
    ].join("\n");
    const id = await account.deploy(
      {},
      {
        revision: { revisionType: "AppSpecContent", appSpecContent: { content } },
        deploymentConfigName: "CodeDeployDefault.LambdaAllAtOnce",
      },
    );
    await account.clock.advanceBy(5 * SECOND);
    expect((await account.info(id)).status).toBe("Succeeded");
    expect(account.alias.FunctionVersion).toBe("2");
  });

  it("shows a revision without its content and hands the content out with GetApplicationRevision", async () => {
    const account = await anAccount();
    const id = await account.deploy();
    const { revision, applicationName } = await account.info(id);
    expect(revision?.appSpecContent?.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(revision?.appSpecContent?.content).toBeUndefined();
    const output = await account.call<{ revision: { string: { content: string } } }>("GetApplicationRevision", {
      applicationName,
      revision,
    });
    expect(JSON.parse(output.revision.string.content).Resources[0].orders.Properties.TargetVersion).toBe("2");
  });
});

describe("validation after creation", () => {
  const failing = async (
    parts: Parameters<Awaited<ReturnType<typeof anAccount>>["deploy"]>[0],
    prepare = (_: Awaited<ReturnType<typeof anAccount>>) => {},
  ) => {
    const account = await anAccount();
    prepare(account);
    const id = await account.deploy(parts);
    await account.clock.advanceBy(5 * SECOND);
    return { ...(await account.info(id)), alias: account.alias, updates: account.lambda.updates };
  };
  const prefix =
    "The deployment failed because the AppSpec file that specifies the AWS Lambda deployment configuration is missing or has an invalid configuration.";

  it("fails when the alias is not on the AppSpec's current version", async () => {
    const result = await failing({ from: "3", to: "4" });
    expect(result).toMatchObject({
      status: "Failed",
      errorInformation: {
        code: "INVALID_LAMBDA_CONFIGURATION",
        message: `${prefix} The Lambda function alias version does not match the current version in AppSpec file.`,
      },
    });
  });

  it("fails without a detail when both versions are the same", async () => {
    const result = await failing({ from: "1", to: "1" });
    expect(result.errorInformation).toEqual({ code: "INVALID_LAMBDA_CONFIGURATION", message: prefix });
  });

  it("fails when weights were left on the alias, and leaves them there without a rollback", async () => {
    const result = await failing({}, (account) => {
      account.alias.weights = { "7": 0.1 };
    });
    expect(result).toMatchObject({ status: "Failed", errorInformation: { code: "INVALID_LAMBDA_CONFIGURATION" } });
    expect(result.rollbackInfo).toBeUndefined();
    expect(result.alias.weights).toEqual({ "7": 0.1 });
    expect(result.updates).toEqual([]);
  });

  it("fails on a hook for an event that Lambda does not have", async () => {
    const result = await failing({ hooks: [{ AfterInstall: "hook" }] });
    expect(result.errorInformation?.message).toContain("AfterInstall");
  });
});
