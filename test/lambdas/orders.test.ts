import { describe, expect, it } from "vitest";
import { begin } from "../../lib/core/release/journal.ts";
import { throttled } from "../fakes/faults.ts";
import type { FakePorts } from "../fakes/index.ts";
import { counts } from "../fakes/monitoring.ts";
import { ALIAS_ALARM, alarmEvent, minute, released, responder } from "./respond-scene.ts";
import { FUNCTION, ID } from "./scene.ts";

const order = (until: string) => ({ reason: "incident 7", by: "alice", at: "2026-03-02T12:00:00.000Z", until });
const aliasOf = (ports: FakePorts) => ports.functions.functions.get(FUNCTION)!.aliases.get("live")!.functionVersion;
const knownOf = (ports: FakePorts) => ports.ledger.aliases.get(`${FUNCTION}:live`)!;
const rollbackOf = (ports: FakePorts) => ports.ledger.rollbacks.get(`${FUNCTION}:live`);
const rolledBackAt = (...minutes: string[]) =>
  minutes.map((at, i) => ({
    id: `d-${i}`,
    at: minute(at).toISOString(),
    automatic: true,
    actor: "respond",
    to: "1",
    left: ["9"],
    deploymentId: `d-${i}`,
  }));

describe("a rollback in the guard time", () => {
  it("is written into the journal, the history, and what cooldown and latch count", async () => {
    const ports = await released();
    await responder(ports).send(alarmEvent(ALIAS_ALARM), "request-1");
    expect(aliasOf(ports)).toBe("1");
    expect(rollbackOf(ports)).toMatchObject({
      version: "1",
      actor: "respond",
      automatic: true,
      deploymentId: ID,
      steps: [
        { name: "check-target", state: "done" },
        { name: "move-alias", state: "done" },
        { name: "verify", state: "done" },
      ],
      result: { outcome: "restored", detail: "alias live serves version 1 alone" },
    });
    expect(knownOf(ports)).toMatchObject({
      rollbacks: [{ id: ID, automatic: true, to: "1", left: ["2"] }],
      releases: [{ deploymentId: ID, outcome: "rolled-back" }],
    });
  });

  it("happens without the ledger too", async () => {
    const ports = await released();
    for (const call of ["getRollback", "putRollback", "getEnvironment", "changeAlias", "claim"]) {
      ports.ledger.calls.fail(call);
    }
    await expect(responder(ports).send(alarmEvent(ALIAS_ALARM))).rejects.toThrow("does not know yet");
    expect(aliasOf(ports)).toBe("1");
  });

  it("waits for an operator who does the same, and reports what was measured", async () => {
    const ports = await released();
    const operator = begin(
      {
        functionName: FUNCTION,
        alias: "live",
        version: "1",
        deploymentId: ID,
        reason: "customers call",
        owner: "shell-1",
        actor: "user/alice",
        automatic: false,
        steps: ["move-alias"],
      },
      undefined,
      ports.clock.now(),
    );
    ports.ledger.rollbacks.set(`${FUNCTION}:live`, operator);
    const answered = responder(ports).send(alarmEvent(ALIAS_ALARM));
    await ports.clock.sleep(5000);
    ports.functions.setAlias(FUNCTION, "live", "1");
    const result = { outcome: "restored" as const, at: minute("15:05").toISOString(), detail: "" };
    ports.ledger.rollbacks.set(`${FUNCTION}:live`, { ...operator, revision: 2, result });
    await answered;
    expect(ports.functions.calls.of("moveAlias")).toEqual([]);
    expect(ports.notifier.sent[0]?.data).toMatchObject({ outcome: "rolled-back", trouble: null });
  });

  it("leaves the alias to an operator who goes elsewhere, and says so", async () => {
    const ports = await released();
    const request = {
      functionName: FUNCTION,
      alias: "live",
      version: "7",
      deploymentId: undefined,
      reason: "customers call",
      owner: "shell-1",
      actor: "user/alice",
      automatic: false,
      steps: ["move-alias" as const],
    };
    const record = begin(request, undefined, ports.clock.now());
    ports.ledger.rollbacks.set(`${FUNCTION}:live`, record);
    void ports.clock.sleep(4000).then(() => ports.ledger.rollbacks.set(`${FUNCTION}:live`, { ...record, revision: 2 }));
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(ports.functions.calls.of("moveAlias")).toEqual([]);
    expect(ports.notifier.sent[0]?.data.trouble).toContain("user/alice has been putting checkout:live on version 7");
  });

  it("goes to the version before when the first choice fails its smoke test", async () => {
    const ports = await released({ smokeTests: [{ name: "health" }] });
    ports.functions.functions.get(FUNCTION)!.versions.set("0", {
      ...ports.functions.functions.get(FUNCTION)!.versions.get("1")!,
      version: "0",
      codeSha256: "sha-0",
    });
    const point = { version: "0", codeSha256: "sha-0", configurationHash: "config-1", at: "t", deploymentId: "d-0" };
    await ports.ledger.putAlias(FUNCTION, "live", { rollbackPoints: [point] });
    ports.functions.respond = ({ qualifier }) => (qualifier === "1" ? { functionError: "Unhandled" } : {});
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(aliasOf(ports)).toBe("0");
  });

  it("moves nothing when no version that it knows works, and lists what it tried", async () => {
    const ports = await released({ smokeTests: [{ name: "health" }] });
    ports.functions.respond = ({ qualifier }) => (qualifier === "2" ? {} : { functionError: "Unhandled" });
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(ports.functions.calls.of("moveAlias")).toEqual([]);
    expect(ports.notifier.sent[0]?.data.trouble).toContain("version 1 the smoke test");
  });

  it("does not wait for a smoke test that nobody can run", async () => {
    const ports = await released({ smokeTests: [{ name: "health" }] });
    ports.functions.calls.fail("invoke", throttled());
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(aliasOf(ports)).toBe("1");
  });
});

