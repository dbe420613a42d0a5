import { describe, expect, it } from "vitest";
import { type KillableRelease, killReleaseFlags } from "../../lambdas/respond/flags-off.ts";
import type { Response } from "../../lambdas/respond/responder.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import { releaseNotification } from "../../lib/core/release/messages.ts";
import type { FlagResult } from "../../lib/core/release/records.ts";
import { throttled } from "../fakes/faults.ts";
import { type FakePorts, fakePorts } from "../fakes/index.ts";
import { FLAGS, ID, silent } from "./scene.ts";

const release: KillableRelease = { deploymentId: ID, flags: FLAGS };

function start(): FakePorts {
  const ports = fakePorts();
  ports.flags.given({ new_api: true, other: true });
  return ports;
}

const kill = (ports: FakePorts, changes: Partial<KillableRelease> = {}, log = silent) => {
  const receivedAt = ports.clock.now();
  const at = new Date(receivedAt.getTime() + 600_000);
  const signal = new AbortController().signal;
  const response: Response = {
    ports,
    environment: "dev",
    log,
    emit: () => {},
    paced: (work) => work(),
    requestId: "r",
    receivedAt,
    at,
    signal,
  };
  return killReleaseFlags(response, { ...release, ...changes }, "test");
};

const notification = (flags: FlagResult[]) =>
  releaseNotification({
    environment: "dev",
    release: {
      deploymentId: ID,
      functionName: "checkout",
      alias: "live",
      baselineVersion: "1",
      canaryVersion: "2",
      creator: "user",
    },
    outcome: "rolled-back",
    severity: "critical",
    reasons: [],
    findings: [],
    flags,
  });

/** Somebody deploys `values` at their own pace. */
async function deploys(ports: FakePorts, description: string): Promise<number> {
  const document = { version: "1", flags: {}, values: { new_api: { enabled: true } } };
  const version = await ports.flags.createVersion(ports.flags.target, document, description);
  return ports.flags.deploy(ports.flags.target, version, "slow", description);
}

