import { describe, expect, it } from "vitest";
import { growthSteps } from "../../../lib/local/services/appconfig/strategies.ts";
import { anAccount, flags, HOUR, MINUTE, SECOND } from "./account.ts";

const OFF = flags({ search: { enabled: false } });
const ON = flags({ search: { enabled: true } });

describe("growth", () => {
  const steps = (growthType: "LINEAR" | "EXPONENTIAL", durationMinutes: number, growthFactor: number) =>
    growthSteps({ growthType, durationMinutes, growthFactor }).map((step) => [step.atMs / MINUTE, step.percent]);

  it("is linear in equal steps, the first after one interval", () => {
    expect(steps("LINEAR", 600, 20)).toEqual([
      [120, 20],
      [240, 40],
      [360, 60],
      [480, 80],
      [600, 100],
    ]);
  });

  it("doubles when it is exponential", () => {
    expect(steps("EXPONENTIAL", 20, 10)).toEqual([
      [4, 10],
      [8, 20],
      [12, 40],
      [16, 80],
      [20, 100],
    ]);
  });
});

describe("deployments", () => {
  it("without duration and bake are complete at once", async () => {
    const account = await anAccount();
    expect(await account.deploy(ON)).toMatchObject({ DeploymentNumber: 1, State: "COMPLETE", PercentageComplete: 100 });
    expect(account.deployed()).toEqual({ search: { enabled: true } });
  });

  it("grow, bake and complete, with a log that is newest first", async () => {
    const account = await anAccount();
    const strategy = await account.strategy(10, 5, 50);
    const { DeploymentNumber } = await account.deploy(ON, strategy);
    await account.clock.advanceBy(5 * MINUTE);
    expect(await account.get(DeploymentNumber)).toMatchObject({ State: "DEPLOYING", PercentageComplete: 50 });
    expect(account.deployed()).toBeUndefined();
    await account.clock.advanceBy(5 * MINUTE);
    expect(await account.get(DeploymentNumber)).toMatchObject({ State: "BAKING", PercentageComplete: 100 });
    expect(account.deployed()).toEqual({ search: { enabled: true } });
    await account.clock.advanceBy(5 * MINUTE);
    const done = await account.get(DeploymentNumber);
    expect(done.State).toBe("COMPLETE");
    expect(done.EventLog?.map((event) => [event.EventType, event.TriggeredBy, event.Description])).toEqual([
      ["DEPLOYMENT_COMPLETED", "APPCONFIG", "Deployment completed"],
      ["BAKE_TIME_STARTED", "APPCONFIG", "Deployment bake time started"],
      ["PERCENTAGE_UPDATED", "APPCONFIG", "Configuration available to 100.00% of clients"],
      ["PERCENTAGE_UPDATED", "APPCONFIG", "Configuration available to 50.00% of clients"],
      ["DEPLOYMENT_STARTED", "USER", "Deployment started"],
    ]);
  });

  it("announce each change of state or percentage", async () => {
    const account = await anAccount();
    const seen: unknown[] = [];
    account.world.observe((occurrence) => {
      if (occurrence.kind === "flag-deployment") seen.push([occurrence.detail.state, occurrence.detail.percentage]);
    });
    await account.deploy(ON, await account.strategy(2, 1, 50));
    await account.clock.advanceBy(5 * MINUTE);
    expect(seen).toEqual([
      ["DEPLOYING", 0],
      ["DEPLOYING", 50],
      ["DEPLOYING", 100],
      ["BAKING", 100],
      ["COMPLETE", 100],
    ]);
  });

  it("are one at a time in an environment, also while the first still validates", async () => {
    const account = await anAccount();
    const slow = await account.strategy(10, 0, 100);
    const version = await account.createVersion(ON);
    const [first, second] = await Promise.allSettled([account.start(version, slow), account.start(version, slow)]);
    expect(first.status).toBe("fulfilled");
    expect(second).toMatchObject({
      reason: { code: "ConflictException", status: 409, message: "Deployment number 1 already exists" },
    });
    await expect(account.start(version)).rejects.toMatchObject({ code: "ConflictException", status: 409 });
    await account.clock.advanceBy(10 * MINUTE);
    expect(await account.start(version)).toMatchObject({ DeploymentNumber: 2 });
  });

  it("keep the strategy that they started with", async () => {
    const account = await anAccount();
    const strategy = await account.strategy(10, 0, 100);
    const { DeploymentNumber } = await account.deploy(ON, strategy);
    await account.call("UpdateDeploymentStrategy", { DeploymentStrategyId: strategy, DeploymentDurationInMinutes: 1 });
    await account.clock.advanceBy(5 * MINUTE);
    expect(await account.get(DeploymentNumber)).toMatchObject({ State: "DEPLOYING", DeploymentDurationInMinutes: 10 });
  });

  it("are listed newest first and make the environment's state", async () => {
    const account = await anAccount();
    await account.deploy(OFF);
    await account.deploy(ON, await account.strategy(10, 0, 100));
    const { Items } = await account.call<{ Items: { DeploymentNumber: number }[] }>("ListDeployments", account.ids);
    expect(Items.map((item) => item.DeploymentNumber)).toEqual([2, 1]);
    expect(await account.call("GetEnvironment", account.ids)).toMatchObject({ State: "Deploying" });
    await account.clock.advanceBy(10 * MINUTE);
    expect(await account.call("GetEnvironment", account.ids)).toMatchObject({ State: "ReadyForDeployment" });
  });

  it("refuse extension parameters loudly", async () => {
    const account = await anAccount();
    const version = await account.createVersion(ON);
    await expect(
      account.start(version, account.atOnce, { DynamicExtensionParameters: { "a#b": "c" } }),
    ).rejects.toMatchObject({ status: 501 });
  });
});

