import { describe, expect, it } from "vitest";
import { createPreTraffic } from "../../lambdas/pre-traffic/pre-traffic.ts";
import { begin } from "../../lib/core/release/journal.ts";
import type { FakePorts } from "../fakes/index.ts";
import { counts, noCounts } from "../fakes/monitoring.ts";
import {
  ALIAS_ALARM,
  alarmEvent,
  ledgerDown,
  minute,
  released,
  responder,
  shifting,
  stateEvent,
  succeed,
} from "./respond-scene.ts";
import { FUNCTION, GROUP, ID, policyOf, runWork, scene, silent } from "./scene.ts";

const aliasOf = (ports: FakePorts) => ports.functions.functions.get(FUNCTION)!.aliases.get("live")!.functionVersion;
const knownOf = (ports: FakePorts) => ports.ledger.aliases.get(`${FUNCTION}:live`)!;
const recordOf = (ports: FakePorts) => ports.ledger.releases.get(ID)!;
const movesOf = (ports: FakePorts) => ports.functions.calls.of("moveAlias");
const order = (until: string) => ({ reason: "incident 7", by: "alice", at: "2026-03-02T12:00:00.000Z", until });
const LATER = "2026-03-02T12:40:00.000+0000";

describe("without the ledger, an alarm in guard time", () => {
  it("puts the alias back all the same, once, and people are told without what", async () => {
    const ports = await released();
    const over = ledgerDown(ports);
    const { send } = responder(ports);
    for (let delivery = 1; delivery <= 3; delivery += 1) {
      await expect(send(alarmEvent(ALIAS_ALARM), "request-1")).rejects.toMatchObject({ code: "partly-done" });
      expect(aliasOf(ports)).toBe("1");
      ports.clock.advance(60_000);
    }
    expect(movesOf(ports)).toHaveLength(1);
    expect(ports.flags.values().new_api).toBe(false);
    expect(ports.notifier.sent).toHaveLength(1);
    expect(ports.notifier.sent[0]?.data).toMatchObject({
      deploymentId: ID,
      outcome: "rolled-back",
      reasons: [{ code: "alarm" }, { code: "without-ledger" }],
    });
    over();
    await send(alarmEvent(ALIAS_ALARM), "request-1");
    expect(recordOf(ports)).toMatchObject({ outcome: "rolled-back", actor: "respond" });
    expect(Object.keys(knownOf(ports).knownBad)).toEqual(["sha-2/config-2"]);
  });

  it("counts against the deployment before, where the newest of the group were rollbacks, others' or failed", async () => {
    const ports = await released();
    const later = { functionName: FUNCTION, alias: "live", from: "2", to: "3" };
    ports.deployments.given({ ...later, deploymentId: "d-FAILED001" }, { status: "Failed", group: GROUP });
    const undo = { status: "Succeeded", creator: "codeDeployRollback", group: GROUP } as const;
    ports.deployments.given({ ...later, deploymentId: "d-UNDO00001", from: "3", to: "2" }, undo);
    ports.deployments.given({ ...later, deploymentId: "d-OTHERS001", alias: "next" }, { ...undo, creator: "user" });
    ledgerDown(ports);
    await expect(responder(ports).send(alarmEvent(ALIAS_ALARM))).rejects.toThrow();
    expect(aliasOf(ports)).toBe("1");
  });

  it.each<[string, (ports: FakePorts) => void, readonly string[]]>([
    ["after the guard time", (ports) => ports.clock.advance(25 * 3_600_000), []],
    ["when somebody has moved the alias elsewhere", (ports) => ports.functions.setAlias(FUNCTION, "live", "3"), []],
    ["when no policy guards the alias", (ports) => ports.policies.documents.clear(), []],
    ["when no hook has seen the deployment", (ports) => ports.ledger.releases.clear(), ["getRelease"]],
    [
      "when the alias's record names another release",
      (ports) => void Object.assign(knownOf(ports), { lastReleaseId: "s-ABCDEF123" }),
      ["getAlias"],
    ],
    [
      "when its own record says that the release has not ended",
      (ports) => void Object.assign(recordOf(ports), { closedAt: undefined }),
      ["getRelease"],
    ],
  ])("moves nothing %s", async (_, change, except) => {
    const ports = await released();
    change(ports);
    ledgerDown(ports, except);
    await expect(responder(ports).send(alarmEvent(ALIAS_ALARM))).rejects.toMatchObject({ code: "partly-done" });
    expect(movesOf(ports)).toEqual([]);
  });

  it("is only told about where the policy has automatic rollback off, or people have disarmed the guard", async () => {
    const off = await released();
    off.policies.documents.set(`${FUNCTION}:live`, policyOf({ automaticRollback: false }));
    ledgerDown(off);
    const disarmed = await released();
    disarmed.ledger.environment.disarmed["*"] = order("2026-03-02T14:00:00.000Z");
    ledgerDown(disarmed, ["getEnvironment", "getAlias"]);
    for (const ports of [off, disarmed]) {
      await responder(ports).send(alarmEvent(ALIAS_ALARM));
      expect(movesOf(ports)).toEqual([]);
      expect(ports.notifier.sent).toHaveLength(1);
      expect(ports.notifier.sent[0]?.data.trouble).toContain("the version is bad and");
    }
  });
});

