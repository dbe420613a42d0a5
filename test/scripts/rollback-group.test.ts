import { describe, expect, it } from "vitest";
import type { GroupMember } from "../../lib/core/release/release-groups.ts";
import { command } from "../../scripts/rollback.ts";
import { throttled } from "../fakes/faults.ts";
import { droppedTotal, Harness } from "./harness.ts";

const NAMES = ["orders", "stock", "checkout"];
const profile = { applicationId: "flags", environmentId: "dev", profileId: "router" };

/** Three functions of group `shop` on version 2, released in this order; `new_api` came with the first. */
function released(): Harness {
  const harness = new Harness();
  harness.ports.flags.given({ new_api: true, other: true });
  const members = NAMES.map((functionName, i): GroupMember => {
    harness.guarded(functionName, "2");
    harness.known(functionName, "2", `d-00000000${i}`);
    const deploymentId = `d-00000000${i}`;
    harness.ports.deployments.given({ deploymentId, functionName, alias: "live", from: "1", to: "2" });
    harness.ports.deployments.end(deploymentId, "Succeeded");
    return {
      ...{ functionName, alias: "live", deploymentId, application: "goaround-dev" },
      group: `${functionName}-deployment-group`,
      ...{ baselineVersion: "1", canaryVersion: "2", brought: ["2"] },
      flags: i === 0 ? [{ ...profile, flags: ["new_api"] }] : [],
      openedAt: `2026-03-02T11:0${i}:00.000Z`,
    };
  });
  harness.ports.ledger.environment.groups.shop = { id: "d-000000000", members, revert: undefined };
  return harness;
}

const run = (harness: Harness, ...more: string[]) =>
  harness.run(command, "--action", "rollback-group", "--group", "shop", "--reason", "bad", ...more);
const moved = ({ ports }: Harness) =>
  (ports.functions.calls.of("moveAlias") as { functionName: string }[]).map(({ functionName }) => functionName);
const groupOf = ({ ports }: Harness) => ports.ledger.environment.groups.shop!;

describe("rollback-group", () => {
  it("puts all functions back, the last released first, and switches their flags off", async () => {
    const harness = released();
    const ran = await run(harness, "--json");
    expect(ran.exitCode).toBe(0);
    expect(moved(harness)).toEqual(["checkout", "stock", "orders"]);
    for (const name of NAMES) expect(harness.alias(name)).toEqual({ functionVersion: "1", weights: {} });
    expect(ran.json()).toMatchObject({ flags: [{ outcome: "off", switchedOff: ["new_api"] }] });
    expect(Object.values(harness.ports.ledger.environment.killedFlags)).toMatchObject([{ flag: "new_api" }]);
    expect(groupOf(harness).revert).toMatchObject({ reason: "bad", doneAt: expect.any(String) });
    expect(harness.ports.ledger.aliases.get("orders:live")).toMatchObject({
      lastKnownGood: { version: "1" },
      knownBad: {},
      rollbacks: [{ automatic: false, to: "1", left: ["2"] }],
    });
  });

  it("says what its releases have done that nothing takes back", async () => {
    const harness = released();
    await harness.ports.ledger.updateRelease("d-000000001", { stepsTaken: [droppedTotal("2")] });
    const { warnings } = (await run(harness, "--json")).json() as { warnings: string[] };
    expect(warnings).toEqual(["not taken back by this: drop-total of version 2 (the column is gone)"]);
  });

  it("shows the plan and changes nothing with --dry-run", async () => {
    const harness = released();
    const ran = await run(harness, "--dry-run", "--json");
    expect(ran).toMatchObject({ exitCode: 0 });
    expect(ran.json()).toMatchObject({
      code: "planned",
      plan: [{ functionName: "checkout", now: "version 2", to: "version 1" }, {}, { functionName: "orders" }],
      wouldSwitchOff: ["new_api"],
    });
    expect(moved(harness)).toEqual([]);
    expect(groupOf(harness).revert).toBeUndefined();
  });

  it("exits 5 with what is left, keeps the group closed, and finishes it when run again", async () => {
    const harness = released();
    harness.ports.functions.calls.fail("moveAlias", throttled(), 1);
    const ran = await run(harness);
    expect(ran.exitCode).toBe(5);
    expect(ran.stderr).toContain("goaround rollback --action rollback-group --group shop");
    expect(groupOf(harness).revert?.doneAt).toBeUndefined();
    expect((await run(harness)).exitCode).toBe(0);
    for (const name of NAMES) expect(harness.alias(name).functionVersion).toBe("1");
    expect(moved(harness).sort()).toEqual(["checkout", "checkout", "orders", "stock"]);
    expect(groupOf(harness).revert?.doneAt).toBeDefined();
  });

  it("ends in the same state when it is cut off after any of its calls and run again", async () => {
    const whole = released();
    await run(whole);
    const { functions, ledger } = whole.ports;
    const calls = [
      ...functions.calls.log.map(({ operation }) => ({ port: "functions" as const, operation })),
      ...ledger.calls.log.map(({ operation }) => ({ port: "ledger" as const, operation })),
    ];
    const seen: Record<string, number> = {};
    for (const { port, operation } of calls) {
      const nth = (seen[`${port}.${operation}`] ?? 0) + 1;
      seen[`${port}.${operation}`] = nth;
      const harness = released();
      const { enter } = harness.ports[port].calls;
      let count = 0;
      harness.ports[port].calls.enter = async function (name, input) {
        await enter.call(this, name, input);
        if (name === operation && ++count === nth) harness.interrupt();
      };
      await run(harness);
      harness.ports[port].calls.enter = enter;
      const again = await run(harness);
      expect({ port, operation, nth, exitCode: again.exitCode }).toMatchObject({ exitCode: 0 });
      for (const name of NAMES) expect(harness.alias(name)).toEqual({ functionVersion: "1", weights: {} });
      expect(harness.ports.ledger.environment.groups.shop?.revert?.doneAt).toBeDefined();
      expect(moved(harness).sort()).toEqual(["checkout", "orders", "stock"]);
    }
  }, 60_000);

  it("finds nothing to do the second time", async () => {
    const harness = released();
    await run(harness);
    const again = await run(harness, "--json");
    expect(again.json()).toMatchObject({ exitCode: 0, code: "nothing-to-do" });
    expect(moved(harness)).toHaveLength(3);
  });

  it("goes on with the others when one was moved by somebody else", async () => {
    const harness = released();
    harness.ports.functions.setAlias("stock", "live", "4");
    const ran = await run(harness, "--json");
    expect(ran.exitCode).toBe(5);
    expect(harness.alias("orders").functionVersion).toBe("1");
    expect(harness.alias("stock").functionVersion).toBe("4");
    expect(ran.json().message).toContain("somebody else has moved it");
  });

  it("does not go to a version that is known bad", async () => {
    const harness = released();
    harness.bad("stock", "1");
    const ran = await run(harness);
    expect(ran.exitCode).toBe(5);
    expect(harness.alias("stock").functionVersion).toBe("2");
    expect(ran.stderr).toContain("version 1 is known bad");
  });

  it("names the groups there are when there is none of that name", async () => {
    const ran = await released().run(command, "--action", "rollback-group", "--group", "shp");
    expect(ran.exitCode).toBe(4);
    expect(ran.stderr).toContain("Known groups: shop");
  });
});
