import { afterAll, describe, expect, it } from "vitest";
import type { Assemblies } from "../../scripts/rehearse/deployer.ts";
import { loadScenario, scenarioNames } from "../../scripts/rehearse/library.ts";
import { runScenario } from "../../scripts/rehearse/run-scenario.ts";

/** Of the releases' traffic and faults. More before a version: GOAROUND_SEEDS=1,2,3,4,5. */
const SEEDS = (process.env.GOAROUND_SEEDS ?? "1").split(",").map(Number);

/** Every shipped scenario ends as it expects. In two halves, because the runner takes whole files side by side. */
export function describeScenarios(half: 0 | 1): void {
  const assemblies = new Map<string, Assemblies>();
  const options = { deployWith: "api", app: "node --import tsx bin/app.ts", environment: "dev", assemblies } as const;
  const names = scenarioNames().filter((_, i) => i % 2 === half);

  afterAll(() => {
    for (const assembly of assemblies.values()) assembly.dispose();
  });

  describe.each(SEEDS)("rehearsal with seed %i", (seed) => {
    it.each(names)("%s ends as its scenario expects", { timeout: 180_000 }, async (name) => {
      const result = await runScenario(loadScenario(name), { ...options, seed });
      expect(result.differences).toEqual([]);
    });
  });
}
