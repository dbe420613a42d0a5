import { describe, expect, it } from "vitest";
import type { FlagsPort } from "../../lib/core/ports.ts";

/**
 * The scene: application `flags`, environment `dev`, profile `router`, monitors none; deployed content
 * `flags: {new_api: {name: "new_api"}}, values: {new_api: {enabled: true, limit: 7}}` (plus what AppConfig adds);
 * strategies `goaround-dev-kill` (0 minutes, 0 bake) and `slow` (10 minutes, 10 minutes of bake).
 */
export interface FlagsScene {
  port: FlagsPort;
  /** Lets time pass. */
  advance(ms: number): Promise<void>;
}

const NAMES = { application: "flags", environment: "dev", profile: "router" };
const off = { version: "1", flags: { new_api: { name: "new_api" } }, values: { new_api: { enabled: false } } };

export function describeFlagsPort(name: string, makeScene: () => Promise<FlagsScene>): void {
  describe(`flags port: ${name}`, () => {
    it("resolves names to ids, and ids to themselves", async () => {
      const { port } = await makeScene();
      const target = await port.resolve(NAMES);
      const { applicationId: application, environmentId: environment, profileId: profile } = target;
      expect(await port.resolve({ application, environment, profile })).toEqual(target);
    });

    it("says what does not exist", async () => {
      const { port } = await makeScene();
      await expect(port.resolve({ ...NAMES, profile: "nope" })).rejects.toMatchObject({ code: "flags-missing" });
    });

    it("reads the content that is deployed, not the newest that was written", async () => {
      const { port } = await makeScene();
      const target = await port.resolve(NAMES);
      await port.createVersion(target, off, "written, not deployed");
      const deployed = await port.deployed(target);
      expect(deployed?.document).toMatchObject({ values: { new_api: { enabled: true, limit: 7 } } });
      expect(deployed?.deployedAt).toBeInstanceOf(Date);
    });

    it("deploys a version at once with the kill strategy", async () => {
      const { port, advance } = await makeScene();
      const target = await port.resolve(NAMES);
      const version = await port.createVersion(target, off, "goaround: off");
      const number = await port.deploy(target, version, "goaround-dev-kill", "goaround: off");
      await advance(30_000);
      expect((await port.getDeployment(target, number)).state).toBe("COMPLETE");
      expect((await port.deployed(target))?.document).toMatchObject({ values: { new_api: { enabled: false } } });
    });

    it("gives contents that say the same the same hashes, under whichever version, and tells which half differs", async () => {
      const { port, advance } = await makeScene();
      const target = await port.resolve(NAMES);
      const put = async (document: Record<string, unknown>) => {
        const version = await port.createVersion(target, document, "goaround: one");
        await port.deploy(target, version, "goaround-dev-kill", "goaround: one");
        await advance(30_000);
        return (await port.deployed(target))!;
      };
      const first = await put(off);
      const { version: schema, flags, values } = off;
      const again = await put({ values, flags, version: schema });
      const on = await put({ ...off, values: { new_api: { enabled: true } } });
      const other = await put({ ...off, flags: { new_api: { name: "another name" } } });
      expect(again.version).toBeGreaterThan(first.version);
      expect(again.deploymentNumber).toBeGreaterThan(first.deploymentNumber);
      expect(again.hashes).toEqual(first.hashes);
      expect(on.hashes.definitionsSha256).toBe(first.hashes.definitionsSha256);
      expect(on.hashes.valuesSha256).not.toBe(first.hashes.valuesSha256);
      expect(other.hashes.definitionsSha256).not.toBe(first.hashes.definitionsSha256);
      expect(other.hashes.valuesSha256).toBe(first.hashes.valuesSha256);
    });

    it("sees a deployment that is under way, with its description", async () => {
      const { port } = await makeScene();
      const target = await port.resolve(NAMES);
      expect(await port.activeDeployment(target)).toBeUndefined();
      const version = await port.createVersion(target, off, "slowly");
      const number = await port.deploy(target, version, "slow", "goaround: slowly");
      expect(await port.activeDeployment(target)).toMatchObject({ number, description: "goaround: slowly" });
    });

    it("refuses a second deployment on the environment", async () => {
      const { port } = await makeScene();
      const target = await port.resolve(NAMES);
      const version = await port.createVersion(target, off, "slowly");
      await port.deploy(target, version, "slow", "goaround: slowly");
      await expect(port.deploy(target, version, "goaround-dev-kill", "goaround: off")).rejects.toMatchObject({
        code: "conflict",
      });
    });

    it("stops a deployment, which goes back to what was deployed before", async () => {
      const { port, advance } = await makeScene();
      const target = await port.resolve(NAMES);
      const version = await port.createVersion(target, off, "slowly");
      const number = await port.deploy(target, version, "slow", "goaround: slowly");
      await port.stopDeployment(target, number);
      await advance(30_000);
      expect((await port.getDeployment(target, number)).state).toBe("ROLLED_BACK");
      expect(await port.activeDeployment(target)).toBeUndefined();
      expect((await port.deployed(target))?.document).toMatchObject({ values: { new_api: { enabled: true } } });
    });

    it("lists no monitors where there are none", async () => {
      const { port } = await makeScene();
      expect(await port.monitors(await port.resolve(NAMES))).toEqual([]);
    });
  });
}
