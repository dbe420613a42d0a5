import { describe, expect, it } from "vitest";
import { lambdaMetrics } from "../../lambdas/watch/signals.ts";
import { createTurn } from "../../lambdas/watch/turn.ts";
import type { PolicyInput } from "../../lib/contract/policy.ts";
import type { Reason } from "../../lib/core/judge/types.ts";
import { flagDocument } from "../fakes/flags.ts";
import type { FakePorts } from "../fakes/index.ts";
import { counts, noCounts } from "../fakes/monitoring.ts";
import { ALIAS_ALARM, alarmEvent, minute, released, responder, shifting } from "./respond-scene.ts";
import { contextOf, FLAGS, FUNCTION, ID, silent } from "./scene.ts";

const cohort = (requests: number, percent: number) => ({ requests, errors: Math.round((requests * percent) / 100) });
const recordOf = (ports: FakePorts) => ports.ledger.releases.get(ID)!;
const asked = (ports: FakePorts) => ports.responder.calls.of("switchOff") as { flags: unknown; reasons: Reason[] }[];

/** Half of the readers see the flag; percent of failed requests with it on and off. */
function half(ports: FakePorts, on: number, off: number, of = 1): void {
  ports.flagEvidence.perMinute = ({ version, minute: at }) => {
    if (ports.clock.now().getTime() < at.getTime() + 120_000) return undefined;
    const requests = (version === "2" ? 30 : 270) * of;
    return { on: cohort(requests, on), off: cohort(requests, off) };
  };
}

async function watched(policy: Partial<PolicyInput> = {}): Promise<FakePorts> {
  const ports = await shifting(policy);
  ports.clock.set(minute("00:20"));
  ports.monitoring.perMinute = ({ version, minute: at }) =>
    ports.clock.now().getTime() < at.getTime() + 120_000 ? noCounts : counts(version === "2" ? 60 : 540, 0);
  return ports;
}

/** Turns of the watch until a moment. */
async function watchUntil(ports: FakePorts, until: Date): Promise<void> {
  const all = { ...ports, signals: lambdaMetrics(ports, silent) };
  while (ports.clock.now() < until) {
    const turn = createTurn(all, "dev", silent);
    const { next, waitSeconds } = await turn({ deploymentId: ID }, contextOf(ports, 330_000, `${Math.random()}`));
    if (next === "done") return;
    ports.clock.set(new Date(ports.clock.now().getTime() + Math.max(1, waitSeconds) * 1000));
  }
}

describe("the watch of a release with flags", () => {
  it("asks for a flag to be switched off as soon as its cohort is seen to fail, and not for a rollback", async () => {
    const ports = await watched();
    half(ports, 30, 0);
    await watchUntil(ports, minute("03:05"));
    expect(asked(ports)).toHaveLength(1);
    expect(asked(ports)[0]).toMatchObject({ flags: FLAGS, reasons: [{ code: "flag-errors", baseline: 0 }] });
    expect(ports.responder.asked).toEqual([]);
  });

  it("asks again after a minute while the flag is not known to be off, and no more when it is", async () => {
    const ports = await watched();
    half(ports, 30, 0);
    await watchUntil(ports, minute("04:30"));
    const before = asked(ports).length;
    expect(before).toBe(2);
    await ports.ledger.updateRelease(ID, { harmfulFlagsOff: ["flags/dev/router/new_api"] });
    await watchUntil(ports, minute("07:00"));
    expect(asked(ports)).toHaveLength(before);
  });

  it("names code and flag in one rollback where both are bad", async () => {
    const ports = await watched();
    half(ports, 30, 0);
    ports.monitoring.perMinute = ({ version, minute: at }) =>
      ports.clock.now().getTime() < at.getTime() + 120_000
        ? noCounts
        : counts(version === "2" ? 60 : 540, version === "2" ? 60 : 15);
    await watchUntil(ports, minute("03:05"));
    expect(asked(ports)).toEqual([]);
    const codes = ports.responder.asked[0]!.verdict.reasons.map(({ code }) => code);
    expect(codes).toContain("flag-errors");
    expect(codes.length).toBeGreaterThan(1);
  });

  it("does nothing about thin cohorts, nor about a fault that those who see the flag off have too", async () => {
    const thin = await watched();
    thin.flagEvidence.perMinute = () => ({ on: { requests: 2, errors: 1 }, off: { requests: 2, errors: 0 } });
    await watchUntil(thin, minute("05:00"));
    expect(asked(thin)).toEqual([]);
    const shared = await watched();
    half(shared, 30, 30);
    await watchUntil(shared, minute("05:00"));
    expect(asked(shared)).toEqual([]);
    expect(Object.values(recordOf(shared).flagWatch!.found).map(({ kind }) => kind)).toEqual(["cleared"]);
  });

  it("goes on looking while the release bakes", async () => {
    const ports = await watched();
    half(ports, 0, 0);
    await watchUntil(ports, minute("05:20"));
    ports.deployments.shifted(ID, minute("00:20"), minute("05:20"));
    ports.functions.setAlias(FUNCTION, "live", "2");
    await ports.ledger.updateRelease(ID, {
      postTrafficHookId: "execution-2",
      handedOverAt: "2026-03-02T12:05:22.000Z",
    });
    ports.flagEvidence.perMinute = ({ version, minute: at }) =>
      at < minute("08:00") || version === "1" ? undefined : { on: cohort(300, 20), off: cohort(300, 0) };
    await watchUntil(ports, minute("12:00"));
    expect(asked(ports).length).toBeGreaterThan(0);
  });

  it("is not held up by evidence that cannot be read", async () => {
    const ports = await watched();
    ports.flagEvidence.calls.fail("flagCohorts");
    await watchUntil(ports, minute("05:00"));
    expect(recordOf(ports).judging?.looks).toBeGreaterThan(1);
  });

  it("leaves a harmful flag on where automatic rollback is switched off", async () => {
    const ports = await watched({ automaticRollback: false });
    half(ports, 30, 0);
    await watchUntil(ports, minute("05:00"));
    expect(asked(ports)).toEqual([]);
  });
});

