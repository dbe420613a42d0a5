import { describe, expect, it } from "vitest";
import { alarmName, MARKER_ALIAS } from "../../lib/contract/names.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import { fact } from "../../lib/core/judge/reason.ts";
import { VERDICT_SOURCE } from "../../lib/core/release/events.ts";
import { CLAIM_LEASE_MS } from "../../lib/core/release/lease.ts";
import type { FakePorts } from "../fakes/index.ts";
import { counts, noCounts } from "../fakes/monitoring.ts";
import {
  ALIAS_ALARM,
  alarmEvent,
  minute,
  released,
  responder,
  shifting,
  stateEvent,
  VERSION_ALARM,
} from "./respond-scene.ts";
import { FUNCTION, ID, scene } from "./scene.ts";

async function aliasOf(ports: FakePorts) {
  const { functionVersion, weights } = await ports.functions.getAlias(FUNCTION, "live");
  return { functionVersion, weights };
}
const recordOf = (ports: FakePorts) => ports.ledger.releases.get(ID);
const bothFail = (ports: FakePorts) => {
  ports.monitoring.perMinute = ({ version }) => counts(version === "2" ? 60 : 540, 30);
};

describe("an alarm on the canary of a running deployment", () => {
  it("stops the deployment with rollback and switches the release's flags off", async () => {
    const ports = await shifting();
    await responder(ports).send(alarmEvent(VERSION_ALARM));
    expect(ports.deployments.calls.of("stopWithRollback")).toEqual([ID]);
    expect(ports.flags.values()).toEqual({ new_api: false, other: true });
  });

  it("stops at once although the flags hang, the ledger fails and nobody can be told", async () => {
    const ports = await shifting();
    const start = ports.clock.now();
    ports.flags.calls.hang("resolve");
    ports.ledger.calls.fail("claim");
    ports.ledger.calls.fail("updateRelease");
    void responder(ports)
      .send(alarmEvent(VERSION_ALARM))
      .catch(() => {});
    await ports.clock.sleep(1);
    expect(ports.deployments.calls.of("stopWithRollback")).toEqual([ID]);
    expect(ports.clock.now().getTime() - start.getTime()).toBeLessThan(2000);
  });

  it("switches the flags off although the stop fails, and throws so that Lambda tries again", async () => {
    const ports = await shifting();
    ports.deployments.calls.fail("stopWithRollback", undefined, 1);
    const { send } = responder(ports);
    await expect(send(alarmEvent(VERSION_ALARM), "request-1")).rejects.toMatchObject({ code: "throttled" });
    expect(ports.flags.values().new_api).toBe(false);
    await send(alarmEvent(VERSION_ALARM), "request-1");
    expect(recordOf(ports)?.actor).toBe("respond");
    expect(ports.deployments.deployments.get(ID)?.status).toBe("Stopped");
  });

  it("acts once however often and in whatever order the events come", async () => {
    const ports = await shifting();
    const { send } = responder(ports);
    await Promise.all([
      send(stateEvent("START")),
      send(alarmEvent(VERSION_ALARM)),
      send(alarmEvent(VERSION_ALARM)),
      send(alarmEvent(VERSION_ALARM)),
    ]);
    await Promise.all([send(stateEvent("STOP")), send(stateEvent("STOP")), send(alarmEvent(VERSION_ALARM))]);
    await send(stateEvent("START"));
    expect(ports.deployments.calls.of("stopWithRollback")).toEqual([ID]);
    expect(ports.flags.calls.of("deploy")).toHaveLength(1);
    expect(ports.functions.calls.of("moveAlias")).toEqual([]);
    expect(ports.notifier.sent).toHaveLength(1);
  });

  it("tells people once, with reason, figures, duration, alias, flags and the next command", async () => {
    const ports = await shifting();
    const { send, emitted } = responder(ports);
    await send(alarmEvent(VERSION_ALARM));
    await send(stateEvent("STOP"));
    expect(ports.notifier.sent).toHaveLength(1);
    const text = ports.notifier.sent[0]!.lines.join("\n");
    expect(text).toContain(`${VERSION_ALARM} went into ALARM`);
    expect(text).toContain("live serves version 1 alone");
    expect(text).toContain("Flags new_api of profile router went off in 1 s");
    expect(text).toMatch(/It took \d+ s/);
    expect(text).toContain(`goaround rollback --action health-check --functions ${FUNCTION}`);
    expect(text).toContain("next `cdk deploy`");
    expect(ports.notifier.sent[0]).toMatchObject({ severity: "critical", data: { outcome: "rolled-back" } });
    expect(emitted.rollbacks).toEqual([1]);
    expect(emitted.rollbackDurationSeconds).toHaveLength(1);
  });

  it("remembers the artifact as bad and closes the release", async () => {
    const ports = await shifting();
    const { send } = responder(ports);
    await send(alarmEvent(VERSION_ALARM));
    await send(stateEvent("STOP"));
    expect(ports.ledger.aliases.get(`${FUNCTION}:live`)?.knownBad["sha-2/config-2"]?.reason).toBe("alarm");
    expect(recordOf(ports)).toMatchObject({ outcome: "rolled-back", closedAt: expect.any(String) });
  });

  it.each([
    ["another version's alarm", VERSION_ALARM.replace(/2$/, "1")],
    ["an alarm that is not the guard's", "billing"],
    ["another function's alarm", ALIAS_ALARM.replace(FUNCTION, "payments")],
  ])("is not what it takes %s for", async (_, name) => {
    const ports = await shifting();
    ports.functions.given("payments", ["1"], "live", "1");
    await responder(ports).send(alarmEvent(name));
    expect(ports.deployments.calls.of("stopWithRollback")).toEqual([]);
    expect(ports.flags.calls.of("deploy")).toEqual([]);
  });

  it("does nothing when the alarm turns green", async () => {
    const ports = await shifting();
    await responder(ports).send(alarmEvent(VERSION_ALARM, "OK"));
    expect(ports.deployments.calls.of("stopWithRollback")).toEqual([]);
    expect(ports.flags.values().new_api).toBe(true);
  });

  it("does not stop a rollback deployment", async () => {
    const ports = await shifting();
    Object.assign(ports.deployments.deployments.get(ID)!, { creator: "codeDeployRollback" });
    await responder(ports).send(alarmEvent(VERSION_ALARM));
    expect(ports.deployments.calls.of("stopWithRollback")).toEqual([]);
  });

  it("only tells when automatic rollback is off", async () => {
    const ports = await shifting({ automaticRollback: false });
    await responder(ports).send(alarmEvent(VERSION_ALARM));
    expect(ports.deployments.calls.of("stopWithRollback")).toEqual([]);
    expect(ports.flags.values().new_api).toBe(true);
    expect(ports.notifier.sent[0]?.severity).toBe("critical");
  });
});

