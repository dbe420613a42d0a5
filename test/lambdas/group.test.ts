import { describe, expect, it } from "vitest";
import { createPreTraffic } from "../../lambdas/pre-traffic/pre-traffic.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import type { GroupMember, GroupWave } from "../../lib/core/release/release-groups.ts";
import { never, throttled } from "../fakes/faults.ts";
import type { FakePorts } from "../fakes/index.ts";
import { ALIAS_ALARM, alarmEvent, released, responder, shifting, stateEvent } from "./respond-scene.ts";
import { FUNCTION, GROUP, ID, policyOf, reported, runWork, scene, silent } from "./scene.ts";

const shop = { releaseGroup: "shop" };
const waveOf = (ports: FakePorts) => ports.ledger.environment.groups.shop!;

/** Functions that were released before `checkout`, each on version 2 now. */
async function releasedBefore(ports: FakePorts, ...names: string[]): Promise<void> {
  for (const [i, name] of names.entries()) {
    ports.functions.given(name, ["1", "2"], "live", "2");
    const [deploymentId, group] = [`d-${name.toUpperCase()}`, `${name}-deployment-group`];
    ports.deployments.given({ deploymentId, functionName: name, alias: "live", from: "1", to: "2" });
    ports.deployments.end(deploymentId, "Succeeded");
    const member: GroupMember = {
      ...{ functionName: name, alias: "live", deploymentId, application: "goaround-dev", group },
      ...{ baselineVersion: "1", canaryVersion: "2", brought: ["2"], flags: [] },
      openedAt: `2026-03-02T11:0${i}:00.000Z`,
    };
    const wave = waveOf(ports);
    ports.ledger.environment.groups.shop = { ...wave, members: [member, ...wave.members] };
  }
}

const versionOf = (ports: FakePorts, name: string) =>
  ports.functions.functions.get(name)!.aliases.get("live")!.functionVersion;

/** CodeDeploy has stopped the release and put its alias back. */
function stopped(ports: FakePorts): void {
  ports.deployments.end(ID, "Stopped", { code: "ALARM_ACTIVE", message: "red" });
  ports.functions.setAlias(FUNCTION, "live", "1");
}

describe("pre-traffic", () => {
  it("writes down that the release is one of its group", async () => {
    const ports = scene(shop);
    await runWork(ports, createPreTraffic(ports, "dev", silent));
    expect(reported(ports)).toBe("Succeeded");
    expect(waveOf(ports)).toMatchObject({
      id: ID,
      members: [{ functionName: FUNCTION, deploymentId: ID, baselineVersion: "1", brought: ["2"], group: GROUP }],
    });
  });

  it("refuses a member while its group goes back, and it does not join", async () => {
    const ports = scene(shop);
    const revert = { since: "2026-03-02T11:59:00.000Z", by: "respond", reason: "b failed" };
    ports.ledger.environment.groups.shop = {
      ...{ id: "d-B", members: [] },
      revert: { ...revert, doneAt: undefined, members: [], flags: [] },
    };
    await runWork(ports, createPreTraffic(ports, "dev", silent));
    expect(reported(ports)).toBe("Failed");
    expect(ports.ledger.releases.get(ID)?.verdict?.reasons.map(({ code }) => code)).toEqual(["group-reverting"]);
    expect(waveOf(ports).id).toBe("d-B");
  });

  describe("in a rolling group", () => {
    const rolling = { ...shop, releaseAfter: "orders" };
    const waveAt = (ports: FakePorts, more: object = {}): GroupWave => {
      const openedAt = ports.clock.now().toISOString();
      const member: GroupMember = {
        ...{ functionName: "orders", alias: "live", deploymentId: "d-ORDERS", application: "goaround-dev", group: "g" },
        ...{ baselineVersion: "1", canaryVersion: "2", brought: ["2"], flags: [], openedAt, ...more },
      };
      return { id: "d-ORDERS", revert: undefined, members: [member] };
    };
    /** `orders` goes before `checkout` in the same wave; `changes`: what is on record of its release. */
    async function behind(changes: object, policy: object = rolling, member: object = {}) {
      const ports = scene(policy);
      ports.ledger.environment.groups.shop = waveAt(ports, member);
      await ports.ledger.updateRelease("d-ORDERS", { openedAt: ports.clock.now().toISOString(), ...changes });
      return ports;
    }
    const begin = (ports: FakePorts) => runWork(ports, createPreTraffic(ports, "dev", silent));
    const members = (ports: FakePorts) => waveOf(ports).members.map(({ functionName }) => functionName);

    it("refuses a release while the one before it is not verified, and it does not join", async () => {
      const ports = await behind({});
      await begin(ports);
      expect(reported(ports)).toBe("Failed");
      const [reason] = ports.ledger.releases.get(ID)?.verdict?.reasons ?? [];
      expect(reason).toMatchObject({
        code: "group-rolling",
        message: expect.stringContaining("d-ORDERS of orders:live"),
      });
      expect(members(ports)).toEqual(["orders"]);
    });

    it("refuses the first of the row too while a later one is open", async () => {
      const ports = await behind({}, shop, { rolling: true });
      await begin(ports);
      expect(reported(ports)).toBe("Failed");
    });

    it.each([
      ["the one before it has been answered well after its traffic", { postTrafficStatus: "Succeeded" }],
      ["the one before it has ended", { closedAt: "2026-03-02T11:59:00.000Z" }],
    ])("lets a release begin once %s", async (_, changes) => {
      const ports = await behind(changes);
      await begin(ports);
      expect(reported(ports)).toBe("Succeeded");
      expect(members(ports)).toEqual(["orders", FUNCTION]);
    });

    it("sees one that joins at the same moment", async () => {
      const ports = scene(rolling);
      const change = ports.ledger.changeEnvironment.bind(ports.ledger);
      ports.ledger.changeEnvironment = (work) => {
        ports.ledger.environment.groups.shop ??= waveAt(ports);
        return change(work);
      };
      await begin(ports);
      expect(reported(ports)).toBe("Failed");
      expect(members(ports)).toEqual(["orders"]);
    });

    it("lets one through by break-glass, which is recorded with the release", async () => {
      const ports = await behind({});
      const at = ports.clock.now().toISOString();
      const until = new Date(ports.clock.now().getTime() + 3_600_000).toISOString();
      const order = { reason: "hotfix", by: "ann", at, until, functionName: undefined, rules: ["group-rolling"] };
      await ports.ledger.changeEnvironment(() => ({ breakGlass: [order] }));
      await begin(ports);
      expect(reported(ports)).toBe("Succeeded");
      expect(ports.ledger.releases.get(ID)?.admissionFindings?.map(({ code }) => code)).toContain(
        "break-glass-group-rolling",
      );
      expect(members(ports)).toEqual(["orders", FUNCTION]);
    });

    it("holds nothing up in a group that is released as it comes", async () => {
      const ports = await behind({}, shop);
      await begin(ports);
      expect(reported(ports)).toBe("Succeeded");
    });
  });
});

