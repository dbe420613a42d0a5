import { afterAll, describe, expect, it } from "vitest";
import type { Assemblies } from "../../scripts/rehearse/deployer.ts";
import { loadScenario, scenarioNames } from "../../scripts/rehearse/library.ts";
import { runScenario } from "../../scripts/rehearse/run-scenario.ts";

/** Of the releases' traffic and faults. One only while working on it, more before a version: GOAROUND_SEEDS=1,2,3,4,5. */
const SEEDS = (process.env.GOAROUND_SEEDS ?? "1,2").split(",").map(Number);

/** Every shipped scenario ends as it expects. In two files, because the runner takes whole files side by side. */
export function describeScenarios(isMine: (seed: number) => boolean): void {
  const assemblies = new Map<string, Assemblies>();
  const options = { deployWith: "api", app: "node --import tsx bin/app.ts", environment: "dev", assemblies } as const;

  afterAll(() => {
    for (const assembly of assemblies.values()) assembly.dispose();
  });

  const seeds = SEEDS.filter(isMine);
  if (seeds.length === 0) it.skip("no seed of this file is asked for", () => {});
  describe.each(seeds)("rehearsal with seed %i", (seed) => {
    it.each(scenarioNames())("%s ends as its scenario expects", { timeout: 180_000 }, async (name) => {
      const result = await runScenario(loadScenario(name), { ...options, seed });
      expect(result.differences).toEqual([]);
    });
  });
}
