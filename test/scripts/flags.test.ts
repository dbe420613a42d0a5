import { describe, expect, it } from "vitest";
import { GoaroundError } from "../../lib/core/errors.ts";
import { command as deployCommand } from "../../scripts/deploy.ts";
import { command as rollbackCommand } from "../../scripts/rollback.ts";
import { throttled } from "../fakes/faults.ts";
import { Harness } from "./harness.ts";

const PLACE = ["--application-id", "flags", "--environment-id", "dev", "--profile-id", "router"];
const kill = (harness: Harness, flags: string[], ...more: string[]) =>
  harness.run(rollbackCommand, "--action", "rollback-flags", ...PLACE, "--flags", ...flags, ...more);
const update = (harness: Harness, flag: string, enabled: string, ...more: string[]) =>
  harness.run(deployCommand, "--action", "update-flag", ...PLACE, "--flag-name", flag, "--enabled", enabled, ...more);

function withFlags(values: Record<string, boolean> = { new_api: true, flux: true, old: false }): Harness {
  const harness = new Harness();
  harness.ports.flags.given(values);
  return harness;
}

/** A flag deployment by somebody that takes ten minutes. */
async function running(harness: Harness, description: string): Promise<void> {
  const { flags } = harness.ports;
  const version = await flags.createVersion(flags.target, flags.current!.document, description);
  await flags.deploy(flags.target, version, "slow", description);
}