describe("a failure in a group", () => {
  it("takes back what was released before, the last first, and tells people once", async () => {
    const ports = await shifting(shop);
    await releasedBefore(ports, "orders", "stock");
    stopped(ports);
    const { send } = responder(ports);
    await send(stateEvent("STOP"));
    await send(stateEvent("STOP"));
    expect([versionOf(ports, "orders"), versionOf(ports, "stock")]).toEqual(["1", "1"]);
    const moves = ports.functions.calls.of("moveAlias") as { functionName: string }[];
    expect(moves.map(({ functionName }) => functionName)).toEqual(["orders", "stock"]);
    // Others need their share of the account's limits meanwhile.
    const order = ports.functions.calls.log.map(({ operation }) => operation);
    expect(order.filter((operation) => ["paced", "moveAlias"].includes(operation)).slice(0, 4)).toEqual([
      ...["paced", "moveAlias", "moveAlias", "paced"],
    ]);
    const told = ports.notifier.sent.filter(({ data }) => data.event === "group");
    expect(told).toHaveLength(1);
    expect(told[0]?.lines.join(" ")).toContain("orders:live restored (version 1)");
    expect(waveOf(ports).revert).toMatchObject({ by: "respond", doneAt: expect.any(String) });
    // Nothing was wrong with the others' code.
    expect(ports.ledger.aliases.get("orders:live")?.knownBad).toEqual({});
    expect(ports.ledger.releases.get("d-ORDERS")).toMatchObject({ outcome: "rolled-back", actor: "respond" });
  });

  it("stops what is still running, and waits for CodeDeploy to take it back", async () => {
    const ports = await shifting(shop);
    await releasedBefore(ports, "orders");
    ports.deployments.given({ deploymentId: "d-ORDERS", functionName: "orders", alias: "live", from: "1", to: "2" });
    ports.functions.setAlias("orders", "live", "1", { 2: 0.1 });
    stopped(ports);
    void ports.clock.sleep(3000).then(() => ports.functions.setAlias("orders", "live", "1"));
    await responder(ports).send(stateEvent("STOP"));
    expect(ports.deployments.calls.of("stopWithRollback")).toContain("d-ORDERS");
    expect(ports.functions.calls.of("moveAlias")).toEqual([]);
    expect(waveOf(ports).revert?.members).toContainEqual(
      expect.objectContaining({ functionName: "orders", outcome: "restored" }),
    );
  });

  it("in guard time takes the others back too", async () => {
    const ports = await released(shop);
    await releasedBefore(ports, "orders");
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect([versionOf(ports, FUNCTION), versionOf(ports, "orders")]).toEqual(["1", "1"]);
  });

  it("in guard time takes the others back with the next alarm when the responder died before it came to that", async () => {
    const ports = await released(shop);
    await releasedBefore(ports, "orders");
    const { send } = responder(ports);
    const read = ports.ledger.getEnvironment.bind(ports.ledger);
    // The group's lever reads it after the alias has been moved.
    ports.ledger.getEnvironment = () =>
      versionOf(ports, FUNCTION) === "1" ? Promise.reject(new Error("died")) : read();
    await expect(send(alarmEvent(ALIAS_ALARM))).rejects.toThrow("died");
    expect([versionOf(ports, FUNCTION), versionOf(ports, "orders")]).toEqual(["1", "2"]);
    ports.ledger.getEnvironment = read;
    await send(alarmEvent(ALIAS_ALARM));
    expect(versionOf(ports, "orders")).toBe("1");
  });

  it("leaves a function alone for which the guard is disarmed", async () => {
    const ports = await shifting(shop);
    await releasedBefore(ports, "orders", "stock");
    const order = { reason: "trial", by: "operator", at: "2026-03-02T11:00:00Z", until: "2026-03-03T11:00:00Z" };
    ports.ledger.environment.disarmed.orders = order;
    stopped(ports);
    await responder(ports).send(stateEvent("STOP"));
    expect([versionOf(ports, "orders"), versionOf(ports, "stock")]).toEqual(["2", "1"]);
  });

  it.each([
    [
      "whose alias is latched",
      ({ ledger }: FakePorts) => {
        ledger.environment.latches["orders:live"] = { since: "2026-03-02T11:30:00Z", reason: "ours", by: "ann" };
      },
    ],
    [
      "whose policy leaves rollbacks to people",
      (ports: FakePorts) => {
        const wave = waveOf(ports);
        const members = wave.members.map((one) =>
          one.functionName === "orders" ? { ...one, byHand: true as const } : one,
        );
        ports.ledger.environment.groups = { shop: { ...wave, members } };
      },
    ],
  ])("leaves a function alone %s", async (_, given) => {
    const ports = await shifting(shop);
    await releasedBefore(ports, "orders", "stock");
    given(ports);
    stopped(ports);
    await responder(ports).send(stateEvent("STOP"));
    expect([versionOf(ports, "orders"), versionOf(ports, "stock")]).toEqual(["2", "1"]);
    expect(ports.notifier.sent.map(({ lines }) => lines.join(" ")).join(" ")).toContain("orders:live left");
  });

  it("notes with each member whether its policy leaves rollbacks to people", async () => {
    const ports = scene({ ...shop, automaticRollback: false });
    await runWork(ports, createPreTraffic(ports, "dev", silent));
    expect(waveOf(ports).members.map(({ byHand }) => byHand)).toEqual([true]);
  });

  it("goes on with what was left when Lambda delivers the event again", async () => {
    const ports = await shifting(shop);
    await releasedBefore(ports, "orders", "stock");
    stopped(ports);
    ports.functions.calls.fail("moveAlias", new GoaroundError("aws-fault", "dependency", "no"), 1);
    const { send } = responder(ports);
    await expect(send(stateEvent("STOP"), "request-7")).rejects.toThrow(
      "group shop is not all back: 1 aliases are left",
    );
    expect(waveOf(ports).revert?.doneAt).toBeUndefined();
    await send(stateEvent("STOP"), "request-7");
    expect([versionOf(ports, "orders"), versionOf(ports, "stock")]).toEqual(["1", "1"]);
    expect(waveOf(ports).revert?.doneAt).toBeDefined();
  });

  it.each([
    ["hangs", () => never()],
    ["fails", () => Promise.reject(throttled())],
  ])("stays on record as back although its announcement %s and comes through late", async (_, answer) => {
    const ports = await shifting(shop);
    await releasedBefore(ports, "orders");
    stopped(ports);
    const change = ports.ledger.changeEnvironment.bind(ports.ledger);
    let late: Promise<unknown> | undefined;
    ports.ledger.changeEnvironment = async (work) => {
      if (late) return change(work);
      late = ports.clock.sleep(60_000).then(() => change(work));
      return answer() as Promise<never>;
    };
    await responder(ports).send(stateEvent("STOP"));
    expect(waveOf(ports).revert?.doneAt).toBeDefined();
    await late;
    expect(waveOf(ports).revert?.doneAt).toBeDefined();
  });

  it("touches nothing of another group, nor of an earlier wave", async () => {
    const ports = await shifting(shop);
    await releasedBefore(ports, "orders");
    const { shop: wave } = ports.ledger.environment.groups;
    ports.ledger.environment.groups = { other: { ...wave!, members: wave!.members.slice(0, 1) } };
    stopped(ports);
    await responder(ports).send(stateEvent("STOP"));
    expect(versionOf(ports, "orders")).toBe("2");
  });

  it("without a group changes nothing of the way a release goes back", async () => {
    const ports = await shifting();
    ports.policies.documents.set(`${FUNCTION}:live`, policyOf());
    stopped(ports);
    await responder(ports).send(stateEvent("STOP"));
    expect(ports.ledger.environment.groups).toEqual({});
    expect(ports.ledger.rollbacks.has("group:shop:wave")).toBe(false);
  });
});
