import { describe, expect, it } from "vitest";
import { deployedFlags, flagDocument } from "../fakes/flags.ts";
import type { FakePorts } from "../fakes/index.ts";
import { counts, noCounts } from "../fakes/monitoring.ts";
import { ALIAS_ALARM, alarmEvent, ledgerDown, released, responder, shifting, stateEvent } from "./respond-scene.ts";
import { FUNCTION, ID } from "./scene.ts";

const SMOKE = { smokeTests: [{ name: "health" }] };
const toldOf = (ports: FakePorts) => ports.notifier.sent.at(-1)!;
const codesOf = (ports: FakePorts) =>
  (toldOf(ports).data.findingDetails as { code: string }[]).map(({ code }) => code).sort();
const aliasOf = (ports: FakePorts) => ports.functions.functions.get(FUNCTION)!.aliases.get("live")!.functionVersion;

/** A rollback in guard time; nothing was published of version 1, which served nobody until then. */
async function putBack(policy: Parameters<typeof released>[0], change: (ports: FakePorts) => void = () => {}) {
  const ports = await released(policy);
  ports.monitoring.states.set(ALIAS_ALARM, "ALARM");
  ports.monitoring.perMinute = () => noCounts;
  change(ports);
  const start = ports.clock.now().getTime();
  await responder(ports)
    .send(alarmEvent(ALIAS_ALARM))
    .catch(() => undefined);
  expect(aliasOf(ports)).toBe("1");
  return { ports, seconds: (ports.clock.now().getTime() - start) / 1000 };
}

