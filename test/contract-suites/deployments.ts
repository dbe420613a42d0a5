import { describe, expect, it } from "vitest";
import type { DeploymentsPort } from "../../lib/core/ports.ts";

/**
 * The scene: application `goaround-dev`, group `checkout-deployment-group` with configuration
 * `CodeDeployDefault.LambdaCanary10Percent5Minutes` and no automatic rollback of its own; function `checkout` with versions 1 and 2,
 * alias `live` on 1. One deployment 1 → 2 is running and waits for its BeforeAllowTraffic hook.
 */
export interface DeploymentsScene {
  port: DeploymentsPort;
  deploymentId: string;
  /** Id of the hook execution that CodeDeploy waits for. */
  executionId: string;
  /** Lets time pass. */
  advance(ms: number): Promise<void>;
}

const GROUP = { application: "goaround-dev", group: "checkout-deployment-group" };

export function describeDeploymentsPort(name: string, makeScene: () => Promise<DeploymentsScene>): void {
  describe(`deployments port: ${name}`, () => {
    it("reads status, creator and AppSpec of a deployment", async () => {
      const { port, deploymentId } = await makeScene();
      const info = await port.get(deploymentId);
      expect(info).toMatchObject({ deploymentId, ...GROUP, status: "InProgress", rollbackDeploymentId: undefined });
      expect(info.appSpec).toContain("checkout");
      expect(info.creator).not.toBe("codeDeployRollback");
    });

    it("says that a deployment does not exist", async () => {
      const { port } = await makeScene();
      await expect(port.get("d-NOSUCH000")).rejects.toMatchObject({ code: "deployment-missing" });
    });

    it("reads function, alias and versions from the deployment's target", async () => {
      const { port, deploymentId } = await makeScene();
      const target = await port.target(deploymentId);
      expect(target).toMatchObject({
        functionName: "checkout",
        alias: "live",
        currentVersion: "1",
        targetVersion: "2",
      });
      expect(target?.lifecycleEvents.map((event) => event.name)).toContain("BeforeAllowTraffic");
    });

    it("gives the share of the new version in percent", async () => {
      const scene = await makeScene();
      expect((await scene.port.target(scene.deploymentId))?.targetVersionWeightPercent).toBe(0);
      await scene.port.reportHook({ ...scene, status: "Succeeded" });
      await scene.advance(60_000);
      expect((await scene.port.target(scene.deploymentId))?.targetVersionWeightPercent).toBe(10);
    });

    it("lists a group's deployments by status", async () => {
      const { port, deploymentId } = await makeScene();
      expect(await port.list({ ...GROUP, statuses: ["InProgress"] })).toEqual([deploymentId]);
      expect(await port.list({ ...GROUP, statuses: ["Failed"] })).toEqual([]);
    });

    it("reports a hook once and counts a second report as done", async () => {
      const { port, deploymentId, executionId } = await makeScene();
      expect(await port.reportHook({ deploymentId, executionId, status: "Succeeded" })).toBe("reported");
      expect(await port.reportHook({ deploymentId, executionId, status: "Failed" })).toBe("already-completed");
    });

    it("stops a deployment with rollback, and the rollback is a deployment of its own", async () => {
      const scene = await makeScene();
      const { port, deploymentId } = scene;
      expect(await port.stopWithRollback(deploymentId)).toBe("stopping");
      await untilRolledBack(scene);
      const stopped = await port.get(deploymentId);
      expect(stopped.status).toBe("Stopped");
      expect(await port.get(stopped.rollbackDeploymentId!)).toMatchObject({
        creator: "codeDeployRollback",
        rollbackTriggeringDeploymentId: deploymentId,
      });
    });

    it("counts a stop of an ended deployment as done", async () => {
      const scene = await makeScene();
      const { port, deploymentId } = scene;
      await port.stopWithRollback(deploymentId);
      await untilRolledBack(scene);
      expect(await port.stopWithRollback(deploymentId)).toBe("already-completed");
    });

    it("reads a group's configuration, and undefined for a group that does not exist", async () => {
      const { port } = await makeScene();
      const group = await port.group(GROUP.application, GROUP.group);
      expect(group?.configuration).toBe("CodeDeployDefault.LambdaCanary10Percent5Minutes");
      expect(await port.group(GROUP.application, "nope")).toBeUndefined();
    });

    it("reads the routing of a predefined and of an own configuration", async () => {
      const { port } = await makeScene();
      const own = { kind: "linear", percentage: 20, intervalMinutes: 2 } as const;
      expect(await port.routing("CodeDeployDefault.LambdaCanary10Percent5Minutes")).toEqual({
        kind: "canary",
        percentage: 10,
        intervalMinutes: 5,
      });
      expect(await port.createConfiguration("goaround-linear-20-2", own)).toBe("created");
      expect(await port.createConfiguration("goaround-linear-20-2", own)).toBe("exists");
      expect(await port.routing("goaround-linear-20-2")).toEqual(own);
    });
  });
}

/** A stop is not instant: CodeDeploy may take a while to end the deployment and to make the rollback. */
async function untilRolledBack({ port, deploymentId, advance }: DeploymentsScene): Promise<void> {
  for (let i = 0; i < 60; i += 1) {
    const info = await port.get(deploymentId);
    if (info.rollbackDeploymentId && info.status === "Stopped") return;
    await advance(5000);
  }
  throw new Error(`${deploymentId} was not rolled back within 5 minutes`);
}