const REASON: Reason = {
  code: "flag-errors",
  message: "30.0 % of 150 requests with flag new_api on failed, 0.0 % of 150 with it off",
  observed: 0.3,
  limit: 0.001,
  baseline: 0,
  samples: 150,
};
const flagVerdict = (flags: unknown = FLAGS) => ({
  source: "goaround.watch",
  "detail-type": "Flag Verdict",
  detail: { deploymentId: ID, flags, reasons: [REASON] },
});

describe("a flag that the watch has found harmful", () => {
  it("goes off and stays off, the code stays, and one notification says so", async () => {
    const ports = await shifting();
    const { send } = responder(ports);
    await send(flagVerdict());
    await send(flagVerdict());
    expect(ports.flags.values()).toEqual({ new_api: false, other: true });
    expect(ports.deployments.calls.of("stopWithRollback")).toEqual([]);
    expect(ports.notifier.sent).toHaveLength(1);
    expect(ports.notifier.sent[0]!.data).toMatchObject({
      outcome: "flags-off",
      findings: expect.arrayContaining(["flag-errors", "code-stays"]),
    });
    expect(recordOf(ports)).toMatchObject({ outcome: "flags-off", harmfulFlagsOff: ["flags/dev/router/new_api"] });
    expect(Object.keys((await ports.ledger.getEnvironment()).killedFlags)).toHaveLength(1);
  });

  it("is told although the run that switched it off was cut off before it could tell", async () => {
    const ports = await shifting();
    ports.notifier.calls.fail("notify", undefined, 1);
    const { send } = responder(ports);
    await expect(send(flagVerdict(), "request-1")).rejects.toBeDefined();
    await ports.ledger.updateRelease(ID, { harmfulFlagsOff: [] });
    await send(flagVerdict(), "request-1");
    expect(ports.notifier.sent).toHaveLength(1);
  });

  it("is none of a release that does not name it", async () => {
    const ports = await shifting();
    await responder(ports).send(flagVerdict([{ ...FLAGS[0], flags: ["other"] }]));
    expect(ports.flags.values()).toEqual({ new_api: true, other: true });
    expect(ports.notifier.sent).toEqual([]);
  });

  it("is only told while the guard is disarmed", async () => {
    const ports = await shifting();
    const order = { reason: "drill", by: "ann", at: "2026-03-02T12:00:00.000Z", until: "2026-03-02T13:00:00.000Z" };
    await ports.ledger.changeEnvironment(() => ({ disarmed: { "*": order } }));
    await responder(ports).send(flagVerdict());
    expect(ports.flags.values().new_api).toBe(true);
    expect(ports.notifier.sent.map(({ severity }) => severity)).toEqual(["critical"]);
  });
});

/** The alarm recovers a minute from now. */
function redUntilLater({ monitoring, clock }: FakePorts): void {
  monitoring.states.set(ALIAS_ALARM, "ALARM");
  void clock.sleep(60_000).then(() => monitoring.states.set(ALIAS_ALARM, "OK"));
}