describe("rollback-flags", () => {
  it("switches the named flags off and leaves the others", async () => {
    const harness = withFlags();
    const ran = await kill(harness, ["new_api"]);
    expect(ran.exitCode).toBe(0);
    expect(harness.ports.flags.values()).toEqual({ new_api: false, flux: true, old: false });
  });

  it("takes several flags in one go, also separated by commas", async () => {
    const harness = withFlags();
    await kill(harness, ["new_api,flux", "old"]);
    expect(harness.ports.flags.values()).toEqual({ new_api: false, flux: false, old: false });
    expect(harness.ports.flags.calls.of("deploy")).toHaveLength(1);
  });

  it("makes the new version from what is deployed, not from what was written last", async () => {
    const harness = withFlags();
    await harness.ports.flags.createVersion(harness.ports.flags.target, { flags: {}, values: {} }, "a draft");
    await kill(harness, ["new_api"]);
    expect(harness.ports.flags.values()).toEqual({ new_api: false, flux: true, old: false });
  });

  it("uses the kill strategy and marks the deployment as ours, with the reason", async () => {
    const harness = withFlags();
    await kill(harness, ["new_api"], "--reason", "security-vulnerability");
    expect(harness.ports.flags.calls.of("deploy")[0]).toMatchObject({
      strategy: "goaround-dev-kill",
      description: "goaround: switch off new_api: security-vulnerability",
    });
  });

  it("takes AppConfig.AllAtOnce when there is no kill strategy", async () => {
    const harness = withFlags();
    harness.ports.flags.calls.fail("deploy", new GoaroundError("flags-missing", "operator", "no strategy"), 1);
    expect((await kill(harness, ["new_api"])).exitCode).toBe(0);
    expect(harness.ports.flags.calls.of("deploy").at(-1)).toMatchObject({ strategy: "AppConfig.AllAtOnce" });
  });

  it("prints the time to effect, the readers' poll interval included", async () => {
    const ran = await kill(withFlags(), ["new_api"]);
    expect(ran.stderr).toMatch(/off: effective for every reader at its next poll, \d+(\.\d+)? s after the start/);
    expect(ran.stderr).toContain("45 s");
  });

  it("lists every flag that does not exist, suggests near names and changes nothing", async () => {
    const harness = withFlags();
    const ran = await kill(harness, ["new_apy", "nonsense", "flux"]);
    expect(ran.exitCode).toBe(4);
    expect(ran.stderr).toContain("new_apy (did you mean new_api?), nonsense");
    expect(harness.ports.flags.calls.of("createVersion")).toEqual([]);
  });

  it("has nothing to do when the flags are off", async () => {
    const harness = withFlags();
    const ran = await kill(harness, ["old"], "--json");
    expect(ran.json()).toMatchObject({ ok: true, code: "nothing-to-do", alreadyOff: ["old"] });
    expect(harness.ports.flags.calls.of("createVersion")).toEqual([]);
  });

  it("stops a flag deployment of ours that is in the way", async () => {
    const harness = withFlags();
    await running(harness, "goaround: gradual");
    const ran = await kill(harness, ["new_api"]);
    expect(ran.exitCode).toBe(0);
    expect(harness.ports.flags.deployments[0]?.state).toBe("ROLLED_BACK");
    expect(harness.ports.flags.values().new_api).toBe(false);
    expect(ran.stderr).toContain("Flag deployment 1 was stopped");
  });

  it("does not stop a stranger's deployment and exits 6", async () => {
    const harness = withFlags();
    await running(harness, "marketing campaign");
    const ran = await kill(harness, ["new_api"]);
    expect(ran.exitCode).toBe(6);
    expect(ran.stderr).toContain("marketing campaign");
    expect(ran.stderr).toContain("--force");
    expect(harness.ports.flags.calls.of("stopDeployment")).toEqual([]);
  });

  it("stops a stranger's deployment with --force", async () => {
    const harness = withFlags();
    await running(harness, "marketing campaign");
    expect((await kill(harness, ["new_api"], "--force")).exitCode).toBe(0);
    expect(harness.ports.flags.values().new_api).toBe(false);
  });

  it("silences red monitors for the time of the kill and enables them again", async () => {
    const harness = withFlags();
    const { flags, monitoring } = harness.ports;
    flags.monitorNames.push("red", "green");
    monitoring.states.set("red", "ALARM").set("green", "OK");
    flags.redMonitors = () => (monitoring.actionsEnabled.get("red") === false ? [] : ["red"]);
    expect((await kill(harness, ["new_api"])).exitCode).toBe(0);
    expect(flags.values().new_api).toBe(false);
    expect(monitoring.calls.of("setAlarmActions")).toEqual([
      { names: ["red"], enabled: false },
      { names: ["red"], enabled: true },
    ]);
  });

  it("exits 5 with the command to run when monitors cannot be enabled again", async () => {
    const harness = withFlags();
    const { flags, monitoring } = harness.ports;
    flags.monitorNames.push("red");
    monitoring.states.set("red", "ALARM");
    const { setAlarmActions } = monitoring;
    monitoring.setAlarmActions = (names, enabled) =>
      enabled ? Promise.reject(throttled()) : setAlarmActions.call(monitoring, names, enabled);
    const ran = await kill(harness, ["new_api"]);
    expect(ran.exitCode).toBe(5);
    expect(ran.stderr).toContain("new_api off, but the actions of red are still disabled");
    expect(ran.stderr).toContain("what to do: Enable them: aws cloudwatch enable-alarm-actions --alarm-names red");
    expect(flags.values().new_api).toBe(false);
  });

  it("enables monitors again on Ctrl-C", async () => {
    const harness = withFlags();
    const { flags, monitoring } = harness.ports;
    flags.monitorNames.push("red");
    monitoring.states.set("red", "ALARM");
    const ran = kill(harness, ["new_api"]);
    while (flags.deployments.length === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    harness.interrupt();
    expect((await ran).exitCode).toBe(130);
    expect(monitoring.actionsEnabled.get("red")).toBe(true);
  });

  it("goes on when the monitors cannot be read", async () => {
    const harness = withFlags();
    harness.ports.flags.calls.fail("monitors");
    expect((await kill(harness, ["new_api"])).exitCode).toBe(0);
  });

  it("takes application and environment from the environment", async () => {
    const harness = withFlags();
    harness.env.APPCONFIG_APPLICATION_ID = "app1";
    harness.env.APPCONFIG_ENVIRONMENT_ID = "env1";
    const argv = ["--action", "rollback-flags", "--profile-id", "prf1", "--flags", "new_api"];
    expect((await harness.run(rollbackCommand, ...argv)).exitCode).toBe(0);
    expect(harness.ports.flags.values().new_api).toBe(false);
  });

  it("exits 4 when the profile does not exist", async () => {
    const argv = ["--application-id", "flags", "--environment-id", "dev", "--profile-id", "nope", "--flags", "x"];
    const ran = await withFlags().run(rollbackCommand, "--action", "rollback-flags", ...argv);
    expect(ran.exitCode).toBe(4);
  });

  it("changes nothing in a dry run", async () => {
    const harness = withFlags();
    const ran = await kill(harness, ["new_api"], "--dry-run");
    expect(ran.stderr).toContain("would switch off new_api");
    expect(harness.ports.flags.calls.of("createVersion")).toEqual([]);
  });
});

describe("update-flag", () => {
  it("switches a flag on with the gradual strategy and follows it to the end", async () => {
    const harness = withFlags();
    const ran = await update(harness, "old", "true", "--json");
    expect(ran.json()).toMatchObject({ ok: true, state: "COMPLETE", strategy: "goaround-dev-gradual" });
    expect(harness.ports.flags.values().old).toBe(true);
  });

  it("switches a flag off with the kill strategy", async () => {
    const harness = withFlags();
    await update(harness, "new_api", "false");
    expect(harness.ports.flags.calls.of("deploy")[0]).toMatchObject({ strategy: "goaround-dev-kill" });
  });

  it("takes the strategy that is named, which must exist", async () => {
    const harness = withFlags();
    harness.ports.flags.calls.fail("deploy", new GoaroundError("flags-missing", "operator", "no such strategy"), 1);
    const ran = await update(harness, "old", "true", "--strategy", "mine");
    expect(ran.exitCode).toBe(4);
    expect(harness.ports.flags.values().old).toBe(false);
  });

  it("has nothing to do when the flag stands so already", async () => {
    expect((await update(withFlags(), "old", "false")).stderr).toContain("nothing to do");
  });

  it("switches no flag on in a freeze of flags, and off all the same", async () => {
    const harness = withFlags();
    const times = { from: "2020-01-01", until: undefined };
    const about = { id: "xmas", functionName: undefined, timeZone: "UTC", reason: "shopping", by: "ann" };
    harness.ports.ledger.environment.freezes = [{ ...about, scope: "flags", times }];
    const ran = await update(harness, "old", "true");
    expect(ran.exitCode).toBe(3);
    expect(ran.stderr).toContain("break-glass --all --rules frozen");
    expect((await update(harness, "new_api", "false")).exitCode).toBe(0);
    expect(harness.ports.flags.values()).toMatchObject({ old: false, new_api: false });
  });

  it("suggests a name for a flag that does not exist", async () => {
    const ran = await update(withFlags(), "newapi", "true");
    expect(ran.exitCode).toBe(4);
    expect(ran.stderr).toContain("did you mean new_api?");
  });

  it("exits 6 while a flag deployment is running", async () => {
    const harness = withFlags();
    await running(harness, "goaround: gradual");
    expect((await update(harness, "old", "true")).exitCode).toBe(6);
  });

  it("exits 1 when the deployment is rolled back by a monitor", async () => {
    const harness = withFlags();
    harness.ports.flags.redMonitors = () => ["red"];
    const ran = await update(harness, "old", "true");
    expect(ran.exitCode).toBe(1);
    expect(ran.stderr).toContain("ended as ROLLED_BACK");
  });

  it("wants true or false", async () => {
    const ran = await update(withFlags(), "old", "yes");
    expect(ran.exitCode).toBe(2);
    expect(ran.stderr).toContain('must be "true" or "false"');
  });
});