describe("an alarm on the alias while a deployment runs", () => {
  it("never stops the deployment: the release may be the cure", async () => {
    const ports = await shifting();
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(ports.deployments.calls.of("stopWithRollback")).toEqual([]);
    expect(ports.functions.calls.of("moveAlias")).toEqual([]);
    expect(ports.flags.values().new_api).toBe(true);
  });

  it("switches the release's flags off when both versions fail, and the code stays", async () => {
    const ports = await shifting();
    bothFail(ports);
    const { send } = responder(ports);
    await send(alarmEvent(ALIAS_ALARM));
    expect(ports.flags.values()).toEqual({ new_api: false, other: true });
    expect(recordOf(ports)?.outcome).toBe("flags-off");
    expect(ports.deployments.calls.of("stopWithRollback")).toEqual([]);
    expect(ports.notifier.sent.map((sent) => sent.data.outcome)).toEqual(["flags-off"]);
  });

  it("does so at once when the minutes behind the alarm show the baseline failing", async () => {
    const ports = await shifting();
    ports.clock.set(minute("02:20"));
    const start = ports.clock.now().getTime();
    // Only what is published half a minute after its minute; no whole minute of the shift is.
    ports.monitoring.perMinute = ({ version, minute: at }) =>
      at < minute("01:00") ? counts(version === "2" ? 10 : 540, 30) : noCounts;
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(ports.flags.values()).toEqual({ new_api: false, other: true });
    expect(ports.clock.now().getTime() - start).toBeLessThan(5000);
    expect(ports.notifier.sent[0]?.data.findings).toContain("baseline-unhealthy");
  });

  it("takes one bad minute of the baseline for noise", async () => {
    const ports = await shifting();
    ports.monitoring.perMinute = ({ minute: at }) => counts(540, at.getTime() === minute("00:00").getTime() ? 30 : 0);
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(ports.flags.values().new_api).toBe(true);
  });

  it("says nothing when the flags are off already", async () => {
    const ports = await shifting();
    ports.flags.given({ new_api: false });
    bothFail(ports);
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(ports.flags.calls.of("deploy")).toEqual([]);
    expect(ports.notifier.sent).toEqual([]);
  });
});