describe("an alarm that says nothing of the release any more", () => {
  const before = "2026-03-02T11:50:00.000+0000";

  it("moves nothing when it turned red before the release was opened", async () => {
    const ports = await released();
    ports.monitoring.states.set(ALIAS_ALARM, "ALARM");
    await responder(ports).send(alarmEvent(ALIAS_ALARM, "ALARM", before));
    expect(movesOf(ports)).toEqual([]);
    expect(recordOf(ports).outcome).toBe("promoted");
    expect(ports.notifier.sent).toEqual([]);
  });

  it("counts when clocks that are a few minutes off explain it", async () => {
    const ports = await released();
    await responder(ports).send(alarmEvent(ALIAS_ALARM, "ALARM", "2026-03-02T11:56:00.000+0000"));
    expect(aliasOf(ports)).toBe("1");
  });

  it.each(["OK", "INSUFFICIENT_DATA"] as const)("moves nothing when it is %s by now", async (state) => {
    const ports = await released();
    ports.monitoring.states.set(ALIAS_ALARM, state);
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(movesOf(ports)).toEqual([]);
    expect(ports.flags.values().new_api).toBe(true);
  });

  it("counts when CloudWatch says a moment later that it is red, or does not say", async () => {
    const late = await released();
    late.monitoring.states.set(ALIAS_ALARM, "OK");
    void late.clock.sleep(1000).then(() => late.monitoring.states.set(ALIAS_ALARM, "ALARM"));
    const unreadable = await released();
    unreadable.monitoring.states.set(ALIAS_ALARM, "OK");
    unreadable.monitoring.calls.fail("alarmStates");
    const hanging = await released();
    hanging.monitoring.calls.hang("alarmStates");
    for (const ports of [late, unreadable, hanging]) {
      await responder(ports).send(alarmEvent(ALIAS_ALARM));
      expect(aliasOf(ports)).toBe("1");
    }
  });

  it("does not keep a rollback that was begun from being ended", async () => {
    const ports = await released();
    ports.monitoring.states.set(ALIAS_ALARM, "OK");
    const request = {
      functionName: FUNCTION,
      alias: "live",
      version: "1",
      deploymentId: ID,
      reason: "alarm",
      owner: "request-1",
      actor: "respond",
      automatic: true,
      steps: ["move-alias" as const],
    };
    ports.ledger.rollbacks.set(`${FUNCTION}:live`, begin(request, undefined, ports.clock.now()));
    await responder(ports).send(alarmEvent(ALIAS_ALARM), "request-1");
    expect(aliasOf(ports)).toBe("1");
  });
});

