import { describe, expect, it } from "vitest";
import { chooseTarget } from "../../../lib/core/release/revert-member.ts";
import { fakePorts } from "../../fakes/index.ts";

/** The wave released orders twice: 1 → 2, which was good, then 2 → 3. */
const member = {
  ...{ functionName: "orders", alias: "live", deploymentId: "d-3", application: "goaround-dev", group: "orders" },
  ...{ baselineVersion: "1", canaryVersion: "3", brought: ["2", "3"], openedAt: "2026-03-02T11:55:00.000Z", flags: [] },
};
const point = (version: string) => ({
  ...{ version, codeSha256: `sha-${version}`, configurationHash: `config-${version}` },
  ...{ at: "2026-03-02T11:00:00.000Z", deploymentId: `d-${version}` },
});

async function scene(versions: string[]) {
  const ports = fakePorts();
  ports.functions.given("orders", versions, "live", "3");
  await ports.ledger.putAlias("orders", "live", {
    lastKnownGood: point("2"),
    rollbackPoints: [point("2"), point("1"), point("0")],
  });
  return ports;
}

describe("where a member of a release group goes back to", () => {
  it("is what served before the wave", async () => {
    expect((await chooseTarget(await scene(["1", "2", "3"]), member)).version).toBe("1");
  });

  it("is no version that the wave itself brought, were it good: with that gone it is what was before", async () => {
    expect((await chooseTarget(await scene(["0", "2", "3"]), member)).version).toBe("0");
  });

  it("is said to be nowhere, rather than a version of the wave", async () => {
    await expect(chooseTarget(await scene(["2", "3"]), member)).rejects.toMatchObject({
      code: "version-missing",
      message: "version 1 does not exist any more; version 0 does not exist any more",
    });
  });
});