describe("a deployment that failed or was stopped", () => {
  it("is verified: CodeDeploy's own rollback is awaited and the alias is not written", async () => {
    const ports = await shifting();
    ports.deployments.end(ID, "Stopped", { code: "ALARM_ACTIVE", message: "An alarm is active." });
    await responder(ports).send(stateEvent("STOP"));
    expect(await aliasOf(ports)).toEqual({ functionVersion: "1", weights: {} });
    expect(ports.functions.calls.of("moveAlias")).toEqual([]);
    expect(ports.flags.values().new_api).toBe(false);
    expect(ports.notifier.sent[0]?.data.outcome).toBe("rolled-back");
  });

  it("gets its alias back when CodeDeploy's rollback went to another version than served before", async () => {
    const ports = await shifting();
    ports.functions.given(FUNCTION, ["1", "2", "7"], "live", "1");
    ports.functions.setAlias(FUNCTION, "live", "1", { 2: 0.1 });
    ports.deployments.lastSuccessful = "7";
    ports.deployments.end(ID, "Stopped", { code: "ALARM_ACTIVE", message: "An alarm is active." });
    await responder(ports).send(stateEvent("STOP"));
    expect(await aliasOf(ports)).toEqual({ functionVersion: "1", weights: {} });
    expect(ports.notifier.sent[0]?.data.outcome).toBe("rolled-back");
  });

  it("gets its alias back, weights cleared, when CodeDeploy has nothing to roll back to", async () => {
    const ports = await shifting();
    ports.deployments.rollsBack = false;
    ports.deployments.end(ID, "Failed", { code: "HOOK_EXECUTION_FAILURE", message: "A hook failed." });
    await responder(ports).send(stateEvent("FAILURE"));
    expect(await aliasOf(ports)).toEqual({ functionVersion: "1", weights: {} });
    expect(ports.functions.calls.of("moveAlias")).toHaveLength(1);
  });

  it("gets its alias back although somebody writes it right after", async () => {
    const ports = await shifting();
    ports.deployments.rollsBack = false;
    ports.deployments.end(ID, "Failed");
    const { moveAlias } = ports.functions;
    let moves = 0;
    ports.functions.moveAlias = async (move) => {
      const moved = await moveAlias.call(ports.functions, move);
      moves += 1;
      if (moves === 1) ports.functions.setAlias(FUNCTION, "live", "1", { 2: 0.1 });
      return moved;
    };
    await responder(ports).send(stateEvent("FAILURE"));
    expect(await aliasOf(ports)).toEqual({ functionVersion: "1", weights: {} });
  });

  it("is never repaired while a deployment of its group is open", async () => {
    const ports = await shifting();
    ports.deployments.rollsBack = false;
    ports.deployments.end(ID, "Failed");
    ports.deployments.given({ deploymentId: "d-NEXT00001", functionName: FUNCTION, alias: "live", from: "1", to: "2" });
    const { send } = responder(ports);
    await expect(send(stateEvent("FAILURE"))).rejects.toMatchObject({ code: "timed-out" });
    expect(ports.functions.calls.of("moveAlias")).toEqual([]);
  });

  it("leaves an alias alone that a later release has taken over", async () => {
    const ports = await shifting();
    ports.deployments.rollsBack = false;
    ports.deployments.end(ID, "Failed");
    ports.functions.setAlias(FUNCTION, "live", "3");
    await responder(ports).send(stateEvent("FAILURE"));
    expect(ports.functions.calls.of("moveAlias")).toEqual([]);
    expect(ports.notifier.sent[0]?.data.trouble).toBeNull();
  });

  it("reads the alias again at most three times when others change it, and then asks for a person", async () => {
    const ports = await shifting();
    ports.deployments.rollsBack = false;
    ports.deployments.end(ID, "Failed");
    const conflict = new GoaroundError("conflict", "dependency", "the alias has changed");
    ports.functions.calls.fail("moveAlias", conflict, 2);
    await responder(ports).send(stateEvent("FAILURE"));
    expect(await aliasOf(ports)).toEqual({ functionVersion: "1", weights: {} });

    const stuck = await shifting();
    stuck.deployments.rollsBack = false;
    stuck.deployments.end(ID, "Failed");
    stuck.functions.calls.fail("moveAlias", conflict);
    const { send, emitted } = responder(stuck);
    await send(stateEvent("FAILURE"));
    expect(stuck.functions.calls.of("moveAlias")).toHaveLength(3);
    expect(stuck.notifier.sent[0]?.lines.join("\n")).toContain("--target-version 1");
    expect(emitted.rollbackFailures).toEqual([1]);
  });

  it("is nobody's concern when its alias serves nobody", async () => {
    const ports = scene();
    const { aliases } = ports.functions.functions.get(FUNCTION)!;
    aliases.set(MARKER_ALIAS, structuredClone(aliases.get("live")!));
    ports.deployments.targets.get(ID)!.alias = MARKER_ALIAS;
    ports.deployments.end(ID, "Failed");
    await responder(ports).send(stateEvent("FAILURE"));
    expect(ports.notifier.sent).toEqual([]);
  });

  it("touches no flag when it failed before any traffic", async () => {
    const ports = scene({
      flags: [{ applicationId: "flags", environmentId: "dev", profileId: "router", flags: ["new_api"] }],
    });
    ports.flags.given({ new_api: true });
    ports.deployments.end(ID, "Failed", { code: "HOOK_EXECUTION_FAILURE", message: "A hook failed." });
    await responder(ports).send(stateEvent("FAILURE"));
    expect(ports.flags.values().new_api).toBe(true);
    expect(ports.notifier.sent[0]).toMatchObject({ severity: "warning", data: { outcome: "failed" } });
  });

  it.each([
    ["MANUAL_STOP", false],
    ["HOOK_EXECUTION_FAILURE", false],
    ["THROTTLED", false],
    ["ALARM_ACTIVE", true],
  ])("with %s marks the version as bad: %s", async (code, bad) => {
    const ports = await shifting();
    ports.deployments.end(ID, "Stopped", { code, message: "It ended." });
    await responder(ports).send(stateEvent("STOP"));
    const knownBad = ports.ledger.aliases.get(`${FUNCTION}:live`)?.knownBad ?? {};
    expect(Object.keys(knownBad).length > 0).toBe(bad);
  });

  it("keeps the outcome of a release that was refused, and says why it was", async () => {
    const ports = await shifting();
    ports.deployments.targets.get(ID)!.lifecycleEvents = [];
    await ports.ledger.updateRelease(ID, {
      outcome: "blocked",
      verdict: {
        kind: "rollback",
        reasons: [
          { code: "blocker-red", message: "db is down", observed: null, limit: null, baseline: null, samples: 0 },
        ],
        findings: [],
      },
    });
    ports.functions.setAlias(FUNCTION, "live", "1");
    ports.deployments.end(ID, "Failed");
    await responder(ports).send(stateEvent("FAILURE"));
    expect(recordOf(ports)?.outcome).toBe("blocked");
    expect(ports.notifier.sent[0]?.lines.join("\n")).toContain("db is down");
    expect(ports.ledger.aliases.get(`${FUNCTION}:live`)?.knownBad).toEqual({});
  });

  it("is only told about when automatic rollback is off", async () => {
    const ports = await shifting({ automaticRollback: false });
    ports.deployments.rollsBack = false;
    ports.deployments.end(ID, "Failed");
    await responder(ports).send(stateEvent("FAILURE"));
    expect(ports.functions.calls.of("moveAlias")).toEqual([]);
    expect(ports.flags.values().new_api).toBe(true);
    expect(ports.notifier.sent[0]?.severity).toBe("critical");
  });

  it("is verified when only the end of its rollback is heard of", async () => {
    const ports = await shifting();
    ports.deployments.end(ID, "Stopped");
    await ports.clock.sleep(20_000);
    await responder(ports).send(stateEvent("SUCCESS", `${ID}-R`));
    expect(recordOf(ports)?.outcome).toBe("rolled-back");
    expect(ports.notifier.sent).toHaveLength(1);
  });

  it("takes a rolled-back version off the place of the last known good", async () => {
    const ports = await released();
    ports.functions.setAlias(FUNCTION, "live", "1");
    ports.deployments.end(ID, "Stopped", { code: "ALARM_ACTIVE", message: "late" });
    await responder(ports).send(stateEvent("STOP"));
    expect(ports.ledger.aliases.get(`${FUNCTION}:live`)?.lastKnownGood?.version).toBe("1");
  });

  it("takes the temporary alarms of its release away", async () => {
    const ports = await shifting();
    await ports.ledger.updateRelease(ID, { temporaryAlarms: ["goaround-dev-checkout.live.threshold.v2"] });
    ports.deployments.end(ID, "Stopped");
    await responder(ports).send(stateEvent("STOP"));
    expect(ports.monitoring.calls.of("deleteAlarms")).toEqual([["goaround-dev-checkout.live.threshold.v2"]]);
  });
});

