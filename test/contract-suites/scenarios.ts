import { afterAll, describe, expect, it } from "vitest";
import type { Assemblies } from "../../scripts/rehearse/deployer.ts";
import { loadScenario, scenarioNames } from "../../scripts/rehearse/library.ts";
import { runScenario } from "../../scripts/rehearse/run-scenario.ts";

/** Fewer while working on it: GOAROUND_SEEDS=1. */
const wanted = process.env.GOAROUND_SEEDS?.split(",").map(Number);

/** Every shipped scenario ends as it expects. In two files, because the runner takes whole files side by side. */
export function describeScenarios(seeds: readonly number[]): void {
  const assemblies = new Map<string, Assemblies>();
  const options = { deployWith: "api", app: "node --import tsx bin/app.ts", environment: "dev", assemblies } as const;

  afterAll(() => {
    for (const assembly of assemblies.values()) assembly.dispose();
  });

  describe.each(seeds.filter((seed) => wanted?.includes(seed) ?? true))("rehearsal with seed %i", (seed) => {
    it.each(scenarioNames())("%s ends as its scenario expects", { timeout: 180_000 }, async (name) => {
      const result = await runScenario(loadScenario(name), { ...options, seed });
      expect(result.differences).toEqual([]);
    });
  });
}
