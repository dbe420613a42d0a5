import { describe, expect, it } from "vitest";
import { createPostTraffic } from "../../lambdas/post-traffic/post-traffic.ts";
import { lambdaMetrics } from "../../lambdas/watch/signals.ts";
import { createTurn } from "../../lambdas/watch/turn.ts";
import type { PolicyInput } from "../../lib/contract/policy.ts";
import { fact } from "../../lib/core/judge/reason.ts";
import { RED_ALARMS, VERDICT_SOURCE } from "../../lib/core/release/events.ts";
import type { FakePorts } from "../fakes/index.ts";
import { ALIAS_ALARM, alarmEvent, minute, responder, shifting } from "./respond-scene.ts";
import { contextOf, FUNCTION, ID, runWork, silent } from "./scene.ts";

const smokeTests = [{ name: "health", payload: { path: "/health" } }];
const BLOCKER = "payments-are-down";
const DISARMED = { reason: "drill", by: "user/alice", at: "2026-03-02T12:00:00Z", until: "2026-03-02T16:00:00Z" };
const redAlarms = { source: VERDICT_SOURCE, "detail-type": RED_ALARMS, detail: { deploymentId: ID } };

/** The shift has ended at 12:05:20, all traffic is on version 2, and the watch bakes ten minutes. It is 12:07. */
async function baking(policy: Partial<PolicyInput> = {}): Promise<FakePorts> {
  const ports = await shifting({ flags: [], smokeTests, ...policy });
  ports.deployments.shifted(ID, minute("00:20"), minute("05:20"));
  ports.functions.setAlias(FUNCTION, "live", "2");
  ports.clock.set(minute("05:22"));
  const event = { DeploymentId: ID, LifecycleEventHookExecutionId: "execution-2" };
  await runWork(ports, createPostTraffic(ports, "dev", silent), { event });
  ports.clock.set(minute("07:00"));
  return ports;
}

/** These versions answer their smoke tests with an error. */
function failing(ports: FakePorts, ...versions: string[]): void {
  ports.functions.respond = ({ qualifier }) => (versions.includes(qualifier) ? { functionError: "Unhandled" } : {});
}

const stops = (ports: FakePorts) => ports.deployments.calls.of("stopWithRollback");
const recordOf = (ports: FakePorts) => ports.ledger.releases.get(ID)!;
const codes = (ports: FakePorts) => ports.notifier.sent.flatMap(({ data }) => data.findings);
const answer = (ports: FakePorts) => ports.deployments.reports.get(`${ID}/execution-2`);
const time = (ports: FakePorts) => ports.clock.now().toISOString().slice(14, 19);