describe("guard time belongs to the version that serves", () => {
  /** A staged release 2 → 3 that a command drove from 12:20 to 12:22, and took back. */
  async function takenBack(): Promise<FakePorts> {
    const ports = await released();
    ports.functions.given(FUNCTION, ["1", "2", "3"], "live", "2");
    const [openedAt, closedAt] = [minute("20:00").toISOString(), minute("22:00").toISOString()];
    const deploymentId = "s-AAAAAAAAA";
    const ended = { openedAt, closedAt, outcome: "rolled-back" as const };
    const versions = { deploymentId, baselineVersion: "2", canaryVersion: "3" };
    ports.ledger.releases.set(deploymentId, {
      ...recordOf(ports),
      ...versions,
      ...ended,
      actor: "user/alice",
      attended: { actor: "user/alice", term: 1, beatAt: closedAt },
    });
    const known = knownOf(ports);
    known.releases = [{ ...versions, ...ended }, ...(known.releases ?? [])];
    ports.clock.set(minute("40:00"));
    return ports;
  }

  const journalOf = (deploymentId: string) => ({
    ...{ functionName: FUNCTION, alias: "live", version: "2", deploymentId, reason: "alarm", owner: "request-0" },
    ...{ actor: "respond", automatic: true, steps: ["move-alias" as const] },
  });

  /** Release 1 → 2 is in its guard time, and a staged release from `baselineVersion` is open in the ledger; it is 12:40. */
  async function leftOpen(
    baselineVersion: string,
    percents: readonly number[],
    openedAt: string,
    canaryVersion = "3",
  ): Promise<FakePorts> {
    const ports = await released();
    ports.functions.given(FUNCTION, ["1", "2", "3"], "live", "2");
    const deploymentId = "s-OPENOPEN1";
    const open = { openedAt, closedAt: undefined, outcome: "open" as const };
    const versions = { deploymentId, baselineVersion, canaryVersion };
    const steps = percents.map((percent) => ({ percent, at: openedAt, judged: 0 }));
    const { postTrafficStatus: _, verdict: __, ...own } = recordOf(ports);
    ports.ledger.releases.set(deploymentId, {
      ...{ ...own, verdict: undefined, ...versions, ...open },
      staged: { handedOverAt: openedAt, steps },
      attended: { owner: "gone", actor: "user/alice", term: 1, beatAt: openedAt },
    });
    const known = knownOf(ports);
    const entries = [{ ...versions, ...open }, ...(known.releases ?? [])];
    known.releases = entries.sort((a, b) => (a.openedAt < b.openedAt ? 1 : -1));
    ports.clock.set(minute("40:00"));
    return ports;
  }

  it("and goes on for it when a staged release after it was taken back", async () => {
    const ports = await takenBack();
    await responder(ports).send(alarmEvent(ALIAS_ALARM, "ALARM", LATER));
    expect(aliasOf(ports)).toBe("1");
  });

  it("so that what turned red while a command drove another release is that one's", async () => {
    const ports = await takenBack();
    await responder(ports).send(alarmEvent(ALIAS_ALARM, "ALARM", "2026-03-02T12:21:00.000+0000"));
    expect(movesOf(ports)).toEqual([]);
  });

  it.each([
    ["never had a share, of a version from before", "1", [], "2026-03-01T12:00:00.000Z"],
    ["had a share, of a version from before", "1", [10], "2026-03-01T12:00:00.000Z"],
    ["never had a share, of the version that serves", "2", [], minute("38:00").toISOString()],
    ["had a share, and lost it long ago", "2", [10], minute("16:00").toISOString()],
  ])("although a command has left a release open that %s", async (_, baselineVersion, percents, openedAt) => {
    const ports = await leftOpen(baselineVersion, percents, openedAt);
    await responder(ports).send(alarmEvent(ALIAS_ALARM, "ALARM", LATER));
    expect(aliasOf(ports)).toBe("1");
    expect(recordOf(ports)).toMatchObject({ outcome: "rolled-back" });
    expect(ports.notifier.sent).toHaveLength(1);
  });

  it("although a later release has brought the very version that a command had left open", async () => {
    const ports = await leftOpen("1", [10], "2026-03-01T12:00:00.000Z", "2");
    await responder(ports).send(alarmEvent(ALIAS_ALARM, "ALARM", LATER));
    expect(recordOf(ports)).toMatchObject({ outcome: "rolled-back" });
  });

  it.each([
    ["has just lost its share", minute("38:00").toISOString(), undefined],
    ["is being taken back", "2026-03-02T12:10:00.000Z", "s-OPENOPEN1"],
  ])("but not for what an open release of a command may have done that %s", async (_, openedAt, taken) => {
    const ports = await leftOpen("2", [10], openedAt);
    if (taken !== undefined) {
      ports.ledger.rollbacks.set(`${FUNCTION}:live`, begin(journalOf(taken), undefined, ports.clock.now()));
    }
    await responder(ports).send(alarmEvent(ALIAS_ALARM, "ALARM", LATER));
    expect(aliasOf(ports)).toBe("2");
    expect(recordOf(ports)).toMatchObject({ outcome: "promoted" });
  });

  it("also when that was judged bad and the guard was disarmed", async () => {
    const ports = await shifting();
    ports.ledger.environment.disarmed["*"] = order("2026-03-02T12:10:00.000Z");
    ports.monitoring.perMinute = ({ version }) => counts(version === "2" ? 60 : 540, version === "2" ? 50 : 0);
    await promote(ports);
    expect(recordOf(ports)).toMatchObject({ outcome: "promoted", verdict: { kind: "rollback" } });
    ports.clock.set(minute("40:00"));
    await responder(ports).send(alarmEvent(ALIAS_ALARM, "ALARM", LATER));
    expect(aliasOf(ports)).toBe("1");
  });
});

