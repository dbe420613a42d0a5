import { describe, expect, it } from "vitest";
import { anAccount, MINUTE, SECOND } from "./account.ts";

const ALARMS = { alarmConfiguration: { enabled: true, alarms: [{ name: "errors" }, { name: "latency" }] } };

describe("alarms", () => {
  it("stop the deployment within one poll and put the traffic back", async () => {
    const account = await anAccount({ group: ALARMS });
    account.cloudwatch.set("errors", "OK");
    const id = await account.deploy();
    await account.clock.advanceBy(90 * SECOND);
    expect(account.alias.weights).toEqual({ "2": 0.1 });
    account.cloudwatch.set("errors", "ALARM");
    await account.clock.advanceBy(13 * SECOND);
    expect(account.alias).toEqual({ FunctionVersion: "1", weights: {} });
    expect(await account.info(id)).toMatchObject({
      status: "Stopped",
      deploymentOverview: { Failed: 1 },
      errorInformation: {
        code: "ALARM_ACTIVE",
        message:
          "One or more alarms have been activated according to the Amazon CloudWatch metrics you selected, and the affected deployments have been stopped. Activated alarms: <errors>",
      },
    });
    expect(await account.eventStatuses(id)).toEqual({
      BeforeAllowTraffic: "Succeeded",
      AllowTraffic: "Failed",
      AfterAllowTraffic: "Skipped",
    });
  });

  it("that are red at the start stop the deployment before any hook runs", async () => {
    const account = await anAccount({ group: ALARMS });
    account.cloudwatch.set("errors", "ALARM");
    account.cloudwatch.set("latency", "ALARM");
    const id = await account.deploy({ hooks: [{ BeforeAllowTraffic: "pre" }] });
    await account.clock.advanceBy(2 * SECOND);
    const info = await account.info(id);
    expect(info.status).toBe("Stopped");
    expect(info.errorInformation?.message).toMatch(/Activated alarms: <errors> <latency>$/);
    expect(account.lambda.invocations).toEqual([]);
  });

  it("without data, or that do not exist, do not count", async () => {
    const account = await anAccount({ group: ALARMS });
    account.cloudwatch.set("errors", "INSUFFICIENT_DATA");
    const id = await account.deploy();
    await account.clock.advanceBy(6 * MINUTE);
    expect((await account.info(id)).status).toBe("Succeeded");
  });

  it("are replaced by the deployment's own configuration", async () => {
    const account = await anAccount({ group: ALARMS });
    account.cloudwatch.set("errors", "ALARM");
    const id = await account.deploy({}, { overrideAlarmConfiguration: { enabled: false, alarms: [] } });
    await account.clock.advanceBy(6 * MINUTE);
    expect((await account.info(id)).status).toBe("Succeeded");
  });

  it("that cannot be read stop the deployment, unless the group ignores that", async () => {
    const strict = await anAccount({ group: ALARMS });
    strict.world.faults.inject({ service: "cloudwatch", operation: "DescribeAlarms", kind: "unavailable" });
    const stopped = await strict.deploy();
    await strict.clock.advanceBy(2 * MINUTE);
    expect((await strict.info(stopped)).status).toBe("Stopped");

    const lenient = await anAccount({
      group: { alarmConfiguration: { ...ALARMS.alarmConfiguration, ignorePollAlarmFailure: true } },
    });
    lenient.world.faults.inject({ service: "cloudwatch", operation: "DescribeAlarms", kind: "unavailable" });
    const kept = await lenient.deploy();
    await lenient.clock.advanceBy(10 * MINUTE);
    expect((await lenient.info(kept)).status).toBe("Succeeded");
  });
});

