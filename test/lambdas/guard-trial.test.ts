import { describe, expect, it } from "vitest";
import { alarmName } from "../../lib/contract/names.ts";
import type { PolicyInput } from "../../lib/contract/policy.ts";
import { throttled } from "../fakes/faults.ts";
import type { FakePorts } from "../fakes/index.ts";
import { counts } from "../fakes/monitoring.ts";
import { ALIAS_ALARM, alarmEvent, released, responder } from "./respond-scene.ts";
import { FUNCTION, ID } from "./scene.ts";

const guardTrial = { percent: 50, minutes: 3 };
const errorsOf = (ports: FakePorts, percent: Record<string, number>) => {
  ports.monitoring.perMinute = ({ version }) => counts(300, percent[version ?? ""] ?? 0);
};
const scene = async (percent: Record<string, number>, policy: Partial<PolicyInput> = {}) => {
  const ports = await released({ guardTrial, ...policy });
  errorsOf(ports, percent);
  return ports;
};
const aliasOf = (ports: FakePorts) => {
  const { functionVersion, weights } = ports.functions.functions.get(FUNCTION)!.aliases.get("live")!;
  return { functionVersion, weights };
};
const splits = (ports: FakePorts) =>
  ports.functions.calls.of("splitAlias") as { version: string; to: string; share: number }[];
const record = (ports: FakePorts) => ports.ledger.releases.get(ID)!;
const told = (ports: FakePorts) => ports.notifier.sent.map(({ data }) => data.findings);
const back = { functionVersion: "1", weights: {} };
const stays = { functionVersion: "2", weights: {} };