/** The deployment succeeds, and the responder hears of it. */
async function promote(ports: FakePorts): Promise<void> {
  await succeed(ports);
  await responder(ports).send(stateEvent("SUCCESS"));
}

describe("a version that is known bad and released all the same", () => {
  const again = async (perMinute: FakePorts["monitoring"]["perMinute"]) => {
    const ports = scene();
    const entry = { version: "2", at: "2026-03-01T00:00:00Z", reason: "error-rate", deploymentId: "d-0" };
    const good = { version: "1", codeSha256: "sha-1", configurationHash: "config-1", at: "", deploymentId: "d-1" };
    await ports.ledger.putAlias(FUNCTION, "live", {
      lastKnownGood: good,
      knownBad: { "sha-2/config-2": entry, "sha-9/config-9": entry },
    });
    ports.ledger.environment.breakGlass.push({
      ...order("2026-03-02T13:00:00.000Z"),
      functionName: undefined,
      rules: [],
    });
    await runWork(ports, createPreTraffic(ports, "dev", silent));
    ports.monitoring.perMinute = perMinute;
    await promote(ports);
    return ports;
  };

  it("stays known bad, and is not known good, when nothing could be decided", async () => {
    const ports = await again(() => noCounts);
    expect(recordOf(ports)).toMatchObject({ outcome: "promoted", verdict: { kind: "inconclusive" } });
    expect(knownOf(ports)).toMatchObject({ lastReleaseId: ID, lastKnownGood: { version: "1" } });
    expect(Object.keys(knownOf(ports).knownBad).sort()).toEqual(["sha-2/config-2", "sha-9/config-9"]);
  });

  it("is known good when it is judged to be", async () => {
    const ports = await again(({ version }) => counts(version === "2" ? 600 : 5400, 0));
    expect(recordOf(ports).verdict?.kind).toBe("promote");
    expect(knownOf(ports).lastKnownGood?.version).toBe("2");
    expect(Object.keys(knownOf(ports).knownBad)).toEqual(["sha-9/config-9"]);
  });
});

describe("whoever orders something while an alarm waits for the cooldown", () => {
  const waiting = async () => {
    const ports = await released();
    const left = { to: "1", left: ["9"], deploymentId: "d-0", actor: "respond", automatic: true };
    await ports.ledger.putAlias(FUNCTION, "live", {
      rollbacks: [{ id: "d-0", at: minute("14:00").toISOString(), ...left }],
    });
    ports.monitoring.states.set(ALIAS_ALARM, "ALARM");
    const done = responder(ports).send(alarmEvent(ALIAS_ALARM));
    await ports.clock.sleep(5000);
    return { ports, done, left };
  };

  it("is heeded when it is to disarm the guard", async () => {
    const { ports, done } = await waiting();
    ports.ledger.environment.disarmed["*"] = order("2026-03-02T14:00:00.000Z");
    await done;
    expect(ports.clock.now() >= minute("19:00")).toBe(true);
    expect(movesOf(ports)).toEqual([]);
    expect(ports.notifier.sent[0]?.data.trouble).toContain("disarmed by alice");
  });

  it("is heeded when it is to latch the alias", async () => {
    const { ports, done } = await waiting();
    const latch = { since: minute("16:00").toISOString(), reason: "hands off", by: "alice" };
    ports.ledger.environment.latches[`${FUNCTION}:live`] = latch;
    await done;
    expect(movesOf(ports)).toEqual([]);
  });

  it("has the alarm wait for the next cooldown when it is another rollback", async () => {
    const { ports, done, left } = await waiting();
    knownOf(ports).rollbacks!.unshift({ id: "d-X", at: minute("17:00").toISOString(), ...left });
    await done;
    expect(ports.clock.now() >= minute("22:00")).toBe(true);
    expect(aliasOf(ports)).toBe("1");
  });
});
