import { describe, expect, it } from "vitest";
import { createLookAfter } from "../../lambdas/report-failure/look-after.ts";
import { lambdaMetrics } from "../../lambdas/watch/signals.ts";
import { createTurn } from "../../lambdas/watch/turn.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import { throttled } from "../fakes/faults.ts";
import type { FakePorts } from "../fakes/index.ts";
import { minute, released, responder, stateEvent } from "./respond-scene.ts";
import { contextOf, FLAGS, FUNCTION, ID, silent } from "./scene.ts";

const WAITING = [{ ...FLAGS[0]!, enableAfterRelease: ["new_api"] }];
const enableFlags = { source: "goaround.watch", "detail-type": "Flag Enabling", detail: { deploymentId: ID } };
const recordOf = (ports: FakePorts) => ports.ledger.releases.get(ID)!;
const started = (ports: FakePorts) => ports.flags.calls.of("deploy") as { strategy: string; description: string }[];

/** Promoted, with a flag that waits for the release and is off. */
async function promoted(): Promise<FakePorts> {
  const ports = await released({ flags: WAITING });
  ports.flags.given({ new_api: false, other: true });
  return ports;
}

const ask = (ports: FakePorts, requestId?: string) => responder(ports).send(enableFlags, requestId);

/** One turn of the watch. */
const turn = (ports: FakePorts) =>
  createTurn(
    { ...ports, signals: lambdaMetrics(ports, silent) },
    "dev",
    silent,
  )({ deploymentId: ID }, contextOf(ports, 330_000, `${Math.random()}`));

/** Watch and responder, minute by minute. */
async function pass(ports: FakePorts, minutes: number): Promise<void> {
  for (let i = 0; i < minutes; i += 1) {
    await turn(ports);
    await ask(ports);
    await ports.clock.sleep(60_000);
  }
}

/** A tenth of the requests see the flag on, and nobody fails. */
const seenByATenth = () => ({ on: { requests: 10, errors: 0 }, off: { requests: 90, errors: 0 } });
const said = (ports: FakePorts) => ports.notifier.sent.map(({ lines }) => lines.join(" "));