describe("after a rollback", () => {
  it("people and the record are told that what serves answers and the flags are off", async () => {
    const { ports } = await putBack(SMOKE);
    expect(toldOf(ports).lines).toEqual(
      expect.arrayContaining([
        `Finding restored-healthy: version 1, which serves now: it answers its smoke tests (1); still in ALARM, by the minutes before: ${ALIAS_ALARM}.`,
        "Finding flags-seen-off: flags of profile router are off in what is deployed.",
      ]),
    );
    expect(ports.ledger.releases.get(ID)?.restored).toMatchObject({
      version: "1",
      findings: [{ code: "restored-healthy" }, { code: "flags-seen-off" }],
    });
  });

  it("they hear that what serves fails too", async () => {
    const { ports } = await putBack(SMOKE, ({ functions }) => {
      functions.respond = ({ qualifier }) =>
        aliasIs(functions, "1") && qualifier === "1" ? { functionError: "Unhandled" } : {};
    });
    expect(toldOf(ports).lines.join("\n")).toMatch(
      /restored-unhealthy: version 1, .*"health" ended with a Unhandled.*flags on for up to 45 s/,
    );
    expect(toldOf(ports).data.outcome).toBe("rolled-back");
  });

  it("its metrics count where it served beside the version that was left", async () => {
    const ports = await shifting();
    ports.monitoring.perMinute = ({ version }) => counts(version === "1" ? 100 : 10, version === "1" ? 0 : 50);
    ports.deployments.end(ID, "Stopped", { code: "ALARM_ACTIVE", message: "An alarm is active." });
    await responder(ports).send(stateEvent("STOP"));
    expect(toldOf(ports).lines.join("\n")).toContain("500 requests lately with 0 % errors");
    const failing = await shifting();
    failing.monitoring.perMinute = () => counts(100, 7);
    failing.deployments.end(ID, "Stopped", { code: "ALARM_ACTIVE", message: "An alarm is active." });
    await responder(failing).send(stateEvent("STOP"));
    expect(toldOf(failing).lines.join("\n")).toContain(
      "restored-unhealthy: version 1, which serves now: version 1: 7 %",
    );
  });

  it("it is looked at once, however often the end is heard of", async () => {
    const ports = await shifting(SMOKE);
    ports.deployments.end(ID, "Stopped", { code: "ALARM_ACTIVE", message: "An alarm is active." });
    const { send } = responder(ports);
    await send(stateEvent("STOP"));
    const asked = () => ports.functions.calls.of("invoke").length;
    const before = asked();
    await send(stateEvent("STOP"));
    expect(asked()).toBe(before);
  });

  it("nothing is looked at where no traffic had reached the version", async () => {
    const ports = await shifting(SMOKE);
    ports.deployments.targets.get(ID)!.lifecycleEvents = [];
    ports.functions.setAlias(FUNCTION, "live", "1");
    ports.deployments.rollsBack = false;
    ports.deployments.end(ID, "Failed", { code: "HOOK_EXECUTION_FAILURE", message: "a hook failed" });
    await responder(ports).send(stateEvent("FAILURE"));
    expect(codesOf(ports)).toEqual([]);
  });

  it("a flag that is on in what is deployed is named, and one that is off a moment later is not", async () => {
    const on = deployedFlags(9, flagDocument({ new_api: true }));
    const stays = await putBack({}, ({ flags }) => {
      const { deploy, deployed } = flags;
      let isKilled = false;
      flags.deploy = (...change) => {
        isKilled = true;
        return deploy.apply(flags, change);
      };
      flags.deployed = async (target) => (isKilled ? on : deployed.call(flags, target));
    });
    expect(codesOf(stays.ports)).toContain("flags-seen-on");
    expect(toldOf(stays.ports).lines.join("\n")).toContain("flags new_api of profile router are on");
    expect(stays.seconds).toBeLessThanOrEqual(31);
    const late = await putBack({}, ({ flags }) => {
      const { deployed } = flags;
      let reads = 0;
      flags.deployed = async (target) => {
        const found = await deployed.call(flags, target);
        if (found?.document && JSON.stringify(found.document).includes('"new_api":{"enabled":false')) reads += 1;
        return reads === 1 ? on : found;
      };
    });
    expect(codesOf(late.ports)).toContain("flags-seen-off");
  });

  it.each<[string, string, (ports: FakePorts) => void]>([
    ["restored-healthy", "metrics hang", ({ monitoring }) => monitoring.calls.hang("versionCounts")],
    ["restored-healthy", "metrics fail", ({ monitoring }) => monitoring.calls.fail("versionCounts")],
    [
      "restored-not-seen",
      "the version hangs",
      ({ functions }) => {
        const { invoke } = functions;
        functions.invoke = (request) =>
          aliasIs(functions, "1") ? new Promise<never>(() => {}) : invoke.call(functions, request);
      },
    ],
    [
      "flags-not-seen",
      "flags hang when they are off",
      ({ flags }) => {
        const { deployed } = flags;
        flags.deployed = (target) =>
          flags.values().new_api ? deployed.call(flags, target) : new Promise<never>(() => {});
      },
    ],
  ])("people hear %s, and no more than half a minute later, although %s", async (code, _, change) => {
    let movedAt = 0;
    let toldAt = 0;
    const { ports } = await putBack({ smokeTests: [{ name: "health", maxDurationMs: 60_000 }] }, (scene) => {
      change(scene);
      const { functions, notifier, clock } = scene;
      const { moveAlias } = functions;
      const { notify } = notifier;
      functions.moveAlias = (move) => {
        movedAt = clock.now().getTime();
        return moveAlias.call(functions, move);
      };
      notifier.notify = (notification) => {
        toldAt = clock.now().getTime();
        return notify.call(notifier, notification);
      };
    });
    expect(codesOf(ports)).toContain(code);
    expect(toldAt - movedAt).toBeLessThanOrEqual(31_000);
  });

  it("people hear how things stand without the ledger, too", async () => {
    const { ports } = await putBack(SMOKE, (scene) => void ledgerDown(scene));
    expect(codesOf(ports)).toEqual(["flags-seen-off", "restored-healthy"]);
  });
});

const aliasIs = (functions: FakePorts["functions"], version: string) =>
  functions.functions.get(FUNCTION)!.aliases.get("live")!.functionVersion === version;
