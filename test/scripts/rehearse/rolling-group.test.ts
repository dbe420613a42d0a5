import { afterEach, expect, it } from "vitest";
import { type LocalAws, startLocalAws } from "../../../lib/local/index.ts";
import { Assemblies, CdkCliDeployer } from "../../../scripts/rehearse/deployer.ts";
import { loadScenario, ownApp } from "../../../scripts/rehearse/library.ts";
import { Rehearsal } from "../../../scripts/rehearse/run-scenario.ts";
import { call } from "../../adapters/local-scene.ts";

interface Deployment {
  deploymentId: string;
  deploymentGroupName: string;
  status: string;
  creator: string;
  createTime: Date;
  completeTime: Date;
}

let aws: LocalAws;
afterEach(() => aws.close());

it("a rolling group is released one function at a time by one cdk deploy, and the first that fails stops the rest and takes all back", async () => {
  aws = await startLocalAws({ startMs: Date.parse("2026-03-02T12:00:00.000Z") });
  const app = ownApp("scenarios/apps/rolling");
  const scenario = { ...loadScenario("group-failure"), app };
  const rehearsal = new Rehearsal(aws, scenario, { seed: 1, deployWith: "api", app, environment: "dev" });
  await rehearsal.install();
  const { stage, account } = rehearsal;
  const environment = {
    ...aws.environment,
    CDK_DEFAULT_ACCOUNT: aws.world.accountId,
    CDK_DEFAULT_REGION: aws.world.region,
  };
  const deployer = new CdkCliDeployer(new Assemblies(app, environment), environment);
  const deploy = (artifact: string) => {
    const context = { env: "dev", "release:shop-dev-checkout": artifact, "release:shop-dev-payments": artifact };
    return stage.advanceWhile(deployer.deploy({ context, stacks: [] }), () => account.stacksInProgress());
  };
  /** Newest first: what CloudFormation has released of each function. */
  const released = async (): Promise<Deployment[]> => {
    const { deployments } = await call(aws, "codedeploy", "ListDeployments", {});
    const infos = (deployments as string[]).map(async (deploymentId) => {
      const { deploymentInfo } = await call(aws, "codedeploy", "GetDeployment", { deploymentId });
      return deploymentInfo as Deployment;
    });
    return (await Promise.all(infos)).filter(({ creator }) => creator === "CloudFormation");
  };
  const groups = async () =>
    (await released()).map(({ deploymentGroupName, status }) => `${deploymentGroupName} ${status}`);
  const serving = async () => {
    const aliases = ["checkout", "payments"].map((name) => account.alias(`shop-dev-${name}`, "live"));
    return (await Promise.all(aliases)).map(({ functionVersion }) => functionVersion);
  };
  /** From that version on every third request fails. */
  const bad = (functionName: string, from: number) =>
    aws.services.lambda.setModel(functionName, ({ version, random }) =>
      Number(version) >= from && random.chance(0.3)
        ? { outcome: "error", durationMs: 20 }
        : { outcome: "ok", durationMs: 20, response: { ok: true } },
    );

  const good = await deploy("one");
  expect(good).toMatchObject({ ok: true });
  const [second, first, ...earlier] = await released();
  expect(earlier).toEqual([]);
  expect([first, second].map((one) => one?.deploymentGroupName)).toEqual([
    "shop-dev-checkout-deployment-group",
    "shop-dev-payments-deployment-group",
  ]);
  expect(second!.createTime.getTime()).toBeGreaterThanOrEqual(first!.completeTime.getTime());
  expect(await serving()).toEqual(["2", "2"]);

  bad("shop-dev-checkout", 3);
  expect((await deploy("two")).ok).toBe(false);
  expect((await groups())[0]).toBe("shop-dev-checkout-deployment-group Stopped");
  expect(await released()).toHaveLength(3);
  expect(await serving()).toEqual(["2", "2"]);

  // The cooldown after a rollback.
  await stage.advanceBy(10 * 60_000);
  bad("shop-dev-checkout", 99);
  bad("shop-dev-payments", 3);
  expect((await deploy("three")).ok).toBe(false);
  await stage.advanceBy(5 * 60_000);
  expect((await groups()).slice(0, 2)).toEqual([
    "shop-dev-payments-deployment-group Stopped",
    "shop-dev-checkout-deployment-group Succeeded",
  ]);
  expect(await serving()).toEqual(["2", "2"]);
}, 400_000);