describe("flags that wait for a release", () => {
  it("are switched on in steps by the gradual strategy, once, and are done when AppConfig is", async () => {
    const ports = await promoted();
    ports.flagEvidence.perMinute = seenByATenth;
    await ask(ports);
    await ask(ports);
    expect(started(ports)).toEqual([
      expect.objectContaining({
        strategy: "goaround-dev-gradual",
        description: `goaround: switch on new_api after release ${ID}`,
      }),
    ]);
    expect(recordOf(ports).enabling).toMatchObject({ beganAt: expect.any(String), deployments: {} });
    await pass(ports, 12);
    expect(ports.flags.values()).toEqual({ new_api: true, other: true });
    expect(recordOf(ports).enabling).toMatchObject({ result: "on" });
    expect(ports.notifier.sent).toEqual([]);
  });

  it("are found under way by a run after one that was cut off before it could write", async () => {
    const ports = await promoted();
    ports.ledger.calls.fail("updateRelease", undefined, 1);
    await ask(ports).catch(() => undefined);
    await ask(ports);
    expect(started(ports)).toHaveLength(1);
    expect(Object.values(recordOf(ports).enabling!.deployments)).toHaveLength(1);
  });

  it("stay off while flags are frozen or the guard is disarmed, and go on after", async () => {
    const ports = await promoted();
    const freeze = {
      id: "f",
      scope: "flags" as const,
      functionName: undefined,
      timeZone: "UTC",
      times: { from: "2026-03-02T12:00:00Z", until: "2026-03-02T13:00:00Z" },
      reason: "sale",
      by: "ann",
    };
    await ports.ledger.changeEnvironment(() => ({ freezes: [freeze] }));
    await ask(ports);
    expect(started(ports)).toEqual([]);
    expect(recordOf(ports).enabling).toMatchObject({ why: expect.stringContaining("frozen by ann") });
    const order = { reason: "drill", by: "ann", at: "2026-03-02T12:00:00Z", until: "2026-03-02T14:00:00Z" };
    await ports.ledger.changeEnvironment(() => ({ freezes: [], disarmed: { "*": order } }));
    await ask(ports);
    expect(started(ports)).toEqual([]);
    ports.clock.set(new Date("2026-03-02T14:00:01Z"));
    await ask(ports);
    expect(started(ports)).toHaveLength(1);
  });

  it("stay off, and people hear of it, when they are held by a kill that nobody has released", async () => {
    const ports = await promoted();
    ports.ledger.givenKilled(ports.flags.target, "new_api");
    await ask(ports);
    await ask(ports);
    expect(started(ports)).toEqual([]);
    expect(ports.notifier.sent).toHaveLength(1);
    expect(ports.notifier.sent[0]!.lines.join(" ")).toContain("goaround flags release new_api");
  });

  it("stay off after a day of waiting, and people hear of it once", async () => {
    const ports = await promoted();
    const order = { reason: "drill", by: "ann", at: "2026-03-02T12:00:00Z", until: "2026-03-09T12:00:00Z" };
    await ports.ledger.changeEnvironment(() => ({ disarmed: { "*": order } }));
    await ask(ports);
    ports.clock.set(new Date("2026-03-03T12:30:00Z"));
    await ask(ports);
    await ask(ports);
    expect(recordOf(ports).enabling).toMatchObject({ result: "stopped" });
    expect(ports.notifier.sent).toHaveLength(1);
  });

  it("are not switched on by a release that was rolled back, or whose version does not serve any more", async () => {
    const ports = await promoted();
    ports.functions.setAlias(FUNCTION, "live", "1");
    await ask(ports);
    expect(started(ports)).toEqual([]);
    expect(recordOf(ports).enabling).toMatchObject({ result: "stopped" });
  });

  it("wait for a stranger's flag deployment to end", async () => {
    const ports = await promoted();
    const version = await ports.flags.createVersion(ports.flags.target, { flags: {}, values: {} }, "theirs");
    await ports.flags.deploy(ports.flags.target, version, "slow", "theirs");
    await ask(ports);
    expect(started(ports)).toHaveLength(1);
    expect(recordOf(ports).enabling).toMatchObject({ why: expect.stringContaining("theirs") });
  });

  it("that are harmful go off with one notification, stay off for the next deploy, and are tried no more", async () => {
    const ports = await promoted();
    const { send } = responder(ports);
    await send(enableFlags);
    const reason = { code: "flag-errors", message: "fails", observed: 1, limit: 0, baseline: 0, samples: 100 };
    const detail = { deploymentId: ID, flags: FLAGS, reasons: [reason] };
    await send({ source: "goaround.watch", "detail-type": "Flag Verdict", detail });
    await send(enableFlags);
    expect(ports.flags.values().new_api).toBe(false);
    expect(recordOf(ports)).toMatchObject({ outcome: "flags-off", enabling: { result: "stopped" } });
    expect(Object.values((await ports.ledger.getEnvironment()).killedFlags).map(({ flag }) => flag)).toEqual([
      "new_api",
    ]);
    expect(ports.notifier.sent).toHaveLength(1);
    expect(started(ports)).toHaveLength(1);
  });

  it("that were never on are not held against the next release when theirs is rolled back", async () => {
    const ports = await promoted();
    await ports.ledger.updateRelease(ID, { enabling: undefined });
    ports.deployments.end(ID, "Failed");
    ports.functions.setAlias(FUNCTION, "live", "1");
    await responder(ports).send(stateEvent("FAILURE"));
    expect((await ports.ledger.getEnvironment()).killedFlags).toEqual({});
  });
});

