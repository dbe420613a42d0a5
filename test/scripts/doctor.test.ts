import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { command as doctor } from "../../scripts/doctor.ts";
import { command as rollback } from "../../scripts/rollback.ts";
import { DoctorScene, release } from "./doctor-scene.ts";

let scene: DoctorScene;
const begin = async (options?: { driftAwareAliases?: boolean }) => {
  scene = await DoctorScene.start(options);
};
beforeEach(() => begin());
afterEach(() => scene.aws.close());

const examine = (...argv: string[]) => scene.run(doctor, "--functions", "orders", "--json", ...argv);
const codes = (ran: { json(): Record<string, unknown> }, of = "findings") =>
  (ran.json()[of] as { code: string }[]).map(({ code }) => code);

/** Version 2 is released through CloudFormation, found bad, and left by hand. */
async function rolledBackByHand(): Promise<void> {
  await scene.deploy(release("B"));
  expect(scene.alias()).toEqual({ version: "2", weights: {} });
  const ran = await scene.run(rollback, "--action", "rollback-function", "--function-name", "orders");
  expect(ran.exitCode).toBe(0);
  expect(ran.stderr).toContain("goaround doctor --functions orders --alias live --repair");
  expect(scene.alias()).toEqual({ version: "1", weights: {} });
  scene.forget();
}

