import { afterAll, describe, expect, it } from "vitest";
import type { Assemblies } from "../../../scripts/rehearse/deployer.ts";
import { loadScenario, scenarioNames } from "../../../scripts/rehearse/library.ts";
import { runScenario } from "../../../scripts/rehearse/run-scenario.ts";

/** What ships must hold for all of these; GOAROUND_SEEDS=1 while working on it. */
const seeds = (process.env.GOAROUND_SEEDS ?? "1,2,3,4,5").split(",").map(Number);
const assemblies = new Map<string, Assemblies>();
const options = { deployWith: "api", app: "node --import tsx bin/app.ts", environment: "dev", assemblies } as const;

afterAll(() => {
  for (const assembly of assemblies.values()) assembly.dispose();
});

describe.each(seeds)("rehearsal with seed %i", (seed) => {
  it.each(scenarioNames())("%s ends as its scenario expects", { timeout: 180_000 }, async (name) => {
    const result = await runScenario(loadScenario(name), { ...options, seed });
    expect(result.differences).toEqual([]);
  });
});

describe("rehearsal", () => {
  it("gives the same outcome and times for the same seed, faults and retries included", {
    timeout: 180_000,
  }, async () => {
    const run = () => runScenario(loadScenario("throttled-apis"), { ...options, seed: 7 });
    const { times, requests, outcome } = await run();
    const again = await run();
    expect({ times: again.times, requests: again.requests, outcome: again.outcome }).toEqual({
      times,
      requests,
      outcome,
    });
  });

  it("restores traffic and switches the named flag off, with one notification", { timeout: 180_000 }, async () => {
    const result = await runScenario(loadScenario("high-error-rate"), { ...options, seed: 3 });
    expect(result.alias).toEqual({ functionVersion: result.baselineVersion, weights: {} });
    expect(result.stackStatus).toBe("UPDATE_ROLLBACK_COMPLETE");
    expect(result.flags.enable_new_api_endpoint).toBe(false);
    expect(result.notifications).toHaveLength(1);
  });
});
