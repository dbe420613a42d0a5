import { describe, expect, it } from "vitest";
import { loadScenario, ownApp } from "../../../scripts/rehearse/library.ts";
import { runScenario } from "../../../scripts/rehearse/run-scenario.ts";
import { describeScenarios } from "../../contract-suites/scenarios.ts";

const options = { deployWith: "api", app: ownApp("bin/app"), environment: "dev" } as const;

describeScenarios(0);

describe("rehearsal", () => {
  const startMs = Date.parse("2026-03-02T12:00:00.000Z");

  it("gives the same outcome and times for the same seed and start, faults and retries included", {
    timeout: 180_000,
  }, async () => {
    const run = () => runScenario(loadScenario("throttled-apis"), { ...options, seed: 7, startMs });
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