describe("flags on their way to everyone", () => {
  const takenBack = { new_api: false, other: true };

  it("are taken back when nobody can read for three minutes what they do, and people hear why", async () => {
    const ports = await promoted();
    ports.flagEvidence.perMinute = seenByATenth;
    await pass(ports, 3);
    const blindFrom = ports.clock.now().getTime();
    ports.flagEvidence.calls.fail("flagCohorts");
    while (recordOf(ports).enabling?.endedAt === undefined) await pass(ports, 1);
    expect(Date.parse(recordOf(ports).enabling!.endedAt!) - blindFrom).toBeLessThanOrEqual(240_000);
    expect(ports.flags.deployments).toMatchObject([{ state: "ROLLED_BACK" }]);
    expect(recordOf(ports).enabling).toMatchObject({
      result: "stopped",
      why: expect.stringContaining("could not be read"),
    });
    expect(said(ports)).toEqual([
      expect.stringMatching(/flags-not-enabled: new_api was being switched on and goes off/),
    ]);
    await pass(ports, 12);
    expect(ports.flags.values()).toEqual(takenBack);
  });

  it("are taken back when nobody ever looks at them", async () => {
    const ports = await promoted();
    await ask(ports);
    await ports.clock.sleep(200_000);
    await ask(ports);
    expect(ports.flags.deployments).toMatchObject([{ state: "ROLLED_BACK" }]);
  });

  it("are taken back when functions that told of them fall silent", async () => {
    const ports = await promoted();
    ports.flagEvidence.perMinute = seenByATenth;
    await pass(ports, 6);
    ports.flagEvidence.perMinute = () => undefined;
    await pass(ports, 6);
    expect(ports.flags.values()).toEqual(takenBack);
    expect(said(ports)).toEqual([expect.stringContaining("have told nothing of new_api")]);
  });

  it("are not begun while nobody can read what they do, and are once that is over", async () => {
    const ports = await promoted();
    ports.flagEvidence.calls.fail("flagCohorts");
    await ask(ports);
    expect(started(ports)).toEqual([]);
    expect(recordOf(ports).enabling).toMatchObject({ why: expect.stringContaining("cannot be read") });
    ports.flagEvidence.calls.heal("flagCohorts");
    await ask(ports);
    expect(started(ports)).toHaveLength(1);
  });

  it("of which nothing is ever told get there, and people hear that nobody judged them", async () => {
    const ports = await promoted();
    await pass(ports, 12);
    expect(ports.flags.values()).toEqual({ new_api: true, other: true });
    expect(recordOf(ports).enabling).toMatchObject({ result: "on", findings: [{ code: "flags-not-judged" }] });
    expect(said(ports)).toEqual([expect.stringMatching(/flags-not-judged: new_api is on for everyone.* 0 requests/)]);
  });

  it("are taken back when their release is rolled back without them, and people hear of it", async () => {
    const ports = await promoted();
    await ask(ports);
    ports.functions.setAlias(FUNCTION, "live", "1");
    await ports.ledger.updateRelease(ID, { outcome: "rolled-back" });
    await ask(ports);
    await ports.clock.sleep(ports.flags.slowMs + 1000);
    expect(ports.flags.values()).toEqual(takenBack);
    expect(said(ports)).toEqual([expect.stringMatching(/was being switched on.*the release was rolled-back/)]);
  });

  it("are taken back when a newer release takes over, as people are told", async () => {
    const ports = await promoted();
    await ask(ports);
    ports.functions.setAlias(FUNCTION, "live", "9");
    await ask(ports);
    await ports.clock.sleep(ports.flags.slowMs + 1000);
    expect(ports.flags.values()).toEqual(takenBack);
    expect(said(ports)).toEqual([expect.stringMatching(/was being switched on.*version 2 does not serve/)]);
  });

  it("are taken back although nobody could write down that they had begun", async () => {
    const ports = await promoted();
    ports.ledger.calls.fail("updateRelease", undefined, 1);
    await ask(ports).catch(() => undefined);
    ports.functions.setAlias(FUNCTION, "live", "9");
    await ask(ports);
    expect(ports.flags.deployments).toMatchObject([{ state: "ROLLED_BACK" }]);
  });

  it("are stopped by the next try when AppConfig throttles the first, and told once", async () => {
    const ports = await promoted();
    await ask(ports);
    ports.functions.setAlias(FUNCTION, "live", "9");
    ports.flags.calls.fail("stopDeployment", throttled(), 1);
    await expect(ask(ports)).rejects.toThrow("Rate exceeded");
    expect(recordOf(ports).enabling?.endedAt).toBeUndefined();
    await ask(ports);
    expect(ports.flags.deployments).toMatchObject([{ state: "ROLLED_BACK" }]);
    expect(ports.notifier.sent).toHaveLength(1);
  });

  it("that cannot be stopped are told with the command that switches them off", async () => {
    const ports = await promoted();
    await ask(ports);
    ports.functions.setAlias(FUNCTION, "live", "9");
    ports.flags.calls.fail("stopDeployment", new GoaroundError("refused", "operator", "not authorized"));
    await ask(ports);
    expect(ports.notifier.sent).toMatchObject([{ severity: "critical" }]);
    expect(said(ports)[0]).toMatch(/not authorized.*rollback-flags --application-id flags .* --flags new_api/);
  });

  it("were there before their release was taken over: people hear that they are on", async () => {
    const ports = await promoted();
    await ask(ports);
    await ports.clock.sleep(ports.flags.slowMs + 1000);
    ports.functions.setAlias(FUNCTION, "live", "9");
    await ask(ports);
    expect(recordOf(ports).enabling).toMatchObject({ result: "on" });
    expect(said(ports)).toEqual([expect.stringMatching(/flags-left-on: new_api was switched on for everyone before/)]);
  });

  it("are taken back when they are harmful and the guard may not kill them", async () => {
    const ports = await promoted();
    await ask(ports);
    ports.flagEvidence.perMinute = () => ({ on: { requests: 100, errors: 30 }, off: { requests: 400, errors: 0 } });
    const order = { reason: "drill", by: "ann", at: "2026-03-02T12:00:00Z", until: "2026-03-02T14:00:00Z" };
    await ports.ledger.changeEnvironment(() => ({ disarmed: { "*": order } }));
    await pass(ports, 12);
    expect(ports.responder.calls.of("switchOff")).toEqual([]);
    expect(ports.flags.values()).toEqual(takenBack);
    expect(said(ports)).toEqual([expect.stringContaining("30.0 % of")]);
  });

  it("stay off, as people are told, when another flag of their release went off", async () => {
    const ports = await released({ flags: [{ ...WAITING[0]!, flags: ["new_api", "other"] }] });
    ports.flags.given({ new_api: false, other: false });
    await ports.ledger.updateRelease(ID, { outcome: "flags-off" });
    await ask(ports);
    expect(started(ports)).toEqual([]);
    expect(said(ports)).toEqual([expect.stringMatching(/new_api waited for this release and stays off/)]);
  });

  it("go back with a harmful one that grew beside them, and people hear of them too", async () => {
    const both = { ...FLAGS[0]!, flags: ["new_api", "other"], enableAfterRelease: ["new_api", "other"] };
    const ports = await released({ flags: [both] });
    ports.flags.given({ new_api: false, other: false });
    await ask(ports);
    const reason = { code: "flag-errors", message: "fails", observed: 1, limit: 0, baseline: 0, samples: 100 };
    const detail = { deploymentId: ID, flags: [{ ...FLAGS[0]!, flags: ["new_api"] }], reasons: [reason] };
    await responder(ports).send({ source: "goaround.watch", "detail-type": "Flag Verdict", detail });
    await ask(ports);
    expect(ports.flags.values()).toEqual({ new_api: false, other: false });
    const [killed, other] = said(ports);
    expect(killed).toContain("Flags new_api of profile");
    expect(other).toMatch(/Finding flags-not-enabled: other was being switched on.*new_api was harmful/);
  });
});

