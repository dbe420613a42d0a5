import { describe, expect, it } from "vitest";
import { fact } from "../../lib/core/judge/reason.ts";
import type { FakePorts } from "../fakes/index.ts";
import { ALIAS_ALARM, alarmEvent, released, responder, stateEvent } from "./respond-scene.ts";
import { FUNCTION, ID } from "./scene.ts";

const smokeTests = [{ name: "health", payload: { path: "/health" } }];
const BLOCKER = "payments-are-down";

const versionServing = async (ports: FakePorts) => (await ports.functions.getAlias(FUNCTION, "live")).functionVersion;
const told = (ports: FakePorts) => ports.notifier.sent.map(({ severity, data }) => [severity, data.outcome]);
const codes = (ports: FakePorts) => ports.notifier.sent.flatMap(({ data }) => data.findings);

/** From now on every nth invocation of these versions fails. */
function failing(ports: FakePorts, versions: string[], every = 1): void {
  const asked: Record<string, number> = {};
  ports.functions.respond = ({ qualifier }) => {
    asked[qualifier] = (asked[qualifier] ?? 0) + 1;
    const fails = versions.includes(qualifier) && asked[qualifier] % every === 0;
    return fails ? { functionError: "Unhandled" } : {};
  };
}

describe("an alarm in guard time", () => {
  it("leaves the code and its flags when the version that served before fails too, and pages once", async () => {
    const ports = await released({ smokeTests });
    failing(ports, ["1", "2"], 3);
    const { send, emitted } = responder(ports);
    await send(alarmEvent(ALIAS_ALARM));
    await send(alarmEvent(ALIAS_ALARM));
    expect(await versionServing(ports)).toBe("2");
    expect(ports.flags.values().new_api).toBe(true);
    expect(told(ports)).toEqual([["critical", "promoted"]]);
    expect(codes(ports)).toContain("known-good-fails-too");
    expect(emitted.rollbacks).toBeUndefined();
    expect(ports.ledger.aliases.get(`${FUNCTION}:live`)?.knownBad ?? {}).toEqual({});
  });

  it("moves the alias when the released version alone fails, also after an alarm that was not its doing", async () => {
    const ports = await released({ smokeTests });
    failing(ports, ["1", "2"]);
    const { send } = responder(ports);
    await send(alarmEvent(ALIAS_ALARM));
    failing(ports, ["2"]);
    await send(alarmEvent(ALIAS_ALARM));
    expect(await versionServing(ports)).toBe("1");
    expect(told(ports)).toEqual([
      ["critical", "promoted"],
      ["critical", "rolled-back"],
    ]);
  });

  it.each([
    ["nothing fails when asked", () => undefined],
    ["Lambda does not let them be asked", (ports: FakePorts) => ports.functions.calls.fail("invoke")],
    ["asking them hangs", (ports: FakePorts) => ports.functions.calls.hang("invoke")],
  ])("moves the alias when %s", async (_, given: (ports: FakePorts) => void) => {
    const ports = await released({ smokeTests });
    given(ports);
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(await versionServing(ports)).toBe("1");
  });

  it("leaves the code while an alarm of a dependency is red, and moves it when that cannot be read", async () => {
    const ports = await released({ blockers: [BLOCKER] });
    ports.monitoring.states.set(BLOCKER, "ALARM");
    const { send } = responder(ports);
    await send(alarmEvent(ALIAS_ALARM));
    expect(await versionServing(ports)).toBe("2");
    expect(codes(ports)).toContain("dependency-red");
    ports.monitoring.calls.fail("alarmStates");
    await send(alarmEvent(ALIAS_ALARM));
    expect(await versionServing(ports)).toBe("1");
  });
});

describe("an alarm that is red when guard time begins", () => {
  it("is answered with the end of the release, since it gives no event of its own", async () => {
    const ports = await released();
    ports.monitoring.states.set(ALIAS_ALARM, "ALARM");
    await responder(ports).send(stateEvent("SUCCESS"));
    expect(await versionServing(ports)).toBe("1");
  });

  it("says nothing against the release when it was red before it", async () => {
    const ports = await released();
    ports.monitoring.states.set(ALIAS_ALARM, "ALARM");
    const noted = fact("own-alarm-red", "it was in ALARM before the release", { alarm: ALIAS_ALARM });
    ports.ledger.releases.set(ID, { ...ports.ledger.releases.get(ID)!, admissionFindings: [noted] });
    await responder(ports).send(stateEvent("SUCCESS"));
    expect(await versionServing(ports)).toBe("2");
  });
});