describe("a deployment that succeeded", () => {
  it("emits a metric when no hook of the guard saw it", async () => {
    const ports = scene();
    ports.deployments.end(ID, "Succeeded");
    const { send, emitted } = responder(ports);
    await send(stateEvent("SUCCESS"));
    await send(stateEvent("SUCCESS"));
    expect(emitted.unguardedDeployments).toEqual([1]);
  });

  it("stays done however late another event of it comes", async () => {
    const ports = scene();
    ports.deployments.end(ID, "Succeeded");
    const { send, emitted } = responder(ports);
    await send(stateEvent("SUCCESS"));
    ports.clock.advance(2 * CLAIM_LEASE_MS);
    await send(stateEvent("SUCCESS"));
    expect(emitted.unguardedDeployments).toEqual([1]);
  });

  it.each([
    ["switches off the flags of a release that shares a fault with its baseline", false],
    ["leaves them on while the guard is disarmed", true],
  ])("%s", async (_, isDisarmed) => {
    const ports = await released();
    const finding = fact("baseline-unhealthy", "both versions fail alike");
    const verdict = { kind: "inconclusive" as const, reasons: [], findings: [finding] };
    await ports.ledger.updateRelease(ID, { verdict });
    const order = { reason: "trial", by: "ann", at: "2026-03-02T11:00:00Z", until: "2026-03-03T11:00:00Z" };
    if (isDisarmed) ports.ledger.environment.disarmed["*"] = order;
    await responder(ports).send(stateEvent("SUCCESS"));
    expect(ports.flags.values().new_api).toBe(isDisarmed);
  });

  it("emits none for an undo, for a guarded release, or for another application", async () => {
    const ports = await released();
    const { send, emitted } = responder(ports);
    await send(stateEvent("SUCCESS"));
    const undo = scene();
    Object.assign(undo.deployments.deployments.get(ID)!, { creator: "CloudFormationRollback", status: "Succeeded" });
    const second = responder(undo);
    await second.send(stateEvent("SUCCESS"));
    const foreign = stateEvent("SUCCESS");
    foreign.detail.application = "payments-app";
    await second.send(foreign);
    expect({ ...emitted, ...second.emitted }).toEqual({});
  });

  it("finishes the books that post-traffic did not get to", async () => {
    const ports = await released();
    await ports.ledger.updateRelease(ID, { closedAt: undefined, outcome: "open" });
    ports.ledger.aliases.clear();
    await responder(ports).send(stateEvent("SUCCESS"));
    expect(recordOf(ports)).toMatchObject({ outcome: "promoted", closedAt: expect.any(String) });
    expect(ports.ledger.aliases.get(`${FUNCTION}:live`)?.lastKnownGood?.version).toBe("2");
  });

  it("switches the release's flags off when both versions were failing, in one notification", async () => {
    const ports = await shifting();
    bothFail(ports);
    ports.deployments.shifted(ID, minute("00:20"), minute("05:20"));
    ports.functions.setAlias(FUNCTION, "live", "2");
    ports.clock.set(minute("05:22"));
    ports.executions.statuses.set(ID, "ABORTED");
    const { createPostTraffic } = await import("../../lambdas/post-traffic/post-traffic.ts");
    const { runWork, silent } = await import("./scene.ts");
    const event = { DeploymentId: ID, LifecycleEventHookExecutionId: "execution-2" };
    await runWork(ports, createPostTraffic(ports, "dev", silent), { event });
    ports.deployments.end(ID, "Succeeded");
    await responder(ports).send(stateEvent("SUCCESS"));
    expect(ports.flags.values().new_api).toBe(false);
    expect(await aliasOf(ports)).toEqual({ functionVersion: "2", weights: {} });
    expect(recordOf(ports)).toMatchObject({ outcome: "flags-off", closedAt: expect.any(String) });
    expect(ports.notifier.sent.map((sent) => sent.data.outcome)).toEqual(["flags-off"]);
  });
});