describe("an alarm on the alias, and what the cohorts say", () => {
  it("switches the harmful flag off by the evidence, without waiting for the versions", async () => {
    const ports = await shifting();
    half(ports, 30, 0);
    ports.clock.set(minute("04:00"));
    const before = ports.clock.now().getTime();
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(ports.flags.values()).toEqual({ new_api: false, other: true });
    expect(ports.clock.now().getTime() - before).toBeLessThan(5000);
    expect(ports.notifier.sent).toHaveLength(1);
  });

  it("leaves a flag on that the evidence has cleared, although both versions fail", async () => {
    const ports = await shifting();
    half(ports, 30, 30);
    ports.monitoring.perMinute = ({ version }) => counts(version === "2" ? 60 : 540, 30);
    ports.clock.set(minute("04:00"));
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(ports.flags.values().new_api).toBe(true);
    expect(ports.notifier.sent).toEqual([]);
  });

  it("in guard time switches a harmful flag off first, although it is older than the code, and the code stays", async () => {
    const ports = await released();
    half(ports, 30, 0);
    redUntilLater(ports);
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(ports.flags.values()).toEqual({ new_api: false, other: true });
    expect((await ports.functions.getAlias(FUNCTION, "live")).functionVersion).toBe("2");
    expect(ports.notifier.sent.at(-1)!.data).toMatchObject({ outcome: "flags-off" });
  });

  it("in guard time suspects a flag first that is on its way to its readers after the release", async () => {
    const ports = await released();
    ports.flags.given({ new_api: false });
    const version = await ports.flags.createVersion(
      ports.flags.target,
      flagDocument({ new_api: true }),
      "goaround: on",
    );
    await ports.flags.deploy(ports.flags.target, version, "goaround-dev-gradual", "goaround: on");
    const enabling = { askedAt: "2026-03-02T12:14:00Z", beganAt: "2026-03-02T12:14:00Z", deployments: {} };
    await ports.ledger.updateRelease(ID, { enabling });
    redUntilLater(ports);
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(ports.flags.calls.of("stopDeployment")).toHaveLength(1);
    expect((await ports.functions.getAlias(FUNCTION, "live")).functionVersion).toBe("2");
    expect(ports.notifier.sent.map(({ data }) => data.outcome)).toEqual(["flags-off"]);
  });

  it.each(["OK", "ALARM"] as const)(
    "in guard time gives an alarm just after a harmful flag went off time to recover: %s",
    async (state) => {
      const ports = await released();
      await ports.ledger.updateRelease(ID, {
        harmfulFlagsOff: ["flags/dev/router/new_api"],
        harmfulFlagsOffAt: "2026-03-02T12:13:30.000Z",
      });
      ports.flags.given({ new_api: false });
      ports.monitoring.states.set(ALIAS_ALARM, state);
      await responder(ports).send(alarmEvent(ALIAS_ALARM));
      const { functionVersion } = await ports.functions.getAlias(FUNCTION, "live");
      expect(functionVersion).toBe(state === "OK" ? "2" : "1");
    },
  );

  it("in guard time still takes the code back at a later alarm, after a flag's fault has gone with the flag", async () => {
    const ports = await released();
    ports.flags.given({ new_api: true }, new Date("2026-03-02T12:14:00.000Z"));
    redUntilLater(ports);
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(ports.flags.values().new_api).toBe(false);
    expect((await ports.functions.getAlias(FUNCTION, "live")).functionVersion).toBe("2");
    ports.clock.advance(30 * 60_000);
    ports.monitoring.states.set(ALIAS_ALARM, "ALARM");
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect((await ports.functions.getAlias(FUNCTION, "live")).functionVersion).toBe("1");
    expect(ports.notifier.sent.map(({ data }) => data.outcome)).toEqual(["flags-off", "rolled-back"]);
  });

  it("in guard time waits with every alarm while a flag's absence shows", async () => {
    const ports = await released();
    ports.flags.given({ new_api: true }, new Date("2026-03-02T12:14:00.000Z"));
    ports.monitoring.states.set(ALIAS_ALARM, "ALARM");
    const slow = ALIAS_ALARM.replace("error-rate", "duration");
    ports.monitoring.states.set(slow, "ALARM");
    const first = responder(ports).send(alarmEvent(ALIAS_ALARM));
    await ports.clock.sleep(20_000);
    expect(ports.flags.values().new_api).toBe(false);
    const second = responder(ports).send(alarmEvent(slow));
    await ports.clock.sleep(60_000);
    expect((await ports.functions.getAlias(FUNCTION, "live")).functionVersion).toBe("2");
    for (const alarm of [ALIAS_ALARM, slow]) ports.monitoring.states.set(alarm, "OK");
    await Promise.all([first, second]);
    expect((await ports.functions.getAlias(FUNCTION, "live")).functionVersion).toBe("2");
  });

  it("in guard time takes the code back where no flag is to blame", async () => {
    const ports = await released();
    half(ports, 30, 30);
    ports.monitoring.states.set(ALIAS_ALARM, "ALARM");
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect((await ports.functions.getAlias(FUNCTION, "live")).functionVersion).toBe("1");
  });
});
