import { describe, expect, it } from "vitest";
import type { PolicyHistoryPort } from "../../lib/core/operator-ports.ts";
import type { PolicyPort } from "../../lib/core/ports.ts";

/** The scene: in environment `dev` the policy of `checkout:live` has one version, `deployedPolicy`; no other has one. */
export interface PolicyHistoryScene {
  port: PolicyHistoryPort;
  policies: PolicyPort;
  /** Somebody else writes the policy of `checkout:live`. */
  interfere(document: string): unknown;
}

const document = (minutes: number) =>
  JSON.stringify({ functionName: "checkout", alias: "live", guardMinutes: minutes });
export const deployedPolicy = document(60);

export function describePolicyHistoryPort(name: string, makeScene: () => Promise<PolicyHistoryScene>): void {
  describe(`policy history port: ${name}`, () => {
    const versions = ({ port }: PolicyHistoryScene) => port.versions("dev", "checkout", "live");
    const write = async (scene: PolicyHistoryScene, text: string) =>
      scene.port.write({
        ...{ environment: "dev", functionName: "checkout", alias: "live" },
        ...{ document: text, description: "goaround: test", over: (await versions(scene))[0]! },
      });

    it("has nothing of a function without a policy", async () => {
      const { port } = await makeScene();
      expect(await port.versions("dev", "nobody", "live")).toEqual([]);
    });

    it("lists versions newest first, with who wrote them, when and why", async () => {
      const scene = await makeScene();
      expect(await write(scene, document(30))).toBe(2);
      const [newest, first, ...more] = await versions(scene);
      expect(newest).toMatchObject({ version: 2, document: document(30), description: "goaround: test" });
      expect(first).toMatchObject({ version: 1, document: deployedPolicy });
      expect(more).toEqual([]);
      expect(newest?.at).toBeInstanceOf(Date);
      expect(newest?.by).toMatch(/^arn:aws:/);
    });

    it("is what the hooks read from then on", async () => {
      const scene = await makeScene();
      await write(scene, document(30));
      expect(await scene.policies.read("dev", "checkout", "live")).toBe(document(30));
    });

    it("answers a number that does not follow when somebody else has written meanwhile", async () => {
      const scene = await makeScene();
      const over = (await versions(scene))[0]!;
      await scene.interfere(document(45));
      const place = { environment: "dev", functionName: "checkout", alias: "live" };
      expect(await scene.port.write({ ...place, document: document(30), description: "goaround: x", over })).toBe(3);
    });

    it("makes a parameter advanced for more than 4 KB, and writes a short policy to it again", async () => {
      const scene = await makeScene();
      const long = JSON.stringify({ text: "x".repeat(5000) });
      await write(scene, long);
      expect((await versions(scene))[0]).toMatchObject({ document: long, tier: "Advanced" });
      await write(scene, document(30));
      expect((await versions(scene))[0]).toMatchObject({ document: document(30), tier: "Advanced" });
    });

    it("creates nothing where there is no parameter any more", async () => {
      const scene = await makeScene();
      const over = (await versions(scene))[0]!;
      const place = { environment: "dev", functionName: "nobody", alias: "live" };
      await expect(scene.port.write({ ...place, document: "{}", description: "x", over })).rejects.toThrow();
      expect(await scene.port.versions("dev", "nobody", "live")).toEqual([]);
    });
  });
}