describe("an alarm on the alias in guard time", () => {
  it("puts the alias back to the baseline and switches the flags off", async () => {
    const ports = await released();
    const { send, emitted } = responder(ports);
    await send(alarmEvent(ALIAS_ALARM));
    expect(await aliasOf(ports)).toEqual({ functionVersion: "1", weights: {} });
    expect(ports.flags.values().new_api).toBe(false);
    expect(ports.ledger.aliases.get(`${FUNCTION}:live`)).toMatchObject({
      lastKnownGood: { version: "1" },
      knownBad: { "sha-2/config-2": { version: "2" } },
    });
    expect(recordOf(ports)?.outcome).toBe("rolled-back");
    expect(emitted.rollbacks).toEqual([1]);
  });

  it("says that the next cdk deploy will not agree with the alias", async () => {
    const ports = await released();
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(ports.notifier.sent).toHaveLength(1);
    expect(ports.notifier.sent[0]?.lines.join("\n")).toContain(
      "until this is run: goaround doctor --functions checkout --alias live --repair",
    );
  });

  it("is answered once, however often it comes", async () => {
    const ports = await released();
    const { send, emitted } = responder(ports);
    await Promise.all([1, 2, 3].map(() => send(alarmEvent(ALIAS_ALARM))));
    await send(alarmEvent(ALIAS_ALARM));
    expect(ports.functions.calls.of("moveAlias")).toHaveLength(1);
    expect(emitted.rollbacks).toEqual([1]);
    expect(ports.notifier.sent).toHaveLength(1);
  });

  it("is no reason to move it when it is throttled as it was before the release", async () => {
    const ports = await released();
    const { send } = responder(ports);
    const throttles = alarmName({ environment: "dev", functionName: FUNCTION, alias: "live", check: "throttles" });
    ports.monitoring.perMinute = () => ({ ...counts(90), throttles: 10 });
    await send(alarmEvent(throttles));
    expect(await aliasOf(ports)).toEqual({ functionVersion: "2", weights: {} });
    expect(ports.flags.values().new_api).toBe(true);
    expect(ports.notifier.sent.map(({ data }) => data.findings)).toEqual([
      expect.arrayContaining(["throttled-as-before"]),
    ]);
    await send(alarmEvent(ALIAS_ALARM));
    expect(await aliasOf(ports)).toEqual({ functionVersion: "1", weights: {} });
  });

  it.each([
    ["it was not throttled before the release", (at: Date) => (at < minute("00:00") ? 0 : 10)],
    ["it is throttled far more than before", (at: Date) => (at < minute("00:00") ? 1 : 60)],
  ])("moves it on throttles when %s", async (_, throttledAt) => {
    const ports = await released();
    const throttles = alarmName({ environment: "dev", functionName: FUNCTION, alias: "live", check: "throttles" });
    ports.monitoring.perMinute = (side) => ({ ...counts(90), throttles: throttledAt(side.minute) });
    await responder(ports).send(alarmEvent(throttles));
    expect(await aliasOf(ports)).toEqual({ functionVersion: "1", weights: {} });
  });

  it("moves it on throttles when metrics cannot be read", async () => {
    const ports = await released();
    const throttles = alarmName({ environment: "dev", functionName: FUNCTION, alias: "live", check: "throttles" });
    ports.monitoring.calls.hang("aliasCounts");
    await responder(ports).send(alarmEvent(throttles));
    expect(await aliasOf(ports)).toEqual({ functionVersion: "1", weights: {} });
  });

  it("does nothing after the guard time", async () => {
    const ports = await released({ guardMinutes: 5 });
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(ports.functions.calls.of("moveAlias")).toEqual([]);
  });

  it("does nothing when the version released last does not serve any more", async () => {
    const ports = await released();
    ports.functions.setAlias(FUNCTION, "live", "1");
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(ports.functions.calls.of("moveAlias")).toEqual([]);
    expect(ports.flags.values().new_api).toBe(true);
    expect(ports.notifier.sent).toEqual([]);
  });

  it("does not write the alias while a deployment of the group is open, one without target too", async () => {
    const ports = await released();
    ports.deployments.given({ deploymentId: "d-NEXT00001", functionName: FUNCTION, alias: "live", from: "2", to: "3" });
    ports.deployments.targets.delete("d-NEXT00001");
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(ports.functions.calls.of("moveAlias")).toEqual([]);
    expect(ports.notifier.sent[0]?.lines.join("\n")).toContain("d-NEXT00001");
  });

  it("does not go back to a version that is known bad", async () => {
    const ports = await released();
    const knownBad = {
      "sha-1/config-1": { version: "1", at: "2026-03-01", reason: "error-rate", deploymentId: "d-0" },
    };
    await ports.ledger.putAlias(FUNCTION, "live", { knownBad });
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(ports.functions.calls.of("moveAlias")).toEqual([]);
    expect(ports.notifier.sent[0]?.lines.join("\n")).toContain("version 1 is known bad (error-rate, d-0)");
  });

  it("throws when AWS throttles, so that Lambda tries again, and the retry goes on", async () => {
    const ports = await released();
    ports.functions.calls.fail("moveAlias", undefined, 1);
    const { send } = responder(ports);
    await expect(send(alarmEvent(ALIAS_ALARM), "request-1")).rejects.toMatchObject({ code: "throttled" });
    await send(alarmEvent(ALIAS_ALARM), "request-1");
    expect(await aliasOf(ports)).toEqual({ functionVersion: "1", weights: {} });
  });

  it("only tells when automatic rollback is off", async () => {
    const ports = await released({ automaticRollback: false });
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(ports.functions.calls.of("moveAlias")).toEqual([]);
    expect(ports.notifier.sent).toHaveLength(1);
  });

  it("switches off a flag that changed after the code, and keeps the code when that helps", async () => {
    const ports = await released();
    ports.flags.given({ new_api: true }, minute("12:00"));
    ports.monitoring.states.set(ALIAS_ALARM, "ALARM");
    void ports.clock.sleep(120_000).then(() => ports.monitoring.states.set(ALIAS_ALARM, "OK"));
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(ports.flags.values().new_api).toBe(false);
    expect(await aliasOf(ports)).toEqual({ functionVersion: "2", weights: {} });
    expect(ports.notifier.sent.map((sent) => sent.data.outcome)).toEqual(["flags-off"]);
  });

  it.each(["resolve", "deployed", "activeDeployment", "createVersion", "deploy", "getDeployment"])(
    "moves the alias within three seconds although the flags hang",
    async (operation) => {
      const ports = await released();
      ports.flags.given({ new_api: true }, minute("12:00"));
      ports.monitoring.states.set(ALIAS_ALARM, "ALARM");
      ports.flags.calls.hang(operation);
      const start = ports.clock.now().getTime();
      const sent = responder(ports).send(alarmEvent(ALIAS_ALARM));
      const failed = expect(sent).rejects.toMatchObject({ code: "partly-done" });
      while ((await aliasOf(ports)).functionVersion !== "1") await ports.clock.sleep(100);
      expect(ports.clock.now().getTime() - start).toBeLessThan(3000);
      await failed;
      expect(ports.notifier.sent.at(-1)?.data.outcome).toBe("rolled-back");
    },
  );

  it("moves the alias although every call to AppConfig hangs from the decision on", async () => {
    const ports = await released();
    ports.flags.given({ new_api: true }, minute("12:00"));
    ports.monitoring.states.set(ALIAS_ALARM, "ALARM");
    const start = ports.clock.now().getTime();
    for (const call of ["activeDeployment", "createVersion", "deploy", "getDeployment", "stopDeployment", "monitors"]) {
      ports.flags.calls.hang(call);
    }
    responder(ports)
      .send(alarmEvent(ALIAS_ALARM))
      .catch(() => {});
    while ((await aliasOf(ports)).functionVersion !== "1") await ports.clock.sleep(100);
    expect(ports.clock.now().getTime() - start).toBeLessThanOrEqual(2100);
  });

  it("says, in one notification and in the ledger, that a kill which hung may have worked or not", async () => {
    const ports = await released();
    ports.flags.given({ new_api: true }, minute("12:00"));
    ports.monitoring.states.set(ALIAS_ALARM, "ALARM");
    ports.flags.calls.hang("getDeployment");
    await expect(responder(ports).send(alarmEvent(ALIAS_ALARM))).rejects.toMatchObject({ code: "partly-done" });
    expect(ports.notifier.sent).toHaveLength(1);
    const text = ports.notifier.sent[0]!.lines.join("\n");
    expect(text).toContain("was rolled back");
    expect(text).toContain("It is not known whether flags new_api of profile router are off");
    expect(text).toContain("--action rollback-flags");
    expect(text).toContain("--flags new_api");
    expect(recordOf(ports)?.flagResults).toMatchObject([{ outcome: "not-known", remaining: ["new_api"] }]);
    expect(recordOf(ports)?.outcome).toBe("rolled-back");
  });

  it("switches flags off with the event's next delivery where AppConfig was down, and says so", async () => {
    const ports = await released();
    ports.flags.calls.hang("resolve");
    const { send } = responder(ports);
    await expect(send(alarmEvent(ALIAS_ALARM), "request-1")).rejects.toMatchObject({ code: "partly-done" });
    expect(ports.flags.values().new_api).toBe(true);
    ports.flags.calls.heal("resolve");
    await send(alarmEvent(ALIAS_ALARM), "request-1");
    expect(ports.flags.values().new_api).toBe(false);
    expect(ports.notifier.sent.map(({ severity }) => severity)).toEqual(["critical", "warning"]);
    expect(ports.notifier.sent[1]!.lines.join("\n")).toContain("flags of release d-RELEASE01 are off now");
    await send(alarmEvent(ALIAS_ALARM), "request-2");
    expect(ports.notifier.sent).toHaveLength(2);
  });

  it("does not try again what another try cannot mend, and people are told what to do", async () => {
    const ports = await released();
    ports.flags.calls.fail("resolve", new GoaroundError("flags-missing", "operator", "there is no profile router"));
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(ports.notifier.sent).toHaveLength(1);
    expect(ports.notifier.sent[0]!.lines.join("\n")).toContain("--action rollback-flags");
  });

  it("closes the books before it knows how a kill that hangs has ended", async () => {
    const ports = await released();
    ports.flags.calls.hang("resolve");
    responder(ports)
      .send(alarmEvent(ALIAS_ALARM))
      .catch(() => {});
    await ports.clock.sleep(5000);
    expect(recordOf(ports)?.outcome).toBe("rolled-back");
    expect(ports.notifier.sent).toEqual([]);
  });

  it("puts the code back too when the flag was not the cause", async () => {
    const ports = await released();
    ports.flags.given({ new_api: true }, minute("12:00"));
    ports.monitoring.states.set(ALIAS_ALARM, "ALARM");
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(await aliasOf(ports)).toEqual({ functionVersion: "1", weights: {} });
  });
});

