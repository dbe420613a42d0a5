import { afterAll, describe, expect, it } from "vitest";
import type { Scenario } from "../../lib/contract/scenario.ts";
import type { Assemblies } from "../../scripts/rehearse/deployer.ts";
import { loadScenario, scenarioNames } from "../../scripts/rehearse/library.ts";
import { runScenario } from "../../scripts/rehearse/run-scenario.ts";

/** Of the releases' traffic and faults. More before a version, and all as they are shipped: GOAROUND_SEEDS=1,2,3,4,5. */
const SEEDS = (process.env.GOAROUND_SEEDS ?? "1").split(",").map(Number);

/**
 * What is about where requests are counted, and what a release is mostly like. The others show the same by either, and
 * by minute metrics in a fraction of the time.
 */
const BY_LOG = new Set([
  "cold-starts",
  "flag-and-code-fault",
  "healthy",
  "high-error-rate",
  "log-batches-lost",
  "log-not-subscribed",
  "low-traffic",
  "one-bad-environment",
  "outage-on-both",
  "performance-degradation",
  "service-unavailable",
  "signals-lost",
  "watch-lost",
]);
/** A minute and a half of processor time: only with `GOAROUND_SEEDS`. */
const LONG = new Set(["crowd"]);
/** Faults by chance strike by what a call says, times included: another start would be another run. */
const START_MS = Date.parse("2026-03-02T12:00:00.000Z");
const isWhole = process.env.GOAROUND_SEEDS !== undefined;

const scenarioOf = (name: string): Scenario =>
  isWhole || BY_LOG.has(name) ? loadScenario(name) : { ...loadScenario(name), signals: "metrics" };

/** Every shipped scenario ends as it expects. In two halves, because the runner takes whole files side by side. */
export function describeScenarios(half: 0 | 1): void {
  const assemblies = new Map<string, Assemblies>();
  const options = { deployWith: "api", app: "node --import tsx bin/app.ts", environment: "dev", assemblies } as const;
  const names = scenarioNames().filter((name, i) => i % 2 === half && (isWhole || !LONG.has(name)));

  afterAll(() => {
    for (const assembly of assemblies.values()) assembly.dispose();
  });

  describe.each(SEEDS)("rehearsal with seed %i", (seed) => {
    it.each(names)("%s ends as its scenario expects", { timeout: 180_000 }, async (name) => {
      const result = await runScenario(scenarioOf(name), { ...options, seed, startMs: START_MS });
      expect(result.differences).toEqual([]);
    });
  });
}