describe("rollback", () => {
  it("is a second deployment; both know each other in the recorded words", async () => {
    const account = await anAccount({ group: ALARMS });
    await account.released("1", "2");
    const failed = await account.deploy({ from: "2", to: "3" });
    await account.clock.advanceBy(2 * SECOND);
    account.cloudwatch.set("errors", "ALARM");
    await account.clock.advanceBy(15 * SECOND);
    const { rollbackInfo } = await account.info(failed);
    const undo = rollbackInfo?.rollbackDeploymentId ?? "";
    expect(rollbackInfo?.rollbackMessage).toBe(
      `Deployment ${failed} terminated. Automatic rollback is triggered with a DeploymentId ${undo}.`,
    );
    expect(await account.info(undo)).toMatchObject({
      status: "Succeeded",
      creator: "codeDeployRollback",
      deploymentConfigName: "CodeDeployDefault.LambdaAllAtOnce",
      rollbackInfo: {
        rollbackTriggeringDeploymentId: failed,
        rollbackMessage: `Deployment ${undo} is triggered to roll back deployment ${failed}.`,
      },
    });
    expect(account.alias).toEqual({ FunctionVersion: "2", weights: {} });
  });

  it("goes to the group's last successful revision even when the alias came from elsewhere", async () => {
    const account = await anAccount();
    await account.released("1", "2");
    account.alias.FunctionVersion = "5";
    const id = await account.deploy({ from: "5", to: "6", hooks: [{ BeforeAllowTraffic: "pre" }] });
    await account.clock.advanceBy(61 * MINUTE);
    expect((await account.info(id)).status).toBe("Failed");
    expect(account.alias.FunctionVersion).toBe("2");
  });

  it("of a group's first deployment restores the version that the alias came from", async () => {
    const account = await anAccount();
    const id = await account.deploy();
    await account.clock.advanceBy(2 * SECOND);
    await account.call("StopDeployment", { deploymentId: id, autoRollbackEnabled: true });
    await account.clock.advanceBy(15 * SECOND);
    expect(account.alias).toEqual({ FunctionVersion: "1", weights: {} });
    const undo = (await account.info(id)).rollbackInfo?.rollbackDeploymentId ?? "";
    expect(await account.info(undo)).toMatchObject({ status: "Succeeded", creator: "codeDeployRollback" });
  });

  it("of a group's first deployment leaves the weights when the option says none", async () => {
    const account = await anAccount({ firstRollback: "none" });
    const id = await account.deploy();
    await account.clock.advanceBy(2 * SECOND);
    await account.call("StopDeployment", { deploymentId: id, autoRollbackEnabled: true });
    await account.clock.advanceBy(15 * SECOND);
    expect(account.alias.weights).toEqual({ "2": 0.1 });
    const { rollbackInfo } = await account.info(id);
    expect(rollbackInfo?.rollbackDeploymentId).toBeUndefined();
    expect(rollbackInfo?.rollbackMessage).toContain("cannot be rolled back");
  });

  it("runs no hooks, or runs them when the option says so", async () => {
    const hooks = [{ BeforeAllowTraffic: "pre" }];
    for (const hooksOnRollbackDeployments of [false, true]) {
      const account = await anAccount({ hooksOnRollbackDeployments });
      const id = await account.deploy({ hooks });
      await account.clock.advanceBy(61 * MINUTE);
      const undo = (await account.info(id)).rollbackInfo?.rollbackDeploymentId ?? "";
      const invoked = account.lambda.invocations.some((invocation) => invocation.payload.DeploymentId === undo);
      expect(invoked).toBe(hooksOnRollbackDeployments);
    }
  });

  it("does not happen for an event that the deployment's own configuration leaves out", async () => {
    const account = await anAccount();
    const id = await account.deploy(
      { hooks: [{ BeforeAllowTraffic: "pre" }] },
      { autoRollbackConfiguration: { enabled: true, events: ["DEPLOYMENT_STOP_ON_ALARM"] } },
    );
    await account.clock.advanceBy(61 * MINUTE);
    expect(await account.info(id)).toMatchObject({ status: "Failed" });
    expect((await account.info(id)).rollbackInfo).toBeUndefined();
  });
});

describe("StopDeployment", () => {
  const NO_ROLLBACK = { autoRollbackConfiguration: { enabled: false } };

  it("answers Pending, and traffic is back after the stop lag", async () => {
    const account = await anAccount({ stopLagMs: 10 * SECOND });
    const id = await account.deploy();
    await account.clock.advanceBy(2 * SECOND);
    expect(await account.call("StopDeployment", { deploymentId: id })).toMatchObject({ status: "Pending" });
    await account.clock.advanceBy(9 * SECOND);
    expect(account.alias.weights).toEqual({ "2": 0.1 });
    expect(await account.call("StopDeployment", { deploymentId: id })).toMatchObject({ status: "Pending" });
    await account.clock.advanceBy(4 * SECOND);
    expect(account.alias).toEqual({ FunctionVersion: "1", weights: {} });
    expect(await account.info(id)).toMatchObject({ status: "Stopped", errorInformation: { code: "MANUAL_STOP" } });
  });

  it("without rollback leaves the weights, and these fail the next deployment", async () => {
    const account = await anAccount({ group: NO_ROLLBACK });
    const id = await account.deploy();
    await account.clock.advanceBy(2 * SECOND);
    await account.call("StopDeployment", { deploymentId: id });
    await account.clock.advanceBy(20 * MINUTE);
    expect(account.alias).toEqual({ FunctionVersion: "1", weights: { "2": 0.1 } });
    const next = await account.deploy({ from: "1", to: "3" });
    await account.clock.advanceBy(2 * SECOND);
    expect(await account.info(next)).toMatchObject({
      status: "Failed",
      errorInformation: { code: "INVALID_LAMBDA_CONFIGURATION" },
    });
  });

  it("refuses a deployment that has ended", async () => {
    const account = await anAccount();
    const id = await account.released("1", "2");
    await expect(account.call("StopDeployment", { deploymentId: id })).rejects.toMatchObject({
      code: "DeploymentAlreadyCompletedException",
    });
  });

  it("closes the hook that is running", async () => {
    const account = await anAccount();
    const deploymentId = await account.deploy({ hooks: [{ BeforeAllowTraffic: "pre" }] });
    await account.clock.advanceBy(2 * SECOND);
    await account.call("StopDeployment", { deploymentId });
    await expect(
      account.call("PutLifecycleEventHookExecutionStatus", {
        ...{ deploymentId, status: "Succeeded" },
        lifecycleEventHookExecutionId: account.lambda.invocations[0]?.payload.LifecycleEventHookExecutionId,
      }),
    ).rejects.toMatchObject({ code: "LifecycleEventAlreadyCompletedException" });
  });
});

describe("throttled Lambda calls", () => {
  it("are tried again", async () => {
    const account = await anAccount();
    account.world.faults.inject({ service: "lambda", operation: "UpdateAlias", kind: "throttle", times: 3 });
    const id = await account.deploy();
    await account.clock.advanceBy(7 * MINUTE);
    expect((await account.info(id)).status).toBe("Succeeded");
  });

  it("fail the deployment when they do not stop", async () => {
    const account = await anAccount();
    account.world.faults.inject({ service: "lambda", operation: "UpdateAlias", kind: "throttle", times: 8 });
    const id = await account.deploy();
    await account.clock.advanceBy(7 * MINUTE);
    expect(await account.info(id)).toMatchObject({ status: "Failed", errorInformation: { code: "THROTTLED" } });
    expect(account.alias).toEqual({ FunctionVersion: "1", weights: {} });
  });
});