describe("people", () => {
  const stopped = async () => {
    const ports = await shifting();
    ports.deployments.end(ID, "Stopped", { code: "ALARM_ACTIVE", message: "An alarm is active." });
    return ports;
  };

  it("are told once although the books stayed open and Lambda delivers the event again", async () => {
    const ports = await stopped();
    ports.ledger.calls.fail("changeAlias", undefined, 1);
    const { send } = responder(ports);
    await expect(send(stateEvent("STOP"), "request-1")).rejects.toMatchObject({ code: "partly-done" });
    expect(ports.notifier.sent).toHaveLength(1);
    await send(stateEvent("STOP"), "request-1");
    expect(ports.notifier.sent).toHaveLength(1);
  });

  it("are told once although the ledger is throttled while several events of one release are answered", async () => {
    const ports = await stopped();
    // Each event asks for three claims; the last is the one to tell.
    ports.ledger.calls.fail("claim", undefined, 9);
    const { send } = responder(ports);
    await Promise.all([send(stateEvent("STOP")), send(stateEvent("STOP")), send(stateEvent("FAILURE"))]);
    expect(ports.notifier.sent).toHaveLength(1);
  });

  it("are told by the retry when the notification could not be sent", async () => {
    const ports = await stopped();
    ports.notifier.calls.fail("notify", undefined, 1);
    const { send } = responder(ports);
    await expect(send(stateEvent("STOP"), "request-1")).rejects.toMatchObject({ code: "throttled" });
    await send(stateEvent("STOP"), "request-1");
    expect(ports.notifier.sent).toHaveLength(1);
  });

  it("are told by the retry of a promotion, too", async () => {
    const ports = await released();
    ports.ledger.claims.clear();
    ports.notifier.sent.length = 0;
    const verdict = { kind: "inconclusive" as const, reasons: [], findings: [] };
    ports.ledger.releases.set(ID, { ...recordOf(ports)!, verdict });
    ports.notifier.calls.fail("notify", undefined, 1);
    const { send } = responder(ports);
    await expect(send(stateEvent("SUCCESS"), "request-1")).rejects.toMatchObject({ code: "partly-done" });
    await send(stateEvent("SUCCESS"), "request-1");
    expect(ports.notifier.sent).toHaveLength(1);
  });
});