describe("a disarmed guard", () => {
  it.each(["*", FUNCTION])("(%s) only tells, by whose order", async (scope) => {
    const ports = await released();
    ports.ledger.environment.disarmed[scope] = order("2026-03-02T13:00:00.000Z");
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(ports.functions.calls.of("moveAlias")).toEqual([]);
    expect(ports.flags.values().new_api).toBe(true);
    expect(ports.notifier.sent[0]?.data.trouble).toBe(
      "the version is bad and the guard is disarmed by alice until 2026-03-02T13:00:00.000Z: incident 7",
    );
  });

  it("acts, and tells of it, when the order has run out", async () => {
    const ports = await released();
    ports.ledger.environment.disarmed["*"] = order("2026-03-02T12:20:00.000Z");
    const { send } = responder(ports);
    await send(alarmEvent(ALIAS_ALARM));
    ports.clock.set(minute("20:00"));
    await send(alarmEvent(ALIAS_ALARM));
    expect(aliasOf(ports)).toBe("1");
    expect(ports.notifier.sent.map(({ data }) => data.outcome)).toEqual(["promoted", "rolled-back"]);
  });
});

describe("cooldown and latch", () => {
  it("let an alarm wait for the end of the cooldown, and act then if it is still red", async () => {
    const ports = await released();
    await ports.ledger.putAlias(FUNCTION, "live", { rollbacks: rolledBackAt("13:00") });
    ports.monitoring.states.set(ALIAS_ALARM, "ALARM");
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(aliasOf(ports)).toBe("1");
    expect(ports.clock.now() >= minute("18:00")).toBe(true);
  });

  it("leave an alias alone whose alarm has recovered within the cooldown", async () => {
    const ports = await released();
    await ports.ledger.putAlias(FUNCTION, "live", { rollbacks: rolledBackAt("13:00") });
    ports.monitoring.states.set(ALIAS_ALARM, "ALARM");
    void ports.clock.sleep(60_000).then(() => ports.monitoring.states.set(ALIAS_ALARM, "OK"));
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(ports.functions.calls.of("moveAlias")).toEqual([]);
  });

  it.each([undefined, { percent: 50, minutes: 3 }])(
    "leave alias and flags to a release that begins within the cooldown (trial: %j)",
    async (guardTrial) => {
      const ports = await released(guardTrial ? { guardTrial } : {});
      await ports.ledger.putAlias(FUNCTION, "live", { rollbacks: rolledBackAt("13:00") });
      ports.monitoring.states.set(ALIAS_ALARM, "ALARM");
      const fix = { deploymentId: "d-FIX", functionName: FUNCTION, alias: "live", from: "2", to: "3" };
      void ports.clock.sleep(60_000).then(() => ports.deployments.given(fix));
      await responder(ports).send(alarmEvent(ALIAS_ALARM));
      expect(ports.functions.calls.of("splitAlias")).toEqual([]);
      expect(ports.functions.calls.of("moveAlias")).toEqual([]);
      expect(ports.flags.values()).toMatchObject({ new_api: true });
      expect(ports.notifier.sent).toEqual([]);
    },
  );

  it("leave an alias to whoever has put it back within the cooldown", async () => {
    const ports = await released();
    await ports.ledger.putAlias(FUNCTION, "live", { rollbacks: rolledBackAt("13:00") });
    ports.monitoring.states.set(ALIAS_ALARM, "ALARM");
    void ports.clock.sleep(60_000).then(() => ports.functions.setAlias(FUNCTION, "live", "1", { 3: 0.1 }));
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(ports.functions.calls.of("moveAlias")).toEqual([]);
    expect(ports.flags.values()).toMatchObject({ new_api: true });
  });

  it("tell people, once for each latch, that an alias stays which a person has latched", async () => {
    const ports = await released();
    const { environment } = ports.ledger;
    const latch = (since: string) => ({ [`${FUNCTION}:live`]: { since, by: "alice", reason: "incident 7" } });
    environment.latches = latch("2026-03-02T12:10:00.000Z");
    const { send } = responder(ports);
    for (let i = 0; i < 3; i += 1) await send(alarmEvent(ALIAS_ALARM));
    expect(ports.notifier.sent).toHaveLength(1);
    expect(ports.notifier.sent[0]).toMatchObject({ severity: "critical" });
    expect(ports.notifier.sent[0]?.lines.join("\n")).toContain("by alice: incident 7");
    expect(ports.notifier.sent[0]?.lines.join("\n")).toContain("goaround guard --action release-latch");
    environment.latches = latch("2026-03-02T12:20:00.000Z");
    await send(alarmEvent(ALIAS_ALARM));
    expect(ports.notifier.sent).toHaveLength(2);
    expect(ports.functions.calls.of("moveAlias")).toEqual([]);
  });

  it("stop after three rollbacks within an hour: the alias is latched and people are paged, once", async () => {
    const ports = await released();
    await ports.ledger.putAlias(FUNCTION, "live", { rollbacks: rolledBackAt("00:00", "04:00", "08:00") });
    const { send } = responder(ports);
    for (let i = 0; i < 5; i += 1) await send(alarmEvent(ALIAS_ALARM));
    expect(ports.functions.calls.of("moveAlias")).toEqual([]);
    expect(ports.ledger.environment.latches[`${FUNCTION}:live`]).toMatchObject({
      by: "respond",
      reason: "3 automatic rollbacks within 60 minutes (limit 3)",
    });
    expect(ports.notifier.sent).toHaveLength(1);
    expect(ports.notifier.sent[0]).toMatchObject({ severity: "critical" });
    expect(ports.notifier.sent[0]?.lines.join("\n")).toContain("goaround guard --action release-latch");
  });

  it("do not call people for one more rollback within the hour that went well, and say so", async () => {
    const ports = await released();
    await ports.ledger.putAlias(FUNCTION, "live", { rollbacks: rolledBackAt("00:00") });
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(aliasOf(ports)).toBe("1");
    expect(ports.notifier.sent).toMatchObject([{ severity: "warning", data: { outcome: "rolled-back" } }]);
    expect(ports.notifier.sent[0]?.data.findings).toContain("rolled-back-again");
  });

  it.each<[string, (ports: FakePorts) => void]>([
    ["flags stay on", (ports) => ports.flags.calls.fail("deploy")],
    [
      "the version that serves now fails",
      (ports) => void Object.assign(ports.monitoring, { perMinute: () => counts(100, 50) }),
    ],
  ])("call people for one more rollback within the hour where %s", async (_, given) => {
    const ports = await released();
    await ports.ledger.putAlias(FUNCTION, "live", { rollbacks: rolledBackAt("00:00") });
    given(ports);
    await responder(ports)
      .send(alarmEvent(ALIAS_ALARM))
      .catch(() => undefined);
    expect(ports.notifier.sent.map(({ severity }) => severity)).toEqual(["critical"]);
  });

  it("act again when a person has released the latch", async () => {
    const ports = await released();
    await ports.ledger.putAlias(FUNCTION, "live", { rollbacks: rolledBackAt("00:00", "04:00", "08:00") });
    ports.ledger.environment.latchReleased[`${FUNCTION}:live`] = {
      at: minute("14:00").toISOString(),
      by: "alice",
      reason: "fixed",
    };
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(aliasOf(ports)).toBe("1");
  });
});
