import { describe, expect, it } from "vitest";
import { GoaroundError } from "../../lib/core/errors.ts";
import { parseAppSpec } from "../../lib/core/release/appspec.ts";
import { command } from "../../scripts/deploy.ts";
import { Harness } from "./harness.ts";

const FORM = [
  "--function-name",
  "checkout",
  "--version",
  "4",
  "--canary-percentage",
  "10",
  "--rollback-threshold",
  "5",
];
const ALARM = "goaround-dev-checkout.live.threshold.v4";

function ready(): Harness {
  const harness = new Harness();
  harness.guarded("checkout", "3");
  for (const hook of ["pre-traffic", "post-traffic"]) {
    harness.ports.functions.given(`goaround-dev-${hook}`, ["$LATEST"], "unused", "$LATEST");
  }
  return harness;
}

/** What CodeDeploy does with the first deployment that the command makes. */
function codeDeploy(
  harness: Harness,
  end: "Succeeded" | "Failed" | "Stopped",
  error?: { code: string; message: string },
) {
  const { deployments, functions, clock } = harness.ports;
  void (async () => {
    while (!deployments.deployments.has("d-CREATED01")) await new Promise<void>((resolve) => setImmediate(resolve));
    await clock.sleep(60_000);
    deployments.shifted("d-CREATED01", clock.now());
    functions.setAlias("checkout", "live", "3", { 4: 0.1 });
    await clock.sleep(300_000);
    if (end === "Succeeded") functions.setAlias("checkout", "live", "4", {});
    deployments.end("d-CREATED01", end, error);
  })();
}