describe("StopDeployment", () => {
  it("of a growing deployment goes back to what was there", async () => {
    const account = await anAccount();
    await account.deploy(OFF);
    const { DeploymentNumber } = await account.deploy(ON, await account.strategy(10, 0, 50));
    await account.clock.advanceBy(6 * MINUTE);
    expect(await account.stop(DeploymentNumber)).toMatchObject({ State: "ROLLING_BACK" });
    await account.clock.advanceBy(2 * SECOND);
    const stopped = await account.get(DeploymentNumber);
    expect(stopped.State).toBe("ROLLED_BACK");
    expect(stopped.EventLog?.slice(0, 2).map((event) => [event.EventType, event.TriggeredBy])).toEqual([
      ["ROLLBACK_COMPLETED", "USER"],
      ["ROLLBACK_STARTED", "USER"],
    ]);
    expect(account.deployed()).toEqual({ search: { enabled: false } });
    await account.clock.advanceBy(HOUR);
    expect((await account.get(DeploymentNumber)).State).toBe("ROLLED_BACK");
  });

  it("of a baking deployment needs AllowRevert", async () => {
    const account = await anAccount();
    await account.deploy(OFF);
    const { DeploymentNumber } = await account.deploy(ON, await account.strategy(0, 10, 100));
    await account.clock.advanceBy(SECOND);
    await expect(account.stop(DeploymentNumber)).rejects.toMatchObject({ code: "BadRequestException" });
    await account.stop(DeploymentNumber, true);
    await account.clock.advanceBy(2 * SECOND);
    expect((await account.get(DeploymentNumber)).State).toBe("ROLLED_BACK");
    expect(account.deployed()).toEqual({ search: { enabled: false } });
  });

  it("of a complete deployment reverts it, with AllowRevert and within 72 hours", async () => {
    const account = await anAccount();
    await account.deploy(OFF);
    const { DeploymentNumber } = await account.deploy(ON);
    await expect(account.stop(DeploymentNumber)).rejects.toMatchObject({ code: "BadRequestException" });
    await account.clock.advanceBy(72 * HOUR);
    expect(await account.stop(DeploymentNumber, true)).toMatchObject({ State: "REVERTED" });
    expect(account.deployed()).toEqual({ search: { enabled: false } });
  });

  it("of a deployment older than 72 hours is refused", async () => {
    const account = await anAccount();
    await account.deploy(OFF);
    const { DeploymentNumber } = await account.deploy(ON);
    await account.clock.advanceBy(72 * HOUR + SECOND);
    await expect(account.stop(DeploymentNumber, true)).rejects.toMatchObject({
      message: "Completed deployments can only be reverted within 72 hours",
    });
  });
});

describe("monitors", () => {
  const AlarmArn = "arn:aws:cloudwatch:us-east-1:111122223333:alarm:errors";
  const monitors = [{ AlarmArn, AlarmRoleArn: "arn:aws:iam::111122223333:role/monitor" }];

  it.each(["ALARM", "INSUFFICIENT_DATA"])("in %s roll a deployment back, named in its log", async (state) => {
    const account = await anAccount({ monitors });
    account.cloudwatch.set("errors", "OK");
    await account.deploy(OFF);
    await account.clock.advanceBy(SECOND);
    const { DeploymentNumber } = await account.deploy(ON, await account.strategy(0, 30, 100));
    await account.clock.advanceBy(5 * MINUTE);
    expect(account.deployed()).toEqual({ search: { enabled: true } });
    account.cloudwatch.set("errors", state);
    await account.clock.advanceBy(12 * SECOND);
    const rolledBack = await account.get(DeploymentNumber);
    expect(rolledBack.State).toBe("ROLLED_BACK");
    expect(rolledBack.EventLog?.[1]).toMatchObject({ EventType: "ROLLBACK_STARTED", TriggeredBy: "CLOUDWATCH_ALARM" });
    expect(rolledBack.EventLog?.[1]?.Description).toContain(AlarmArn);
    expect(account.deployed()).toEqual({ search: { enabled: false } });
    expect(account.cloudwatch.callers.at(-1)).toContain("assumed-role/monitor/");
  });

  it("that are red at the start let no reader get anything", async () => {
    const account = await anAccount({ monitors });
    account.cloudwatch.set("errors", "ALARM");
    const seen: unknown[] = [];
    account.world.observe(({ detail }) => seen.push(detail.state));
    const { DeploymentNumber } = await account.deploy(ON);
    await account.clock.advanceBy(2 * SECOND);
    expect((await account.get(DeploymentNumber)).State).toBe("ROLLED_BACK");
    expect(seen).toEqual(["DEPLOYING", "ROLLING_BACK", "ROLLED_BACK"]);
  });

  it("with disabled actions do not count", async () => {
    const account = await anAccount({ monitors });
    account.cloudwatch.set("errors", "ALARM", false);
    const { DeploymentNumber } = await account.deploy(ON);
    await account.clock.advanceBy(2 * SECOND);
    expect((await account.get(DeploymentNumber)).State).toBe("COMPLETE");
  });

  it("are not looked at any more once the deployment is complete", async () => {
    const account = await anAccount({ monitors });
    account.cloudwatch.set("errors", "OK");
    await account.deploy(ON);
    await account.clock.advanceBy(MINUTE);
    const looks = account.cloudwatch.callers.length;
    await account.clock.advanceBy(HOUR);
    expect(account.cloudwatch.callers).toHaveLength(looks);
  });
});