describe("a ledger that hangs", () => {
  const hang = (ports: FakePorts) => {
    const { log } = ports.ledger.calls;
    const operations = ["getRelease", "getAlias", "getEnvironment", "getRollback", "claim", "complete", "putRollback"];
    for (const name of [...operations, "updateRelease", "changeAlias", "changeEnvironment", "archiveRollback"]) {
      ports.ledger.calls.hang(name);
    }
    log.length = 0;
  };
  const secondsUntil = async (ports: FakePorts, isDone: () => boolean, limit: number) => {
    const start = ports.clock.now().getTime();
    const seconds = () => (ports.clock.now().getTime() - start) / 1000;
    while (!isDone() && seconds() < limit) await ports.clock.sleep(50);
    return seconds();
  };

  it("delays the stop of a bad canary by a few seconds", async () => {
    const ports = await shifting();
    hang(ports);
    const answer = responder(ports).send(alarmEvent(VERSION_ALARM));
    void answer.catch(() => {});
    expect(await secondsUntil(ports, () => ports.deployments.calls.of("stopWithRollback").length > 0, 10)).toBeLessThan(
      5,
    );
    await expect(answer).rejects.toMatchObject({ code: "partly-done" });
  });

  it("delays the stop that the watch asks for by no more", async () => {
    const ports = await shifting();
    hang(ports);
    const verdict = {
      kind: "rollback",
      reasons: [{ code: "more-errors", message: "worse", observed: 9, limit: 5, baseline: 1, samples: 60 }],
      findings: [],
    };
    const detail = { deploymentId: ID, verdict };
    const event = { source: VERDICT_SOURCE, "detail-type": "Release Verdict", detail };
    const answer = responder(ports).send(event);
    void answer.catch(() => {});
    expect(await secondsUntil(ports, () => ports.deployments.calls.of("stopWithRollback").length > 0, 10)).toBeLessThan(
      5,
    );
  });

  it("does not keep the alias from being put back, nor people from being told", async () => {
    const ports = await shifting();
    ports.deployments.rollsBack = false;
    ports.deployments.end(ID, "Stopped", { code: "ALARM_ACTIVE", message: "An alarm is active." });
    hang(ports);
    const answer = responder(ports).send(stateEvent("STOP"));
    void answer.catch(() => {});
    // A minute is CodeDeploy's own, to begin a rollback.
    const seconds = await secondsUntil(ports, () => ports.functions.calls.of("moveAlias").length > 0, 120);
    expect(seconds).toBeLessThan(60 + 10);
    expect(await secondsUntil(ports, () => ports.notifier.sent.length > 0, 120)).toBeLessThan(55);
    await expect(answer).rejects.toMatchObject({ code: "partly-done" });
    expect(await aliasOf(ports)).toEqual({ functionVersion: "1", weights: {} });
  });
});

