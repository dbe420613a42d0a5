import { describe, expect, it } from "vitest";
import { createLookAfter } from "../../lambdas/report-failure/look-after.ts";
import { fact } from "../../lib/core/judge/reason.ts";
import { FLAG_VERDICT, HELD_FLAGS, VERDICT_SOURCE } from "../../lib/core/release/events.ts";
import type { FlagResult } from "../../lib/core/release/records.ts";
import { throttled } from "../fakes/faults.ts";
import type { FakePorts } from "../fakes/index.ts";
import { ALIAS_ALARM, alarmEvent, released, responder, shifting } from "./respond-scene.ts";
import { FLAGS, FUNCTION, ID, silent } from "./scene.ts";

const MINUTE_MS = 60_000;
const askedFor = { source: VERDICT_SOURCE, "detail-type": HELD_FLAGS, detail: { deploymentId: ID } };
const isOn = (ports: FakePorts) => ports.flags.values().new_api === true;
const told = (ports: FakePorts) => ports.notifier.sent.map(({ data }) => (data.findings as string[])[0]);

/** A colleague's flag deployment that takes so long holds the environment; then the alarm of a release goes red. */
async function held(minutes: number): Promise<FakePorts> {
  const ports = await released();
  // Nothing was left to do of the release.
  ports.sweep.open.clear();
  await ports.sweep.disable();
  ports.flags.slowMs = minutes * MINUTE_MS;
  const document = { version: "1", flags: {}, values: { new_api: { enabled: true }, other: { enabled: true } } };
  const version = await ports.flags.createVersion(ports.flags.target, document, "a colleague's");
  await ports.flags.deploy(ports.flags.target, version, "slow", "a colleague's");
  return ports;
}

/** The sweep's minutes, while its rule is enabled; each asks the responder, as Lambda's asynchronous invocation does. */
async function sweep(ports: FakePorts, until: () => boolean): Promise<void> {
  const { send } = responder(ports);
  const asked = Object.assign(ports.responder, {
    heldFlagsOff: async () => void send(askedFor).catch(() => undefined),
  });
  const lookAfter = createLookAfter({ ...ports, responder: asked, emit: () => undefined }, "dev", silent);
  for (let i = 0; i < 60 && ports.sweep.enabled && !until(); i += 1) {
    await lookAfter.sweep(`sweep-${i}`);
    await ports.clock.sleep(MINUTE_MS);
  }
}

describe("flags that somebody else's deployment keeps on", () => {
  it.each([0, 0.4, 1, 2, 4, 11, 21.5, 30])(
    "go off within a minute after %s minutes, and it is not stopped",
    async (minutes) => {
      const ports = await held(minutes);
      const freeAt = ports.clock.now().getTime() + minutes * MINUTE_MS;
      let offAt: number | undefined;
      const watching = (async () => {
        for (let i = 0; i < 40 * 60 && isOn(ports); i += 1) await ports.clock.sleep(1000);
        offAt = ports.clock.now().getTime();
      })();
      await responder(ports).send(alarmEvent(ALIAS_ALARM));
      await sweep(ports, () => !isOn(ports) && ports.sweep.open.size === 0);
      await watching;
      expect(isOn(ports)).toBe(false);
      expect(offAt! - freeAt).toBeLessThanOrEqual(MINUTE_MS);
      expect(ports.flags.calls.of("stopDeployment")).toEqual([]);
    },
  );

  it("are told to be on, by whom they are held, and later to be off", async () => {
    const ports = await held(5);
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(ports.notifier.sent).toHaveLength(1);
    expect(ports.notifier.sent[0]?.lines.join("\n")).toContain("a colleague's");
    await sweep(ports, () => false);
    expect(ports.notifier.sent).toHaveLength(2);
    expect(told(ports)[1]).toBe("flags-off-late");
    expect(ports.sweep.enabled).toBe(false);
    expect(ports.ledger.releases.get(ID)?.flagResults).toMatchObject([{ outcome: "off" }]);
  });

  it("are told to be off too where the watch had found them harmful, and asks again itself", async () => {
    const ports = await held(5);
    const reasons = [fact("flag-errors", "errors with the flag on")];
    const detail = { deploymentId: ID, flags: FLAGS, reasons };
    const verdict = { source: VERDICT_SOURCE, "detail-type": FLAG_VERDICT, detail };
    await responder(ports).send(verdict);
    expect(ports.notifier.sent.map(({ severity }) => severity)).toEqual(["critical"]);
    await ports.clock.sleep(5 * MINUTE_MS);
    await responder(ports).send(verdict);
    expect(isOn(ports)).toBe(false);
    expect(told(ports)[1]).toBe("flags-off-late");
  });

  it("are asked for while the release is still open", async () => {
    const ports = await shifting();
    const { applicationId, environmentId, profileId } = FLAGS[0]!;
    const held: FlagResult = {
      ...{ applicationId, environmentId, profileId, outcome: "not-off", remaining: ["new_api"], isHeld: true },
      ...{ switchedOff: [], alreadyOff: [], seconds: undefined, failure: "held", silencedAlarms: [] },
    };
    await ports.ledger.updateRelease(ID, { flagResults: [held] });
    await sweep(ports, () => !isOn(ports));
    expect(isOn(ports)).toBe(false);
    expect(ports.sweep.open.has(ID)).toBe(true);
  });

  it("are tried again by Lambda where the sweep cannot be asked", async () => {
    const ports = await held(5);
    ports.sweep.calls.fail("enable", throttled());
    await expect(responder(ports).send(alarmEvent(ALIAS_ALARM))).rejects.toThrow("are not off yet");
  });

  it.each<[string, (ports: FakePorts) => unknown]>([
    [
      "the guard was disarmed",
      ({ ledger, clock }) => {
        const at = clock.now().toISOString();
        ledger.environment.disarmed["*"] = { reason: "ours", by: "ann", at, until: "2026-03-03T12:00:00.000Z" };
      },
    ],
    [
      "another release of the alias has begun",
      ({ ledger }) => ledger.putAlias(FUNCTION, "live", { lastReleaseId: "d-NEXT00001" }),
    ],
  ])("are left to people once %s", async (_, given) => {
    const ports = await held(5);
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    await given(ports);
    await sweep(ports, () => false);
    expect(isOn(ports)).toBe(true);
    expect(ports.sweep.enabled).toBe(false);
  });

  it("are not asked for where none is held", async () => {
    const ports = await released();
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    const before = ports.ledger.releases.get(ID)?.flagResults;
    const deployments = ports.flags.calls.of("deploy").length;
    await responder(ports).send(askedFor);
    expect(ports.flags.calls.of("deploy")).toHaveLength(deployments);
    expect(ports.ledger.releases.get(ID)?.flagResults).toEqual(before);
  });
});