describe("an alarm of the alias while a release bakes", () => {
  it("stops the release, which CodeDeploy rolls back: the alias is not written by the guard", async () => {
    const ports = await baking();
    failing(ports, "2");
    const { send } = responder(ports);
    await send(alarmEvent(ALIAS_ALARM));
    await send(alarmEvent(ALIAS_ALARM));
    expect(stops(ports)).toEqual([ID]);
    expect(ports.functions.calls.of("moveAlias")).toEqual([]);
    expect(recordOf(ports)).toMatchObject({
      verdict: {
        kind: "rollback",
        reasons: [{ code: "alarm", message: expect.stringContaining("while the release baked") }],
      },
    });
  });

  it("stops it also when nothing is known of whose doing it is", async () => {
    const ports = await baking({ smokeTests: [] });
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(stops(ports)).toEqual([ID]);
  });

  it.each([
    ["the version that served before fails too", { smokeTests }, "known-good-fails-too"],
    ["a dependency's alarm is red", { blockers: [BLOCKER] }, "dependency-red"],
  ] as const)("leaves it when %s, tells why once, and writes that down", async (_, policy, code) => {
    const ports = await baking(policy as Partial<PolicyInput>);
    failing(ports, "1", "2");
    ports.monitoring.states.set(BLOCKER, "ALARM");
    const { send } = responder(ports);
    await send(alarmEvent(ALIAS_ALARM));
    await send(alarmEvent(ALIAS_ALARM));
    expect(stops(ports)).toEqual([]);
    expect(codes(ports).filter((found) => found === code)).toHaveLength(1);
    expect(ports.notifier.sent.map(({ data }) => data.outcome)).toEqual(["open"]);
    expect(recordOf(ports).staysDespite?.[ALIAS_ALARM]?.why).toContain("not to blame");
  });

  it("is only told while the guard is disarmed", async () => {
    const ports = await baking();
    failing(ports, "2");
    ports.ledger.environment.disarmed["*"] = DISARMED;
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(stops(ports)).toEqual([]);
    expect(ports.notifier.sent.map(({ severity, data }) => [severity, data.outcome])).toEqual([["critical", "open"]]);
  });

  it("does not stop a release of an alias that is latched", async () => {
    const ports = await baking();
    failing(ports, "2");
    ports.ledger.environment.latches[`${FUNCTION}:live`] = { since: "2026-03-02T12:06:00Z", reason: "x", by: "alice" };
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(stops(ports)).toEqual([]);
    expect(recordOf(ports).staysDespite?.[ALIAS_ALARM]).toBeDefined();
  });

  it("leaves a release that has ended while a cooldown was waited for to guard time", async () => {
    const ports = await baking();
    failing(ports, "2");
    const before = { id: "d-0", automatic: true, actor: "respond", to: "1", left: ["9"], deploymentId: "d-0" };
    ports.ledger.aliases.get(`${FUNCTION}:live`)!.rollbacks = [{ ...before, at: minute("06:00").toISOString() }];
    ports.monitoring.states.set(ALIAS_ALARM, "ALARM");
    const sleep = ports.clock.sleep.bind(ports.clock);
    ports.clock.sleep = async (ms, signal) => {
      if (ms > 200_000 && ms < 300_000) ports.deployments.end(ID, "Succeeded");
      return sleep(ms, signal);
    };
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(stops(ports)).toEqual([]);
    expect(recordOf(ports).verdict).toBeUndefined();
  });

  it("switches a younger flag off first, and leaves the code when the alarm recovers without it", async () => {
    const ports = await shifting({ smokeTests: [] });
    ports.deployments.shifted(ID, minute("00:20"), minute("05:20"));
    ports.functions.setAlias(FUNCTION, "live", "2");
    ports.flags.given({ new_api: true, other: true }, minute("04:00"));
    ports.clock.set(minute("07:00"));
    ports.monitoring.alarmStates = async () => ({ [ALIAS_ALARM]: ports.flags.values().new_api ? "ALARM" : "OK" });
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(ports.flags.values().new_api).toBe(false);
    expect(stops(ports)).toEqual([]);
  });

  it("stops the release also while the ledger does not answer, by CodeDeploy's word and the policy", async () => {
    const ports = await baking();
    failing(ports, "2");
    for (const operation of ["getRelease", "getAlias", "getEnvironment", "claim", "updateRelease", "changeAlias"]) {
      ports.ledger.calls.fail(operation);
    }
    await responder(ports)
      .send(alarmEvent(ALIAS_ALARM))
      .catch(() => undefined);
    expect(stops(ports)).toEqual([ID]);
  });

  it("is answered as well when only the watch has seen it", async () => {
    const ports = await baking();
    failing(ports, "2");
    ports.monitoring.states.set(ALIAS_ALARM, "ALARM");
    await responder(ports).send(redAlarms);
    expect(stops(ports)).toEqual([ID]);
  });

  it("is nobody's doing that was red before the release", async () => {
    const ports = await baking();
    failing(ports, "2");
    ports.monitoring.states.set(ALIAS_ALARM, "ALARM");
    const noted = fact("own-alarm-red", "it was in ALARM before the release", { alarm: ALIAS_ALARM });
    ports.ledger.releases.set(ID, { ...recordOf(ports), admissionFindings: [noted] });
    await responder(ports).send(redAlarms);
    expect(stops(ports)).toEqual([]);
  });
});