describe("an alarm in guard time, where the policy wants both versions tried", () => {
  it("takes the alias back as soon as the version that serves does worse beside the other", async () => {
    const ports = await scene({ 2: 20, 1: 0 });
    const before = ports.clock.now().getTime();
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(splits(ports)[0]).toMatchObject({ version: "2", to: "1", share: 0.5 });
    expect(aliasOf(ports)).toEqual(back);
    expect(record(ports)).toMatchObject({ outcome: "rolled-back" });
    expect(ports.clock.now().getTime() - before).toBeLessThan(4 * 60_000);
  });

  it.each([
    ["both fail alike", { 1: 8, 2: 8 }],
    ["neither fails any more", { 1: 0, 2: 0 }],
  ])("leaves the code and its flags, and tells people, when %s", async (_, percent) => {
    const ports = await scene(percent);
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(aliasOf(ports)).toEqual(stays);
    expect(record(ports)).toMatchObject({ outcome: "promoted", trial: { percent: 50, clearedAt: expect.any(String) } });
    expect(told(ports).at(-1)).toEqual(["known-good-alike", "alarm"]);
    expect(ports.flags.values()).toMatchObject({ new_api: true });
  });

  it("goes back when the evidence does not tell", async () => {
    const ports = await scene({});
    ports.monitoring.calls.fail("minuteCounts");
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(splits(ports)).toHaveLength(1);
    expect(aliasOf(ports)).toEqual(back);
  });

  it("goes back at once when the trial cannot be written down or begun", async () => {
    for (const what of ["ledger", "alias"] as const) {
      const ports = await scene({ 1: 8, 2: 8 });
      if (what === "ledger") ports.ledger.calls.fail("updateRelease", throttled(), 1);
      else ports.functions.calls.fail("splitAlias", throttled());
      const before = ports.clock.now().getTime();
      await responder(ports).send(alarmEvent(ALIAS_ALARM));
      expect(aliasOf(ports)).toEqual(back);
      expect(ports.clock.now().getTime() - before).toBeLessThan(60_000);
    }
  });

  it("gives no traffic to a version that fails its smoke tests", async () => {
    const ports = await scene({ 2: 20 }, { smokeTests: [{ name: "health" }] });
    ports.functions.respond = ({ qualifier }) => (qualifier === "1" ? { functionError: "Unhandled" } : {});
    await responder(ports)
      .send(alarmEvent(ALIAS_ALARM))
      .catch(() => undefined);
    expect(splits(ports)).toEqual([]);
  });

  it("goes on where a run was cut off, for its time and no longer", async () => {
    const ports = await scene({ 1: 8, 2: 8 });
    const { send } = responder(ports);
    await expect(send(alarmEvent(ALIAS_ALARM), "request-1", 90_000)).rejects.toThrow();
    expect(aliasOf(ports)).toEqual({ functionVersion: "2", weights: { 1: 0.5 } });
    const startedAt = Date.parse(record(ports).trial!.startedAt);
    await send(alarmEvent(ALIAS_ALARM), "request-1");
    expect(aliasOf(ports)).toEqual(stays);
    expect(splits(ports)).toHaveLength(1);
    expect(ports.clock.now().getTime() - startedAt).toBeLessThan((3 + 1 + 2) * 60_000);
  });

  it("ends with all traffic where it was when the guard is disarmed before it goes on", async () => {
    const ports = await scene({ 2: 20, 1: 0 });
    const { send } = responder(ports);
    await expect(send(alarmEvent(ALIAS_ALARM), "request-1", 30_000)).rejects.toThrow();
    const { environment } = ports.ledger;
    const until = new Date(ports.clock.now().getTime() + 3_600_000).toISOString();
    environment.disarmed["*"] = { by: "ana", at: ports.clock.now().toISOString(), until, reason: "a drill" };
    await send(alarmEvent(ALIAS_ALARM), "request-1");
    expect(aliasOf(ports)).toEqual(stays);
  });

  it("leaves the alias alone once somebody else has moved it", async () => {
    const ports = await scene({ 2: 20, 1: 0 });
    const sleep = ports.clock.sleep.bind(ports.clock);
    let slept = 0;
    ports.clock.sleep = async (ms, signal) => {
      await sleep(ms, signal);
      if (++slept === 1) ports.functions.setAlias(FUNCTION, "live", "1");
    };
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(aliasOf(ports)).toEqual(back);
    expect(ports.functions.calls.of("moveAlias")).toEqual([]);
    expect(record(ports).outcome).toBe("promoted");
  });

  it("leaves throttles to what an older version cannot cure either", async () => {
    const ports = await scene({});
    await responder(ports).send(
      alarmEvent(alarmName({ environment: "dev", functionName: FUNCTION, alias: "live", check: "throttles" })),
    );
    expect(splits(ports)).toEqual([]);
  });

  it.each([
    ["alike", { 1: 8, 2: 8 }, stays],
    ["bad", { 1: 0, 2: 20 }, back],
  ])("ends whole after a run that lost the answer to any of its calls (%s)", async (_, percent, end) => {
    for (const operation of [
      "getAlias",
      "splitAlias",
      "moveAlias",
      "updateRelease",
      "getVersion",
      "claim",
      "complete",
    ]) {
      for (const nth of [1, 2, 3]) {
        const ports = await scene(percent);
        const { send } = responder(ports);
        let left = nth;
        for (const port of [ports.functions, ports.ledger]) {
          const method = (port as unknown as Record<string, ((...args: unknown[]) => unknown) | undefined>)[operation];
          if (!method) continue;
          Object.assign(port, {
            [operation]: async (...args: unknown[]) => {
              left -= 1;
              const result = await method.apply(port, args);
              // The effect is there; the answer is not.
              if (left === 0) throw throttled();
              return result;
            },
          });
        }
        await send(alarmEvent(ALIAS_ALARM), "request-1").catch(() => undefined);
        await send(alarmEvent(ALIAS_ALARM), "request-1");
        const isCautious = JSON.stringify(aliasOf(ports)) === JSON.stringify(back);
        expect([operation, nth, aliasOf(ports)]).toEqual([operation, nth, isCautious ? back : end]);
      }
    }
  });

  it("writes no alias while a deployment is open, and ends when it is heard again after that", async () => {
    const ports = await scene({ 1: 8, 2: 8 });
    const { send } = responder(ports);
    const list = ports.deployments.list.bind(ports.deployments);
    let isOpen = false;
    ports.deployments.list = async (query) => (isOpen ? ["d-NEXT"] : list(query));
    const split = ports.functions.splitAlias.bind(ports.functions);
    ports.functions.splitAlias = async (request) => {
      const alias = await split(request);
      isOpen = true;
      return alias;
    };
    await expect(send(alarmEvent(ALIAS_ALARM), "request-1")).rejects.toThrow("d-NEXT");
    expect(aliasOf(ports)).toEqual({ functionVersion: "2", weights: { 1: 0.5 } });
    isOpen = false;
    await send(alarmEvent(ALIAS_ALARM), "request-1");
    expect(aliasOf(ports)).toEqual(stays);
  });

  it("splits no alias of which a deployment has begun meanwhile", async () => {
    const ports = await scene({ 2: 20, 1: 0 });
    const write = ports.ledger.updateRelease.bind(ports.ledger);
    ports.ledger.updateRelease = async (id, changes) => {
      if (changes.trial) {
        ports.deployments.given({ deploymentId: "d-FIX", functionName: FUNCTION, alias: "live", from: "2", to: "3" });
      }
      return write(id, changes);
    };
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(splits(ports)).toEqual([]);
    expect(aliasOf(ports)).toEqual(stays);
    expect(ports.flags.values()).toMatchObject({ new_api: true });
  });

  it.each([
    ["another release", { functionVersion: "2", weights: { 3: 0.1 } }],
    ["a person", back],
  ])(
    "gives nothing to an alias that %s has moved while the alarm was looked into",
    async (_, { functionVersion, weights }) => {
      const ports = await scene({ 2: 20, 1: 0 }, { smokeTests: [{ name: "health" }] });
      ports.functions.respond = () => {
        ports.functions.setAlias(FUNCTION, "live", functionVersion, weights);
        return {};
      };
      await responder(ports).send(alarmEvent(ALIAS_ALARM));
      expect(splits(ports)).toEqual([]);
      expect(aliasOf(ports)).toEqual({ functionVersion, weights });
    },
  );

  it("is one trial for an event that comes twice", async () => {
    const ports = await scene({ 1: 8, 2: 8 });
    const { send } = responder(ports);
    await send(alarmEvent(ALIAS_ALARM));
    await send(alarmEvent(ALIAS_ALARM));
    expect(splits(ports)).toHaveLength(1);
  });
});