describe("goaround doctor", () => {
  it("finds nothing on a sound function and exits 0", async () => {
    await scene.deploy(release("B"));
    const ran = await examine();
    expect(ran.json()).toMatchObject({ ok: true, exitCode: 0, code: "nothing-to-do", findings: [] });
  });

  it("finds what a rollback by hand leaves, with the command of each repair, and changes nothing", async () => {
    await rolledBackByHand();
    const ran = await examine();
    expect(ran.exitCode).toBe(1);
    expect(codes(ran)).toEqual(["alias-not-appspec", "alias-not-template"]);
    const [appSpec, template] = ran.json().findings as { message: string; command: string }[];
    expect(appSpec!.message).toContain("brings version 2, which is known bad");
    expect(template!.message).toContain("serves version 1, stack app records version 2");
    expect(template!.command).toBe(
      "goaround doctor --functions orders --alias live --only alias-not-template --repair",
    );
    expect((await scene.stack()).template.Resources.Alias!.Properties.FunctionVersion).not.toBe("1");
  });

  it("without its repair the next deploy fails before any traffic has moved", async () => {
    await rolledBackByHand();
    const { status, aliasFailure } = await scene.deploy(release("C"));
    expect(status).toBe("UPDATE_ROLLBACK_COMPLETE");
    expect(aliasFailure).toContain("INVALID_LAMBDA_CONFIGURATION");
    expect(Object.keys(scene.served)).toEqual(["1"]);
  });

  for (const driftAwareAliases of [true, false]) {
    const how = driftAwareAliases ? "a drift-aware change set" : "an update without UpdatePolicy";
    it(`repairs it with ${how}: no request reaches the bad version, and the next deploy succeeds`, async () => {
      await scene.aws.close();
      await begin({ driftAwareAliases });
      await rolledBackByHand();
      const ran = await examine("--repair");
      expect(ran.json()).toMatchObject({ ok: true, exitCode: 0, remaining: [] });
      expect(codes(ran, "repaired")).toEqual(["alias-not-appspec", "alias-not-template"]);
      const alias = (await scene.stack()).template.Resources.Alias!;
      expect(alias.Properties.FunctionVersion).toBe("1");
      expect(alias.UpdatePolicy !== undefined).toBe(driftAwareAliases);
      expect(scene.alias()).toEqual({ version: "1", weights: {} });
      expect((await scene.deploy(release("C"))).status).toBe("UPDATE_COMPLETE");
      expect(scene.alias()).toEqual({ version: "3", weights: {} });
      expect(scene.served["1"]).toBeGreaterThan(100);
      expect(scene.served["2"]).toBeUndefined();
    });
  }

  it("after its repair a release that fails goes back to what served, not to the version that was left", async () => {
    await rolledBackByHand();
    await examine("--repair");
    await scene.begin(release("C"));
    await scene.pass(60_000);
    const open = (await scene.deployments()).find(({ status }) => status === "InProgress")!;
    await scene.call("codedeploy", "StopDeployment", { deploymentId: open.id, autoRollbackEnabled: true });
    await scene.pass(120_000);
    expect((await scene.stack()).status).toBe("UPDATE_ROLLBACK_COMPLETE");
    expect(scene.alias()).toEqual({ version: "1", weights: {} });
    expect(scene.served["2"]).toBeUndefined();
  });

  it("lets no rollback follow the deployment that marks what serves: it would bring the version that was left", async () => {
    await rolledBackByHand();
    await examine("--repair", "--only", "alias-not-appspec");
    const { deploymentInfo } = await scene.call<{
      deploymentInfo: { description: string; autoRollbackConfiguration: { enabled: boolean } };
    }>("codedeploy", "GetDeployment", { deploymentId: (await scene.deployments())[0]!.id });
    expect(deploymentInfo.description).toContain("marks version 1 as what serves");
    expect(deploymentInfo.autoRollbackConfiguration.enabled).toBe(false);
  });

  it("leaves no alias of its own behind", async () => {
    await rolledBackByHand();
    await examine("--repair");
    const { Aliases } = await scene.call<{ Aliases: { Name: string }[] }>("lambda", "ListAliases", {
      FunctionName: "orders",
    });
    expect(Aliases.map(({ Name }) => Name)).toEqual(["live"]);
  });

  it("makes an alias whole that a stop without rollback has left split", async () => {
    const resources = release("B");
    resources.Group!.Properties.AutoRollbackConfiguration = { Enabled: false, Events: [] };
    await scene.begin(resources);
    await scene.pass(60_000);
    const open = (await scene.deployments()).find(({ status }) => status === "InProgress")!;
    await scene.call("codedeploy", "StopDeployment", { deploymentId: open.id });
    await scene.pass(60_000);
    expect(scene.alias().weights).toEqual({ "2": 0.1 });
    const found = await examine();
    expect(codes(found)).toEqual(["alias-split"]);
    scene.forget();
    const ran = await examine("--repair");
    expect(ran.json()).toMatchObject({ ok: true, remaining: [] });
    expect(scene.alias()).toEqual({ version: "1", weights: {} });
    expect((await scene.deploy(release("C"))).status).toBe("UPDATE_COMPLETE");
    expect(scene.served["1"]).toBeGreaterThan(100);
    expect(scene.served["2"]).toBeUndefined();
  });

  /** The responder's own write after a stop, ahead of CodeDeploy's rollback. */
  async function stoppedAndCleared(resources: Record<string, unknown>, autoRollbackEnabled: boolean) {
    await scene.begin(resources);
    await scene.pass(60_000);
    const { id: deploymentId } = (await scene.deployments()).find(({ status }) => status === "InProgress")!;
    await scene.call("codedeploy", "StopDeployment", { deploymentId, autoRollbackEnabled });
    await scene.moveAlias("1");
    return deploymentId;
  }

  it("has nothing to say of weights that the responder has cleared while the stopped deployment is still open", async () => {
    const deploymentId = await stoppedAndCleared(release("B"), true);
    expect((await scene.deployments()).find(({ id }) => id === deploymentId)?.status).toBe("InProgress");
    expect((await examine("--repair")).json()).toMatchObject({ exitCode: 0, findings: [] });
    expect(scene.alias()).toEqual({ version: "1", weights: {} });
    await scene.pass(120_000);
    expect((await scene.stack()).status).toBe("UPDATE_ROLLBACK_COMPLETE");
    expect((await examine()).json()).toMatchObject({ exitCode: 0, findings: [] });
    expect((await scene.deploy(release("C"))).status).toBe("UPDATE_COMPLETE");
  });

  it("has nothing to say of weights that the responder has cleared where no rollback of CodeDeploy's followed", async () => {
    const resources = release("B");
    resources.Group!.Properties.AutoRollbackConfiguration = { Enabled: false, Events: [] };
    await stoppedAndCleared(resources, false);
    await scene.pass(120_000);
    expect((await scene.deployments()).map(({ creator }) => creator)).not.toContain("codeDeployRollback");
    expect((await examine("--repair")).json()).toMatchObject({ exitCode: 0, findings: [] });
    expect(scene.alias()).toEqual({ version: "1", weights: {} });
    expect((await scene.deploy(release("C"))).status).toBe("UPDATE_COMPLETE");
  });

  it("clears a weight that gets no traffic, because CodeDeploy refuses the alias for it", async () => {
    await scene.deploy(release("B"));
    await scene.moveAlias("2", { "1": 0 });
    expect((await scene.deploy(release("C"))).status).toBe("UPDATE_ROLLBACK_COMPLETE");
    const ran = await examine("--repair");
    expect(codes(ran, "repaired")).toEqual(["residual-weights"]);
    expect((await scene.deploy(release("C"))).status).toBe("UPDATE_COMPLETE");
  });

  it("leaves the weight alone that Lambda sets while it moves provisioned concurrency", async () => {
    await scene.deploy(release("B"));
    await scene.call("lambda", "PutProvisionedConcurrencyConfig", {
      FunctionName: "orders",
      Qualifier: "live",
      ProvisionedConcurrentExecutions: 1,
    });
    await scene.moveAlias("2", { "1": 1 });
    const ran = await examine("--repair");
    expect(ran.exitCode).toBe(0);
    expect(ran.json().findings).toMatchObject([{ code: "provisioned-concurrency-moving", severity: "note" }]);
    expect(scene.alias().weights).toEqual({ "1": 1 });
  });

  it("does not touch the alias while a deployment is open", async () => {
    await scene.begin(release("B"));
    await scene.pass(60_000);
    expect(scene.alias().weights).toEqual({ "2": 0.1 });
    const ran = await examine("--repair");
    expect(ran.json()).toMatchObject({ exitCode: 0, findings: [] });
    expect(scene.alias().weights).toEqual({ "2": 0.1 });
  });

  it("does not reconcile a stack with a version that is known bad, and says what to do", async () => {
    await rolledBackByHand();
    await scene.moveAlias("2");
    const ran = await examine("--repair");
    expect(ran.exitCode).toBe(1);
    expect(ran.json().findings).toMatchObject([
      { code: "serving-known-bad", command: expect.stringContaining("--action rollback-function") },
    ]);
    expect(scene.alias().version).toBe("2");
  });

  it("asks on a terminal and changes nothing without a yes", async () => {
    await rolledBackByHand();
    scene.isTerminal = true;
    scene.answer = "n";
    const ran = await examine("--repair");
    expect(ran.exitCode).toBe(3);
    expect(scene.questions).toEqual([expect.stringContaining("alias-not-template of orders:live")]);
    expect(codes(await examine())).toEqual(["alias-not-appspec", "alias-not-template"]);
  });

  it("repairs only the finding that was named", async () => {
    await rolledBackByHand();
    await examine("--only", "alias-not-template", "--repair");
    expect(codes(await examine())).toEqual(["alias-not-appspec"]);
  });

  it("examines every function that has a policy with --all", async () => {
    await scene.deploy(release("B"));
    const ran = await scene.run(doctor, "--all", "--json");
    expect(ran.json()).toMatchObject({ exitCode: 0, examined: ["orders:live"] });
  });

  it("refuses to guess what to examine", async () => {
    expect((await scene.run(doctor)).exitCode).toBe(2);
    expect((await scene.run(doctor, "--all", "--functions", "orders")).exitCode).toBe(2);
  });
});