describe("the watch of a release that bakes", () => {
  const turn = (ports: FakePorts) => {
    const turn = createTurn({ ...ports, signals: lambdaMetrics(ports, silent) }, "dev", silent);
    return turn({ deploymentId: ID }, contextOf(ports, 330_000, `turn-${Math.random()}`));
  };

  /** Until it is done; `each` comes before every turn. */
  async function watch(ports: FakePorts, each: () => unknown = () => undefined): Promise<void> {
    for (let turns = 0; turns < 200; turns += 1) {
      await each();
      const { next, waitSeconds } = await turn(ports);
      if (next === "done") return;
      ports.clock.advance(waitSeconds * 1000);
    }
    throw new Error("the watch does not end");
  }

  const asked = (ports: FakePorts) => ports.responder.calls.of("attribute").length;
  /** What an event of the alarm, or the watch's word, reaches. */
  const responds = (ports: FakePorts) => {
    ports.responder.attribute = async (deploymentId) => {
      await ports.responder.calls.enter("attribute", deploymentId);
      await responder(ports).send(redAlarms);
    };
  };

  it("asks nobody while no alarm is red, and where one was red before the release", async () => {
    const ports = await baking();
    ports.monitoring.states.set(ALIAS_ALARM, "ALARM");
    const noted = fact("own-alarm-red", "it was in ALARM before the release", { alarm: ALIAS_ALARM });
    ports.ledger.releases.set(ID, { ...recordOf(ports), admissionFindings: [noted] });
    await watch(ports);
    expect(asked(ports)).toBe(0);
    expect([answer(ports), time(ports)]).toEqual(["Succeeded", "15:20"]);
  });

  it("has an alarm attributed whose event was lost, within two minutes, and the release goes back", async () => {
    const ports = await baking();
    failing(ports, "2");
    responds(ports);
    let stoppedAt = "";
    const stop = ports.deployments.stopWithRollback.bind(ports.deployments);
    ports.deployments.stopWithRollback = (id) => {
      stoppedAt = time(ports);
      return stop(id);
    };
    await watch(ports, () => {
      if (time(ports) >= "08:00") ports.monitoring.states.set(ALIAS_ALARM, "ALARM");
    });
    expect(stoppedAt >= "08:00" && stoppedAt <= "10:00").toBe(true);
    expect(answer(ports)).toBeUndefined();
  });

  it("leaves to its event an alarm that the responder has answered", async () => {
    const ports = await baking();
    failing(ports, "1", "2");
    ports.monitoring.states.set(ALIAS_ALARM, "ALARM");
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    await watch(ports);
    expect(asked(ports)).toBe(0);
    expect([answer(ports), time(ports)]).toEqual(["Succeeded", "15:20"]);
    expect(recordOf(ports).verdict?.kind).toBe("promote");
  });

  it.each([
    ["promote-and-bake", "Succeeded"],
    ["rollback", "Failed"],
  ] as const)(
    "does not call a release good while nobody answers for a red alarm, waits some minutes, then does as the policy says: %s",
    async (onInconclusive, status) => {
      const ports = await baking({ onInconclusive });
      await watch(ports, () => {
        if (time(ports) >= "15:00") ports.monitoring.states.set(ALIAS_ALARM, "ALARM");
      });
      expect(asked(ports)).toBeGreaterThan(0);
      expect(answer(ports)).toBe(status);
      expect(time(ports) >= "21:00" && time(ports) <= "23:30").toBe(true);
      const { kind, reasons } = recordOf(ports).verdict!;
      expect([kind, reasons[0]?.code]).toEqual(["inconclusive", "alarm-unanswered"]);
      if (status === "Succeeded") expect(ports.notifier.sent.map(({ data }) => data.outcome)).toEqual(["promoted"]);
    },
  );

  it("waits no longer when the alarm has recovered", async () => {
    const ports = await baking();
    await watch(ports, () =>
      ports.monitoring.states.set(ALIAS_ALARM, time(ports) < "16:00" && time(ports) >= "15:00" ? "ALARM" : "OK"),
    );
    expect([answer(ports), recordOf(ports).verdict?.kind]).toEqual(["Succeeded", "promote"]);
    expect(time(ports) <= "17:00").toBe(true);
  });

  it("says so when the alarms could not be read to the end", async () => {
    const ports = await baking();
    ports.monitoring.calls.fail("alarmStates");
    await watch(ports);
    expect([answer(ports), time(ports)]).toEqual(["Succeeded", "15:20"]);
    expect(codes(ports)).toContain("alarms-unread");
  });
});