describe("the watch after a release with waiting flags", () => {
  it("goes on after the deployment has succeeded, and ends when the flags are on", async () => {
    const ports = await promoted();
    expect((await turn(ports)).next).toBe("bake");
    expect(ports.responder.calls.of("enableFlags")).toEqual([ID]);
    await ports.ledger.updateRelease(ID, {
      enabling: { askedAt: "2026-03-02T12:15:00Z", deployments: {}, endedAt: "2026-03-02T12:40:00Z", result: "on" },
    });
    expect((await turn(ports)).next).toBe("done");
  });

  it("asks for a flag to be switched off that is harmful to those who see it", async () => {
    const ports = await promoted();
    ports.flagEvidence.perMinute = () => ({ on: { requests: 100, errors: 30 }, off: { requests: 400, errors: 0 } });
    const enabling = { askedAt: "2026-03-02T12:15:00Z", beganAt: "2026-03-02T12:15:00Z", deployments: {} };
    await ports.ledger.updateRelease(ID, { enabling, flagWatch: undefined });
    ports.clock.set(minute("18:00"));
    await turn(ports);
    expect(ports.responder.calls.of("switchOff")).toEqual([expect.objectContaining({ deploymentId: ID })]);
  });

  it("is not needed to stop a flag that grows: after the last execution the sweep asks the responder until that is done", async () => {
    const ports = await promoted();
    await ask(ports);
    await ports.sweep.add(ID);
    await ports.ledger.updateRelease(ID, { flagsExecution: `${ID}-flags-10` });
    const nets = createLookAfter({ ...ports, emit: () => undefined }, "dev", silent);
    for (let i = 1; i <= 5; i += 1) {
      await ports.clock.sleep(60_000);
      await nets.sweep(`request-${i}`);
      if (ports.responder.calls.of("enableFlags").length === i) await ask(ports);
    }
    expect(ports.flags.deployments).toMatchObject([{ state: "ROLLED_BACK" }]);
    expect([...ports.sweep.open]).toEqual([]);
  });

  it("is taken over by another execution when it is lost, and the sweep keeps looking until the flags are on", async () => {
    const ports = await promoted();
    await ports.sweep.add(ID);
    const nets = createLookAfter({ ...ports, emit: () => undefined }, "dev", silent);
    await nets.sweep("request-1");
    expect(recordOf(ports).flagsExecution).toBe(`${ID}-flags-1`);
    expect(ports.executions.statuses.get(`${ID}-flags-1`)).toBe("RUNNING");
    await nets.sweep("request-2");
    expect(ports.executions.statuses.has(`${ID}-flags-2`)).toBe(false);
    ports.executions.statuses.set(`${ID}-flags-1`, "ABORTED");
    await nets.one(ID, "request-3");
    expect(ports.executions.statuses.get(`${ID}-flags-2`)).toBe("RUNNING");
    await ports.ledger.updateRelease(ID, {
      enabling: { askedAt: "2026-03-02T12:15:00Z", deployments: {}, endedAt: "2026-03-02T12:40:00Z", result: "on" },
    });
    await nets.sweep("request-4");
    expect([...ports.sweep.open]).toEqual([]);
  });
});
