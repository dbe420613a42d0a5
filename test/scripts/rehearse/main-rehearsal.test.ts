import { describe, expect, it } from "vitest";
import { runMainRehearsal } from "../../../scripts/rehearse/main-rehearsal.ts";

describe("the main rehearsal", () => {
  it("promotes, rolls back and rolls back by hand, deployed by the CDK CLI", { timeout: 240_000 }, async () => {
    const result = await runMainRehearsal({
      seed: 2,
      deployWith: "cdk",
      app: "node --import tsx bin/app.ts",
      environment: "dev",
    });
    expect(result.differences).toEqual([]);
    expect(result.releases.map(({ outcome }) => outcome)).toEqual(["promoted", "rolled-back"]);
    expect(result.manualRollback.exitCode).toBe(0);
    expect(result.alias).toEqual({ functionVersion: "1", weights: {} });
  });
});