describe("a ledger that does not answer", () => {
  it("with the journal of a rollback that was cut off has the event answered again", async () => {
    const ports = await released();
    const { send } = responder(ports);
    ports.ledger.calls.fail("updateRelease");
    await expect(send(alarmEvent(ALIAS_ALARM), "request-1")).rejects.toThrow();
    ports.ledger.calls.heal("updateRelease");
    ports.ledger.calls.fail("getRollback", undefined, 1);
    await expect(send(alarmEvent(ALIAS_ALARM), "request-1")).rejects.toMatchObject({ code: "partly-done" });
  });

  const outage = (ports: FakePorts, operations = ["getRelease", "getAlias", "claim", "updateRelease", "putAlias"]) => {
    for (const operation of operations) ports.ledger.calls.fail(operation);
    return () => {
      for (const operation of operations) ports.ledger.calls.heal(operation);
    };
  };
  const badEntries = (ports: FakePorts) => ports.ledger.aliases.get(`${FUNCTION}:live`)?.knownBad ?? {};

  it("does not keep the alias from being put back after a stop, and the event is delivered again", async () => {
    const ports = await shifting();
    ports.deployments.rollsBack = false;
    ports.deployments.end(ID, "Stopped", { code: "ALARM_ACTIVE", message: "An alarm is active." });
    const over = outage(ports);
    const { send } = responder(ports);
    await expect(send(stateEvent("STOP"))).rejects.toMatchObject({ code: "partly-done" });
    expect(await aliasOf(ports)).toEqual({ functionVersion: "1", weights: {} });
    expect(ports.notifier.sent).toHaveLength(1);
    over();
    await send(stateEvent("STOP"));
    expect(badEntries(ports)).toMatchObject({ "sha-2/config-2": { version: "2", reason: "alarm" } });
    expect(recordOf(ports)).toMatchObject({ outcome: "rolled-back", closedAt: expect.any(String) });
  });

  it("is told the verdict when the alarm that stopped the release is delivered again", async () => {
    const ports = await shifting();
    const over = outage(ports, ["updateRelease", "putAlias"]);
    const { send } = responder(ports);
    await expect(send(alarmEvent(VERSION_ALARM))).rejects.toMatchObject({ code: "partly-done" });
    await expect(send(stateEvent("STOP"))).rejects.toMatchObject({ code: "partly-done" });
    over();
    await send(stateEvent("STOP"));
    expect(badEntries(ports)).toEqual({});
    await send(alarmEvent(VERSION_ALARM));
    expect(badEntries(ports)).toMatchObject({ "sha-2/config-2": { version: "2", reason: "alarm" } });
    expect(recordOf(ports)).toMatchObject({ outcome: "rolled-back", verdict: { kind: "rollback" } });
  });

  it("is told of the bad version too where of the alarm's verdict only the release knows, late", async () => {
    const ports = await shifting();
    const over = outage(ports, ["changeAlias"]);
    const { send } = responder(ports);
    await send(alarmEvent(VERSION_ALARM)).catch(() => undefined);
    over();
    await ports.deployments.stopWithRollback(ID);
    expect(recordOf(ports)?.verdict).toMatchObject({ kind: "rollback" });
    expect(badEntries(ports)).toEqual({});
    await send(alarmEvent(VERSION_ALARM));
    expect(badEntries(ports)).toMatchObject({ "sha-2/config-2": { version: "2", reason: "alarm" } });
  });

  it("is told nothing against a version whose alarm went red after a person had stopped it", async () => {
    const ports = await shifting();
    ports.deployments.end(ID, "Stopped", { code: "MANUAL_STOP", message: "by a person" });
    ports.functions.setAlias(FUNCTION, "live", "1");
    ports.deployments.deployments.get(ID)!.completedAt = minute("01:00");
    await responder(ports).send(alarmEvent(VERSION_ALARM));
    expect(badEntries(ports)).toEqual({});
  });

  it("learns of a rollback in guard time when the alarm is delivered again", async () => {
    const ports = await released();
    const over = outage(ports, ["claim", "updateRelease", "putAlias"]);
    const { send } = responder(ports);
    await expect(send(alarmEvent(ALIAS_ALARM))).rejects.toMatchObject({ code: "partly-done" });
    expect(await aliasOf(ports)).toEqual({ functionVersion: "1", weights: {} });
    expect(ports.notifier.sent).toHaveLength(1);
    over();
    await send(alarmEvent(ALIAS_ALARM));
    expect(badEntries(ports)).toMatchObject({ "sha-2/config-2": { version: "2" } });
    expect(ports.ledger.aliases.get(`${FUNCTION}:live`)?.lastKnownGood?.version).toBe("1");
    expect(recordOf(ports)).toMatchObject({ outcome: "rolled-back", actor: "respond" });
    expect(ports.functions.calls.of("moveAlias")).toHaveLength(1);
    expect(ports.notifier.sent).toHaveLength(1);
  });

  it("is asked again in guard time: which release is to blame stands only there", async () => {
    const ports = await released();
    const over = outage(ports);
    const { send } = responder(ports);
    await expect(send(alarmEvent(ALIAS_ALARM))).rejects.toMatchObject({ code: "partly-done" });
    over();
    await send(alarmEvent(ALIAS_ALARM));
    expect(await aliasOf(ports)).toEqual({ functionVersion: "1", weights: {} });
  });
});

describe("what the responder does not know", () => {
  it.each([
    [null],
    [{}],
    [[]],
    ["text"],
    [{ source: "aws.codedeploy", detail: {} }],
    [alarmEvent("x".repeat(300))],
    [stateEvent("UNHEARD")],
  ])("is left alone, and people hear of it by the dead-letter queue: %j", async (event) => {
    const ports = await shifting();
    const before = ports.ledger.calls.log.length;
    await expect(responder(ports).send(event)).rejects.toMatchObject({ code: "refused" });
    expect(ports.deployments.calls.log.filter((call) => call.operation === "stopWithRollback")).toEqual([]);
    expect(ports.ledger.calls.log).toHaveLength(before);
  });
});