describe("switching flags off", () => {
  it("deploys the deployed content with the flag off by the kill strategy, and leaves the rest as it is", async () => {
    const ports = start();
    const [result] = await kill(ports);
    expect(result).toMatchObject({ switchedOff: ["new_api"], failure: undefined, seconds: 1 });
    expect(ports.flags.values()).toEqual({ new_api: false, other: true });
    expect(ports.flags.calls.of("deploy")).toEqual([
      expect.objectContaining({ strategy: "goaround-dev-kill", description: expect.stringMatching(/^goaround:/) }),
    ]);
  });

  it("writes down that the flag stays off through later deploys, under AppConfig's own ids", async () => {
    const ports = start();
    await kill(ports);
    expect(Object.values((await ports.ledger.getEnvironment()).killedFlags)).toMatchObject([
      { ...ports.flags.target, flag: "new_api", by: "respond", reason: "test" },
    ]);
  });

  it("is off all the same, within two seconds, when the ledger does not take it", async () => {
    const ports = start();
    ports.ledger.calls.hang("changeEnvironment");
    const [result] = await kill(ports);
    expect(result).toMatchObject({ outcome: "off", switchedOff: ["new_api"] });
  });

  it("makes no version when the flag is off already", async () => {
    const ports = start();
    ports.flags.given({ new_api: false });
    expect(await kill(ports)).toMatchObject([{ switchedOff: [], alreadyOff: ["new_api"], failure: undefined }]);
    expect(ports.flags.calls.of("createVersion")).toEqual([]);
  });

  it("has nothing to do where no flags were ever deployed", async () => {
    const ports = fakePorts();
    expect(await kill(ports)).toMatchObject([{ switchedOff: [], failure: undefined }]);
  });

  it("stops a deployment of ours first, and works from what is deployed then", async () => {
    const ports = start();
    const number = await deploys(ports, "goaround: enable new_api");
    expect(await kill(ports)).toMatchObject([{ switchedOff: ["new_api"] }]);
    expect(ports.flags.calls.of("stopDeployment")).toEqual([expect.objectContaining({ number })]);
    expect(ports.flags.values().new_api).toBe(false);
  });

  it("says that it went off when a deployment of ours that was bringing it was stopped", async () => {
    const ports = start();
    ports.flags.given({ new_api: false, other: true });
    await deploys(ports, "goaround: enable new_api");
    expect(await kill(ports)).toMatchObject([{ switchedOff: ["new_api"], alreadyOff: [] }]);
    expect(ports.flags.values().new_api).toBe(false);
  });

  it("waits for a stranger's deployment that ends soon, and does not stop it", async () => {
    const ports = start();
    ports.flags.slowMs = 20_000;
    await deploys(ports, "a colleague's");
    expect(await kill(ports)).toMatchObject([{ switchedOff: ["new_api"] }]);
    expect(ports.flags.calls.of("stopDeployment")).toEqual([]);
  });

  it("does not stop a stranger's deployment that goes on, and says who holds the environment", async () => {
    const ports = start();
    await deploys(ports, "a colleague's");
    const [result] = await kill(ports);
    expect(result?.failure).toContain("a colleague's");
    expect(ports.flags.calls.of("stopDeployment")).toEqual([]);
  });

  it("looks again when somebody starts a deployment between its look and its own", async () => {
    const ports = start();
    ports.flags.calls.fail("deploy", new GoaroundError("conflict", "dependency", "another one runs"), 1);
    expect(await kill(ports)).toMatchObject([{ switchedOff: ["new_api"], failure: undefined }]);
  });

  it("silences red monitors for the deployment only", async () => {
    const ports = start();
    ports.flags.monitorNames.push("red", "unknown-yet", "green");
    ports.monitoring.states.set("red", "ALARM").set("unknown-yet", "INSUFFICIENT_DATA").set("green", "OK");
    ports.flags.redMonitors = () =>
      ["red", "unknown-yet"].filter((name) => ports.monitoring.actionsEnabled.get(name) !== false);
    expect(await kill(ports)).toMatchObject([{ switchedOff: ["new_api"], failure: undefined }]);
    expect(ports.monitoring.calls.of("setAlarmActions")).toEqual([
      { names: ["red", "unknown-yet"], enabled: false },
      { names: ["red", "unknown-yet"], enabled: true },
    ]);
    expect(ports.ledger.releases.get(ID)?.disabledAlarms).toEqual([]);
  });

  it("lets the monitors speak again when the kill fails", async () => {
    const ports = start();
    ports.flags.monitorNames.push("red");
    ports.monitoring.states.set("red", "ALARM");
    ports.flags.calls.fail("deploy");
    const [result] = await kill(ports);
    expect(result?.failure).toContain("Rate exceeded");
    expect(ports.monitoring.actionsEnabled.get("red")).toBe(true);
    // After each of the tries, and not only after the last.
    const changes = ports.monitoring.calls.of("setAlarmActions").map((call) => (call as { enabled: boolean }).enabled);
    expect(changes).toEqual([false, true, false, true, false, true]);
  });

  it("names the monitors that could not be let speak again", async () => {
    const ports = start();
    ports.flags.monitorNames.push("red");
    ports.monitoring.states.set("red", "ALARM");
    const { setAlarmActions } = ports.monitoring;
    ports.monitoring.setAlarmActions = (names, enabled) =>
      enabled ? Promise.reject(throttled()) : setAlarmActions.call(ports.monitoring, names, enabled);
    const results = await kill(ports);
    expect(results).toMatchObject([{ outcome: "off", silencedAlarms: ["red"] }]);
    const { lines } = notification(results);
    expect(lines).toContain("The actions of red were disabled meanwhile and could not be enabled again.");
    expect(lines).toContainEqual(
      expect.stringMatching(/^Next: .*aws cloudwatch enable-alarm-actions --alarm-names red$/),
    );
    expect(ports.ledger.releases.get(ID)?.disabledAlarms).toEqual(["red"]);
  });

  it("lets the monitors speak again when a call of the kill hangs", async () => {
    const ports = start();
    ports.flags.monitorNames.push("red");
    ports.monitoring.states.set("red", "ALARM");
    ports.flags.calls.hang("getDeployment");
    expect(await kill(ports)).toMatchObject([{ outcome: "not-known", remaining: ["new_api"], silencedAlarms: [] }]);
    expect(ports.monitoring.actionsEnabled.get("red")).toBe(true);
  });

  it("starts nothing any more once its time is up", async () => {
    const ports = start();
    const { createVersion } = ports.flags;
    ports.flags.createVersion = async (...args) => {
      await ports.clock.sleep(200_000);
      return createVersion.apply(ports.flags, args);
    };
    await kill(ports);
    await ports.clock.sleep(200_000);
    expect(ports.flags.calls.of("deploy")).toEqual([]);
  });

  it("says so soon when AppConfig rolls the kill back every time", async () => {
    const ports = start();
    const startedAt = ports.clock.now().getTime();
    ports.flags.redMonitors = () => ["surprise"];
    const [result] = await kill(ports);
    expect(result?.failure).toContain("rolled back");
    expect(ports.clock.now().getTime() - startedAt).toBeLessThan(30_000);
  });

  it("tries again when a monitor turns red under the kill, and silences that one too", async () => {
    const ports = start();
    ports.flags.monitorNames.push("late");
    ports.monitoring.states.set("late", "OK");
    ports.flags.redMonitors = () => {
      ports.monitoring.states.set("late", "ALARM");
      return ports.monitoring.actionsEnabled.get("late") === false ? [] : ["late"];
    };
    expect(await kill(ports)).toMatchObject([{ switchedOff: ["new_api"], failure: undefined }]);
    expect(ports.monitoring.actionsEnabled.get("late")).toBe(true);
  });

  it("leaves a red monitor alone whose actions somebody has switched off", async () => {
    const ports = start();
    ports.flags.monitorNames.push("red", "muted");
    ports.monitoring.states.set("red", "ALARM").set("muted", "ALARM");
    ports.monitoring.actionsEnabled.set("muted", false);
    expect(await kill(ports)).toMatchObject([{ switchedOff: ["new_api"], failure: undefined }]);
    expect(ports.monitoring.actionsEnabled.get("muted")).toBe(false);
    expect(ports.monitoring.actionsEnabled.get("red")).toBe(true);
  });

  it("lets monitors speak again that an earlier run has silenced and was cut off", async () => {
    const ports = start();
    ports.flags.monitorNames.push("red");
    ports.monitoring.states.set("red", "ALARM");
    ports.monitoring.actionsEnabled.set("red", false);
    expect(await kill(ports, { disabledAlarms: ["red"] })).toMatchObject([{ failure: undefined }]);
    expect(ports.monitoring.actionsEnabled.get("red")).toBe(true);
  });

  it("writes down which monitors it silences before it does", async () => {
    const ports = start();
    ports.flags.monitorNames.push("red");
    ports.monitoring.states.set("red", "ALARM");
    const noted: unknown[] = [];
    const { setAlarmActions } = ports.monitoring;
    ports.monitoring.setAlarmActions = (names, enabled) => {
      noted.push(ports.ledger.releases.get(ID)?.disabledAlarms);
      return setAlarmActions.call(ports.monitoring, names, enabled);
    };
    await kill(ports);
    expect(noted).toEqual([["red"], ["red"]]);
    expect(ports.ledger.releases.get(ID)?.disabledAlarms).toEqual([]);
  });

  it.each(["alarmStates", "alarmActions", "setAlarmActions"])("waits at most two seconds for %s", async (operation) => {
    const ports = start();
    ports.flags.monitorNames.push("red");
    ports.monitoring.states.set("red", "ALARM");
    ports.monitoring.calls.hang(operation);
    const startedAt = ports.clock.now().getTime();
    const killing = kill(ports);
    while (ports.flags.values().new_api) await ports.clock.sleep(100);
    expect(ports.clock.now().getTime() - startedAt).toBeLessThan(4000);
    ports.monitoring.calls.heal(operation);
    void killing;
  });

  it("does not wait for a ledger that fails or hangs", async () => {
    const ports = start();
    ports.flags.monitorNames.push("red");
    ports.monitoring.states.set("red", "ALARM");
    ports.ledger.calls.fail("updateRelease");
    expect(await kill(ports)).toMatchObject([{ switchedOff: ["new_api"], failure: undefined }]);
    expect(ports.monitoring.actionsEnabled.get("red")).toBe(true);
  });

  it("gives up on calls that hang, with the reason in the result", async () => {
    const ports = start();
    ports.flags.calls.hang("deployed");
    const startedAt = ports.clock.now().getTime();
    const [result] = await kill(ports);
    expect(result?.failure).toContain("not done within");
    expect(ports.clock.now().getTime() - startedAt).toBeLessThan(300_000);
  });

  it("switches off what exists and warns of flags that do not", async () => {
    const ports = start();
    const warnings: unknown[] = [];
    const log = { ...silent, warn: (message: string, facts?: object) => void warnings.push(message, facts) };
    const flags = [{ ...FLAGS[0]!, flags: ["new_api", "gone"] }];
    expect(await kill(ports, { flags }, log)).toMatchObject([{ switchedOff: ["new_api"], failure: undefined }]);
    expect(warnings).toContainEqual(expect.objectContaining({ unknown: ["gone"] }));
  });

  it("waits for another kill instead of stopping it", async () => {
    const ports = start();
    const document = { version: "1", flags: {}, values: { new_api: { enabled: true }, other: { enabled: false } } };
    const version = await ports.flags.createVersion(ports.flags.target, document, "goaround: switch off other: x");
    await ports.flags.deploy(ports.flags.target, version, "goaround-dev-kill", "goaround: switch off other: x");
    expect(await kill(ports)).toMatchObject([{ switchedOff: ["new_api"] }]);
    expect(ports.flags.calls.of("stopDeployment")).toEqual([]);
    expect(ports.flags.values()).toEqual({ new_api: false, other: false });
  });

  it("counts as off when every reader has it, although the fallback strategy bakes on", async () => {
    const ports = start();
    ports.flags.calls.fail("deploy", new GoaroundError("flags-missing", "operator", "no strategy"), 1);
    const { getDeployment } = ports.flags;
    ports.flags.getDeployment = async (...args) => ({
      ...(await getDeployment.apply(ports.flags, args)),
      state: "BAKING",
    });
    expect(await kill(ports)).toMatchObject([{ switchedOff: ["new_api"], failure: undefined, seconds: 0 }]);
  });

  it("goes on with the next profile when one fails, and writes down how each went", async () => {
    const ports = start();
    const missing = { ...FLAGS[0]!, profileId: "nope" };
    const results = await kill(ports, { flags: [missing, FLAGS[0]!] });
    expect(results.map((result) => result.failure)).toEqual(["there is no profile nope", undefined]);
    expect(ports.flags.values().new_api).toBe(false);
    expect(ports.ledger.releases.get(ID)?.flagResults).toEqual(results);
  });
});