describe("deploy", () => {
  it("releases the version, follows it to the end and exits 0 when it succeeded", async () => {
    const harness = ready();
    codeDeploy(harness, "Succeeded");
    const ran = await harness.run(command, ...FORM, "--json");
    expect(ran.exitCode).toBe(0);
    expect(ran.json()).toMatchObject({
      ok: true,
      from: "3",
      to: "4",
      deployment: { id: "d-CREATED01", status: "Succeeded" },
      alias: { functionVersion: "4", weights: {} },
    });
  });

  it.each([
    ["nothing but the threshold stops it", FORM, "only the alarm of --rollback-threshold stops the release"],
    ["nothing stops it without a threshold", FORM.slice(0, 6), "nothing stops the release; add --rollback-threshold"],
  ])("warns where the group's alarms watch another version: %s", async (_, form, warning) => {
    const harness = ready();
    const group = harness.ports.deployments.groups.get("goaround-dev/checkout-deployment-group")!;
    group.alarms = ["goaround-dev-checkout.live.error-rate.v3"];
    const ran = await harness.run(command, ...form, "--dry-run");
    expect(ran.stderr).toContain("the group's alarms watch version 3, not 4");
    expect(ran.stderr).toContain(warning);
    group.alarms = ["goaround-dev-checkout.live.error-rate.v4"];
    expect((await harness.run(command, ...form, "--dry-run")).stderr).not.toContain("watch version");
  });

  it("shows lifecycle events and weights as they change", async () => {
    const harness = ready();
    codeDeploy(harness, "Succeeded");
    const { stderr } = await harness.run(command, ...FORM);
    expect(stderr).toContain("d-CREATED01 InProgress");
    expect(stderr).toContain("AllowTraffic InProgress");
    expect(stderr).toContain("10 % of the traffic on version 4");
    expect(stderr).toContain("d-CREATED01 Succeeded");
  });

  it("exits 1 when the release is rolled back, and verifies that the alias is whole", async () => {
    const harness = ready();
    codeDeploy(harness, "Stopped", { code: "ALARM_ACTIVE", message: `${ALARM} went off` });
    const ran = await harness.run(command, ...FORM, "--json");
    expect(ran.exitCode).toBe(1);
    expect(ran.json()).toMatchObject({
      ok: false,
      code: "rolled-back",
      deployment: { status: "Stopped", error: { code: "ALARM_ACTIVE" }, rollbackDeploymentId: "d-CREATED01-R" },
      alias: { functionVersion: "3", weights: {} },
    });
  });

  it("writes function, versions and the guard's hooks into the AppSpec", async () => {
    const harness = ready();
    codeDeploy(harness, "Succeeded");
    await harness.run(command, ...FORM);
    const request = harness.ports.deployments.calls.of("create")[0] as { appSpec: string };
    expect(parseAppSpec(request.appSpec)).toEqual({
      ok: true,
      appSpec: {
        functionName: "checkout",
        alias: "live",
        currentVersion: "3",
        targetVersion: "4",
        hooks: { BeforeAllowTraffic: "goaround-dev-pre-traffic", AfterAllowTraffic: "goaround-dev-post-traffic" },
      },
    });
  });

  it("uses the default group in the environment's application, and CodeDeploy's own configuration", async () => {
    const harness = ready();
    codeDeploy(harness, "Succeeded");
    await harness.run(command, ...FORM);
    expect(harness.ports.deployments.calls.of("create")[0]).toMatchObject({
      application: "goaround-dev",
      group: "checkout-deployment-group",
      configuration: "CodeDeployDefault.LambdaCanary10Percent5Minutes",
    });
    expect(harness.ports.deployments.calls.of("createConfiguration")).toEqual([]);
  });

  it("makes a configuration for another percentage and reuses it the next time", async () => {
    const harness = ready();
    codeDeploy(harness, "Failed");
    const argv = ["--function-name", "checkout", "--version", "4", "--canary-percentage", "25"];
    await harness.run(command, ...argv);
    expect(harness.ports.deployments.calls.of("createConfiguration")).toEqual([
      {
        name: "goaround-canary-25-percent-5-minutes",
        routing: { kind: "canary", percentage: 25, intervalMinutes: 5 },
      },
    ]);
    await harness.run(command, ...argv, "--dry-run");
    expect(harness.ports.deployments.calls.of("createConfiguration")).toHaveLength(1);
  });

  it("gives the threshold to the release record and to a temporary alarm beside the group's", async () => {
    const harness = ready();
    harness.ports.deployments.groups.get("goaround-dev/checkout-deployment-group")!.alarms.push("relative");
    codeDeploy(harness, "Succeeded");
    await harness.run(command, ...FORM);
    expect(harness.ports.monitoring.calls.of("putVersionErrorAlarm")[0]).toMatchObject({
      name: ALARM,
      errorRatePercent: 5,
      version: "4",
    });
    expect(harness.ports.deployments.calls.of("create")[0]).toMatchObject({ alarms: ["relative", ALARM] });
    expect(harness.ports.ledger.releases.get("d-CREATED01")).toMatchObject({
      rollbackThresholdPercent: 5,
      temporaryAlarms: [ALARM],
    });
  });

  it("removes the temporary alarm at the end", async () => {
    const harness = ready();
    codeDeploy(harness, "Succeeded");
    await harness.run(command, ...FORM);
    expect(harness.ports.monitoring.states.has(ALARM)).toBe(false);
  });

  it("removes the temporary alarm on Ctrl-C and says that the deployment goes on", async () => {
    const harness = ready();
    codeDeploy(harness, "Succeeded");
    const running = harness.run(command, ...FORM);
    while (harness.ports.deployments.calls.of("target").length === 0) {
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    harness.interrupt();
    const ran = await running;
    expect(ran.exitCode).toBe(130);
    expect(harness.ports.monitoring.states.has(ALARM)).toBe(false);
    expect(ran.stderr).toContain("deployment d-CREATED01 is running and CodeDeploy goes on with it");
    expect(ran.stderr).toContain("--action stop-deployment --deployment-id d-CREATED01");
  });

  it("removes the temporary alarm when the deployment cannot be started", async () => {
    const harness = ready();
    harness.ports.deployments.calls.fail("create", new GoaroundError("conflict", "dependency", "busy"));
    expect((await harness.run(command, ...FORM)).exitCode).toBe(6);
    expect(harness.ports.monitoring.states.has(ALARM)).toBe(false);
  });

  it("replaces no alarms of the group when there is no threshold", async () => {
    const harness = ready();
    codeDeploy(harness, "Succeeded");
    await harness.run(command, "--function-name", "checkout", "--version", "4");
    expect(harness.ports.deployments.calls.of("create")[0]).not.toHaveProperty("alarms");
  });

  it("has nothing to do when the version serves already", async () => {
    const ran = await ready().run(command, "--function-name", "checkout", "--version", "3");
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).toContain("nothing to do: checkout:live serves version 3 already");
  });

  it("exits 4 for a version that does not exist and names the newest", async () => {
    const ran = await ready().run(command, "--function-name", "checkout", "--version", "9");
    expect(ran.exitCode).toBe(4);
    expect(ran.stderr).toContain("Its newest versions: 4, 3, 2, 1");
  });

  it("exits 4 when there is no deployment group", async () => {
    const ran = await ready().run(command, ...FORM, "--deployment-group", "nope");
    expect(ran.exitCode).toBe(4);
    expect(ran.stderr).toContain("named nope");
  });

  it("finds the group in another application, and asks which when there are several", async () => {
    const harness = ready();
    const { groups } = harness.ports.deployments;
    const group = groups.get("goaround-dev/checkout-deployment-group")!;
    groups.clear();
    groups.set("legacy/checkout-deployment-group", group);
    const found = await harness.run(command, ...FORM, "--dry-run", "--json");
    expect(found.json()).toMatchObject({ application: "legacy" });
    groups.set("other/checkout-deployment-group", group);
    const ran = await harness.run(command, ...FORM);
    expect(ran.exitCode).toBe(2);
    expect(ran.stderr).toContain("several applications");
  });

  it("exits 6 while another deployment of the alias is in progress", async () => {
    const harness = ready();
    harness.ports.deployments.given({
      deploymentId: "d-000000009",
      functionName: "checkout",
      alias: "live",
      from: "3",
      to: "2",
    });
    const ran = await harness.run(command, ...FORM);
    expect(ran.exitCode).toBe(6);
    expect(ran.stderr).toContain("deployment d-000000009 of checkout:live is in progress");
  });

  it("refuses a split alias, a known-bad version and a wrong policy", async () => {
    const split = ready();
    split.ports.functions.setAlias("checkout", "live", "3", { 2: 0.1 });
    expect((await split.run(command, ...FORM)).stderr).toContain("is split");
    const bad = ready();
    bad.known("checkout", "3");
    bad.bad("checkout", "4");
    expect((await bad.run(command, ...FORM)).stderr).toContain("version 4 is known bad: error-rate");
    const wrong = ready();
    wrong.ports.policies.documents.set("checkout:live", "{}");
    expect((await wrong.run(command, ...FORM)).stderr).toContain("the function's policy is wrong: schemaVersion");
    for (const harness of [split, bad, wrong]) {
      expect((await harness.run(command, ...FORM)).exitCode).toBe(3);
      expect(harness.ports.deployments.calls.of("create")).toEqual([]);
    }
  });

  it("releases a known-bad version when a person has broken the glass for it, and warns", async () => {
    const harness = ready();
    harness.known("checkout", "3");
    harness.bad("checkout", "4");
    const refused = await harness.run(command, ...FORM);
    expect(refused.stderr).toContain("goaround guard --action break-glass --function-name checkout --rules known-bad");
    await harness.ports.ledger.changeEnvironment(() => ({
      breakGlass: [
        {
          ...{ functionName: "checkout", rules: ["known-bad"], reason: "only way out", by: "olga" },
          ...{ at: "2026-03-02T12:00:00.000Z", until: "2026-03-02T13:00:00.000Z" },
        },
      ],
    }));
    codeDeploy(harness, "Succeeded");
    const ran = await harness.run(command, ...FORM);
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).toContain("warning: version 4 is known bad: error-rate");
    expect(ran.stderr).toContain("let through by olga");
  });

  it("asks for --detach where CloudFormation owns the alias", async () => {
    const harness = ready();
    harness.discovery.stacks.set("checkout", "checkout-stack");
    const refused = await harness.run(command, ...FORM);
    expect(refused.exitCode).toBe(3);
    expect(refused.stderr).toContain("its next `cdk deploy` fails before any traffic");
    expect(refused.stderr).toContain("--detach");
    codeDeploy(harness, "Succeeded");
    const ran = await harness.run(command, ...FORM, "--detach");
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).toContain("goaround doctor");
  });

  it("releases a function without a policy without hooks, and says so", async () => {
    const harness = ready();
    harness.ports.policies.documents.clear();
    codeDeploy(harness, "Succeeded");
    const ran = await harness.run(command, ...FORM);
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).toContain("no policy");
  });

  it("changes nothing in a dry run and shows the AppSpec", async () => {
    const harness = ready();
    const ran = await harness.run(command, ...FORM, "--dry-run", "--json");
    expect(ran.json()).toMatchObject({ code: "planned", appSpec: { Resources: [{ checkout: {} }] } });
    expect(harness.ports.deployments.calls.of("create")).toEqual([]);
    expect(harness.ports.monitoring.calls.of("putVersionErrorAlarm")).toEqual([]);
  });

  it("follows a deployment that is running already", async () => {
    const harness = ready();
    const ids = { deploymentId: "d-000000009", functionName: "checkout", alias: "live", from: "3", to: "4" };
    harness.ports.deployments.given(ids);
    void harness.ports.clock.sleep(90_000).then(() => {
      harness.ports.functions.setAlias("checkout", "live", "4", {});
      harness.ports.deployments.end("d-000000009", "Succeeded");
    });
    const ran = await harness.run(command, "--action", "follow", "--deployment-id", "d-000000009");
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).toContain("d-000000009 succeeded");
  });

  it("says nothing of a deployment that does not exist but that", async () => {
    const ran = await ready().run(command, "--action", "follow", "--deployment-id", "d-000000009");
    expect(ran.exitCode).toBe(4);
    expect(ran.stderr).toContain("state: nothing was changed");
  });

  it("says what the guard wrote down about a deployment that failed", async () => {
    const harness = ready();
    const ids = { deploymentId: "d-000000009", functionName: "checkout", alias: "live", from: "3", to: "4" };
    const error = { code: "HOOK_EXECUTION_FAILURE", message: "one or more of the validation functions failed" };
    harness.ports.deployments.given(ids, { status: "Failed", error });
    const follow = () => harness.run(command, "--action", "follow", "--deployment-id", "d-000000009");
    const unknown = await follow();
    expect(unknown.exitCode).toBe(1);
    expect(unknown.stderr).toContain("ended as Failed (HOOK_EXECUTION_FAILURE: one or more");
    expect(unknown.stderr).toContain("--log-group-name /aws/lambda/goaround-dev-pre-traffic");

    const reason = 'the smoke test "health" answered 500';
    await harness.ports.ledger.updateRelease("d-000000009", { outcome: "blocked", reason, actor: "pre-traffic" });
    const known = await follow();
    expect(known.exitCode).toBe(1);
    expect(known.stderr).toContain(`ended as Failed (pre-traffic: ${reason})`);
  });
});
