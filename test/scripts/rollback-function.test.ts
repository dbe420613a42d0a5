import { describe, expect, it } from "vitest";
import { GoaroundError } from "../../lib/core/errors.ts";
import { command } from "../../scripts/rollback.ts";
import { droppedTotal, Harness } from "./harness.ts";

const rollback = (harness: Harness, ...more: string[]) =>
  harness.run(command, "--action", "rollback-function", "--function-name", "checkout", ...more);

/** Release d-000000004 brought version 4, which serves; 3 was good before. */
function afterBadRelease(): Harness {
  const harness = new Harness();
  harness.guarded("checkout", "4");
  harness.known("checkout", "3");
  harness.ports.deployments.given(
    { deploymentId: "d-000000004", functionName: "checkout", alias: "live", from: "3", to: "4" },
    { status: "Succeeded" },
  );
  return harness;
}

/** A canary 3 → 4 is under way, 10 % shifted. */
function duringRelease(): Harness {
  const harness = new Harness();
  harness.releasing();
  harness.known("checkout", "3");
  return harness;
}

describe("rollback-function", () => {
  it("moves the alias to the last known good and says where the target comes from", async () => {
    const harness = afterBadRelease();
    const ran = await rollback(harness);
    expect(ran.exitCode).toBe(0);
    expect(harness.alias("checkout")).toEqual({ functionVersion: "3", weights: {} });
    expect(ran.stderr).toContain("the last known good in the ledger (d-GOOD00001");
  });

  it("shows a banner, numbered steps, the reason, the duration and the next steps", async () => {
    const { stderr } = await rollback(afterBadRelease());
    expect(stderr).toContain("=== rollback ===");
    for (const step of [1, 2, 3, 4, 5]) expect(stderr).toContain(`Step ${step}/5:`);
    expect(stderr).toContain("manual-rollback");
    expect(stderr).toMatch(/rolled back checkout:live to version 3.*\(\d+(\.\d)? s\)/);
    expect(stderr).toContain("next: Watch it:");
  });

  it("says in its banner what no rollback takes back, and goes on", async () => {
    const harness = afterBadRelease();
    harness.ports.ledger.aliases.get("checkout:live")!.stepsTaken = [droppedTotal("4")];
    const ran = await rollback(harness);
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).toMatch(/remains +drop-total of version 4 \(the column is gone\): not taken back by a rollback/);
    expect(harness.alias("checkout").functionVersion).toBe("3");
  });

  it("goes to the version that was asked for", async () => {
    const harness = afterBadRelease();
    expect((await rollback(harness, "--target-version", "2")).exitCode).toBe(0);
    expect(harness.alias("checkout").functionVersion).toBe("2");
  });

  it("leaves a release whose own version is the last known good for what it replaced", async () => {
    const harness = afterBadRelease();
    harness.known("checkout", "4", "d-000000004");
    const ran = await rollback(harness);
    expect(harness.alias("checkout").functionVersion).toBe("3");
    expect(ran.stderr).toContain("what release d-000000004 replaced");
  });

  it("does nothing when run a second time", async () => {
    const harness = afterBadRelease();
    await rollback(harness);
    const again = await rollback(harness);
    expect(again.exitCode).toBe(0);
    expect(again.stderr).toContain("nothing to do");
    expect(harness.ports.functions.calls.of("moveAlias")).toHaveLength(1);
  });

  it("does not go further back when the newest release has been undone already", async () => {
    const harness = afterBadRelease();
    harness.known("checkout", "3", "d-000000003");
    harness.ports.deployments.given(
      { deploymentId: "d-000000003", functionName: "checkout", alias: "live", from: "2", to: "3" },
      { status: "Succeeded" },
    );
    harness.ports.deployments.given(
      { deploymentId: "d-000000005", functionName: "checkout", alias: "live", from: "3", to: "4" },
      { status: "Stopped" },
    );
    harness.ports.functions.setAlias("checkout", "live", "3");
    const ran = await rollback(harness);
    expect(ran.stderr).toContain("nothing to do");
    expect(harness.alias("checkout").functionVersion).toBe("3");
  });

  it("records the version that was left as known bad, and the target as known good", async () => {
    const harness = afterBadRelease();
    harness.known("checkout", "4", "d-000000004");
    await rollback(harness, "--reason", "customer-escalation");
    const record = harness.ports.ledger.aliases.get("checkout:live")!;
    expect(record.knownBad["sha-4/config-4"]).toMatchObject({ version: "4", reason: "customer-escalation" });
    expect(record.lastKnownGood?.version).toBe("3");
  });

  it("refuses a target that is known bad and changes nothing", async () => {
    const harness = afterBadRelease();
    harness.bad("checkout", "2");
    const ran = await rollback(harness, "--target-version", "2");
    expect(ran.exitCode).toBe(3);
    expect(ran.stderr).toContain("version 2 is known bad: error-rate");
    expect(ran.stderr).toContain("Candidates:");
    expect(harness.alias("checkout").functionVersion).toBe("4");
  });

  it("takes a known-bad target with --force and a reason", async () => {
    const harness = afterBadRelease();
    harness.bad("checkout", "2");
    const ran = await rollback(harness, "--target-version", "2", "--force", "--reason", "3 is worse");
    expect(ran.exitCode).toBe(0);
    expect(harness.alias("checkout").functionVersion).toBe("2");
  });

  it("wants a reason for --force", async () => {
    const ran = await rollback(afterBadRelease(), "--force");
    expect(ran.exitCode).toBe(2);
    expect(ran.stderr).toContain("--force overrides a safety rule and needs --reason");
  });

  it("names candidates when the version does not exist", async () => {
    const harness = afterBadRelease();
    const ran = await rollback(harness, "--target-version", "99");
    expect(ran.exitCode).toBe(4);
    expect(ran.stderr).toMatch(/Candidates: 4 .*, 3 \(last known good.*, 2 .*, 1 /);
    expect(harness.alias("checkout").functionVersion).toBe("4");
  });

  it("says that the function does not exist, and where it looked", async () => {
    const ran = await new Harness().run(command, "--action", "rollback-function", "--function-name", "nope");
    expect(ran.exitCode).toBe(4);
    expect(ran.stderr).toContain("there is no function nope in account 111122223333, region eu-central-1");
  });

  it("names the aliases there are when the alias does not exist", async () => {
    const ran = await rollback(afterBadRelease(), "--alias", "prod");
    expect(ran.exitCode).toBe(4);
    expect(ran.stderr).toContain("Its aliases: live");
  });

  it("never merely takes the number before: without any record it names candidates", async () => {
    const harness = new Harness();
    harness.ports.functions.given("checkout", ["1", "2", "3"], "live", "3");
    const ran = await rollback(harness);
    expect(ran.exitCode).toBe(4);
    expect(ran.stderr).toContain("nothing tells which version");
    expect(harness.alias("checkout").functionVersion).toBe("3");
  });

  it("works for a function that is not guarded and says so", async () => {
    const harness = new Harness();
    harness.ports.functions.given("checkout", ["1", "2", "3"], "live", "3");
    harness.ports.functions.setAlias("checkout", "live", "2", { 3: 0.5 });
    const ran = await rollback(harness, "--target-version", "2");
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).toContain("not guarded");
    expect(harness.alias("checkout")).toEqual({ functionVersion: "2", weights: {} });
    expect(harness.ports.ledger.aliases.size).toBe(0);
  });

  it("stops a running deployment with rollback and never writes the alias meanwhile", async () => {
    const harness = duringRelease();
    const ran = await rollback(harness);
    expect(ran.exitCode).toBe(0);
    expect(harness.ports.deployments.calls.of("stopWithRollback")).toEqual(["d-000000004"]);
    expect(harness.ports.functions.calls.of("moveAlias")).toEqual([]);
    expect(harness.alias("checkout")).toEqual({ functionVersion: "3", weights: {} });
    expect(ran.stderr).toContain("d-000000004 is stopped");
  });

  it("stops a running deployment even while no traffic has moved yet", async () => {
    const harness = duringRelease();
    harness.ports.functions.setAlias("checkout", "live", "3", {});
    await rollback(harness);
    expect(harness.ports.deployments.deployments.get("d-000000004")?.status).toBe("Stopped");
  });

  it("puts the alias back itself when CodeDeploy does not roll back", async () => {
    const harness = duringRelease();
    harness.ports.deployments.rollsBack = false;
    const ran = await rollback(harness);
    expect(ran.exitCode).toBe(0);
    expect(harness.alias("checkout")).toEqual({ functionVersion: "3", weights: {} });
    expect(harness.ports.functions.calls.of("moveAlias")).toHaveLength(1);
  });

  it("moves on to the version asked for after CodeDeploy restored another", async () => {
    const harness = duringRelease();
    expect((await rollback(harness, "--target-version", "2")).exitCode).toBe(0);
    expect(harness.alias("checkout")).toEqual({ functionVersion: "2", weights: {} });
  });

  it("refuses to go to the very version that a deployment is bringing", async () => {
    const harness = duringRelease();
    const ran = await rollback(harness, "--target-version", "4");
    expect(ran.exitCode).toBe(6);
    expect(harness.ports.deployments.calls.of("stopWithRollback")).toEqual([]);
  });

  it("smoke-tests the target when the policy has tests, and refuses one that fails", async () => {
    const harness = afterBadRelease();
    harness.guarded("checkout", "4", { smokeTests: [{ name: "ping" }] });
    harness.ports.functions.respond = () => ({ functionError: "Unhandled" });
    const ran = await rollback(harness);
    expect(ran.exitCode).toBe(3);
    expect(ran.stderr).toContain('the smoke test "ping"');
    expect(harness.alias("checkout").functionVersion).toBe("4");
  });

  it("invokes nothing when the policy has no smoke tests", async () => {
    const harness = afterBadRelease();
    await rollback(harness);
    expect(harness.ports.functions.calls.of("invoke")).toEqual([]);
  });

  it("rolls back without the ledger, says what was not recorded and exits 5", async () => {
    const harness = afterBadRelease();
    harness.ports.ledger.calls.fail("getAlias");
    harness.ports.ledger.calls.fail("changeAlias");
    const ran = await rollback(harness, "--json");
    expect(ran.exitCode).toBe(5);
    expect(harness.alias("checkout").functionVersion).toBe("3");
    expect(ran.json()).toMatchObject({ ok: false, code: "partly-done", exitCode: 5, recorded: false });
  });

  const outage = (harness: Harness) => {
    const operations = ["getAlias", "changeAlias", "getRollback", "putRollback", "getRelease", "updateRelease"];
    for (const operation of operations) harness.ports.ledger.calls.fail(operation);
    return () => {
      for (const operation of operations) harness.ports.ledger.calls.heal(operation);
    };
  };

  it.each([
    ["the release was promoted", "4", "d-000000004"],
    ["the release was never taken for good", "3", "d-GOOD00001"],
  ])("writes down on a second run what the ledger did not take: %s", async (_, good, deploymentId) => {
    const harness = afterBadRelease();
    harness.known("checkout", good, deploymentId);
    await harness.ports.ledger.updateRelease("d-000000004", { outcome: "promoted" });
    const over = outage(harness);
    expect((await rollback(harness)).exitCode).toBe(5);
    expect((await rollback(harness)).exitCode).toBe(5);
    over();
    const ran = await rollback(harness, "--reason", "customer-escalation", "--json");
    expect(ran.json()).toMatchObject({ code: "nothing-to-do", exitCode: 0, recorded: true, left: ["4"] });
    expect(harness.alias("checkout")).toEqual({ functionVersion: "3", weights: {} });
    expect(harness.ports.functions.calls.of("moveAlias")).toHaveLength(1);
    expect(harness.ports.ledger.aliases.get("checkout:live")).toMatchObject({
      lastKnownGood: { version: "3" },
      knownBad: { "sha-4/config-4": { version: "4", reason: "customer-escalation" } },
    });
    expect(harness.ports.ledger.releases.get("d-000000004")).toMatchObject({
      outcome: "rolled-back",
      actor: "arn:aws:iam::111122223333:user/operator",
    });
    expect((await rollback(harness, "--json")).json()).not.toHaveProperty("recorded");
  });

  it("writes it down too when the newest deployment was another one, that had ended before", async () => {
    const harness = new Harness();
    harness.guarded("checkout", "4");
    harness.known("checkout", "4");
    const ids = { deploymentId: "d-000000005", functionName: "checkout", alias: "live", from: "4", to: "3" };
    harness.ports.deployments.given(ids, { status: "Stopped" });
    const over = outage(harness);
    expect((await rollback(harness, "--target-version", "3")).exitCode).toBe(5);
    over();
    const planned = await rollback(harness, "--target-version", "3", "--dry-run");
    expect(planned.stderr).toContain("would record that version 4 was left");
    const ran = await rollback(harness, "--target-version", "3", "--json");
    expect(ran.json()).toMatchObject({ code: "nothing-to-do", exitCode: 0, recorded: true, left: ["4"] });
    expect(harness.ports.ledger.aliases.get("checkout:live")).toMatchObject({
      lastKnownGood: { version: "3" },
      knownBad: { "sha-4/config-4": { version: "4" } },
    });
    expect((await rollback(harness, "--target-version", "3", "--json")).json()).not.toHaveProperty("recorded");
  });

  it("writes it down too for a release that it had to stop", async () => {
    const harness = duringRelease();
    await harness.ports.ledger.updateRelease("d-000000004", { outcome: "open" });
    const over = outage(harness);
    expect((await rollback(harness)).exitCode).toBe(5);
    over();
    expect((await rollback(harness)).exitCode).toBe(0);
    expect(harness.ports.ledger.aliases.get("checkout:live")?.knownBad).toHaveProperty(["sha-4/config-4"]);
    expect(harness.ports.ledger.releases.get("d-000000004")?.outcome).toBe("rolled-back");
  });

  it("has the reason on record before the deployment that it stops has ended", async () => {
    const harness = duringRelease();
    await harness.ports.ledger.updateRelease("d-000000004", { outcome: "open" });
    const seen = harness.recordsAtLooks("d-000000004");
    await rollback(harness, "--reason", "too slow");
    expect(seen).toContainEqual(expect.objectContaining({ outcome: "open", reason: "too slow" }));
  });

  it("only says in a dry run what it would write down", async () => {
    const harness = afterBadRelease();
    harness.ports.functions.setAlias("checkout", "live", "3");
    const ran = await rollback(harness, "--dry-run");
    expect(ran.stderr).toContain("would record that release d-000000004 of version 4 was rolled back");
    expect(harness.ports.ledger.aliases.get("checkout:live")?.knownBad).toEqual({});
  });

  it("holds no version for bad that stop-deployment has stopped", async () => {
    const harness = duringRelease();
    await harness.ports.ledger.updateRelease("d-000000004", { outcome: "open" });
    await harness.run(command, "--action", "stop-deployment", "--deployment-id", "d-000000004");
    expect((await rollback(harness)).stderr).toContain("nothing to do");
    expect(harness.ports.ledger.aliases.get("checkout:live")?.knownBad).toEqual({});
  });

  it("holds no version for bad that a newer one has replaced", async () => {
    const harness = afterBadRelease();
    harness.ports.functions.given("checkout", ["3", "4", "5"], "live", "5");
    expect((await rollback(harness, "--target-version", "5")).exitCode).toBe(0);
    expect(harness.ports.ledger.aliases.get("checkout:live")?.knownBad).toEqual({});
  });

  it("says that there is nothing to go back to when no other version exists", async () => {
    const harness = new Harness();
    harness.ports.functions.given("checkout", ["1"], "live", "1");
    const ran = await rollback(harness);
    expect(ran.exitCode).toBe(4);
    expect(ran.stderr).toContain("checkout has no other version than the one that serves (1)");
    expect(ran.stderr).not.toContain("--target-version");
  });

  it("tries again when somebody else wrote the alias between look and write", async () => {
    const harness = afterBadRelease();
    harness.ports.functions.calls.fail("moveAlias", new GoaroundError("conflict", "dependency", "changed"), 1);
    const ran = await rollback(harness);
    expect(ran.exitCode).toBe(0);
    expect(harness.alias("checkout").functionVersion).toBe("3");
  });

  it("waits for the deployment by which a stack goes back, and writes nothing against it", async () => {
    const harness = duringRelease();
    const { deployments, clock } = harness.ports;
    deployments.deployments.get("d-000000004")!.creator = "CloudFormation";
    harness.discovery.stacks.set("checkout", "checkout-stack");
    const running = rollback(harness, "--target-version", "2");
    while (deployments.calls.of("stopWithRollback").length === 0) {
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    deployments.given(
      { deploymentId: "d-STACK0001", functionName: "checkout", alias: "live", from: "4", to: "3" },
      { creator: "CloudFormationRollback", group: "another-group" },
    );
    void clock.sleep(40_000).then(() => deployments.end("d-STACK0001", "Succeeded"));
    const ran = await running;
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).toContain("waiting for d-STACK0001 (CloudFormationRollback)");
    expect(harness.alias("checkout")).toEqual({ functionVersion: "2", weights: {} });
  });

  it("does not speak of reconciling when the stack goes back by itself", async () => {
    const harness = duringRelease();
    harness.ports.deployments.deployments.get("d-000000004")!.creator = "CloudFormation";
    harness.discovery.stacks.set("checkout", "checkout-stack");
    const { stderr } = await rollback(harness);
    expect(stderr).toContain("UPDATE_ROLLBACK_COMPLETE");
    expect(stderr).not.toContain("reconciling");
  });

  it("tells that the stack needs reconciling where CloudFormation owns the alias", async () => {
    const harness = afterBadRelease();
    harness.discovery.stacks.set("checkout", "checkout-stack");
    const ran = await rollback(harness);
    expect(ran.stderr).toContain("CloudFormation stack checkout-stack owns alias live");
    expect(ran.stderr).toContain("goaround doctor --functions checkout --alias live --repair");
  });

  it("changes nothing in a dry run and says what it would do", async () => {
    const harness = duringRelease();
    const ran = await rollback(harness, "--dry-run");
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).toContain("dry run: would stop deployment d-000000004 with rollback");
    expect(harness.ports.deployments.calls.of("stopWithRollback")).toEqual([]);
    expect(harness.ports.functions.calls.of("moveAlias")).toEqual([]);
  });

  it("asks on a terminal and leaves everything alone when the answer is no", async () => {
    const harness = afterBadRelease();
    harness.isTerminal = true;
    harness.answer = "";
    const ran = await rollback(harness);
    expect(ran.exitCode).toBe(3);
    expect(harness.questions).toHaveLength(1);
    expect(harness.alias("checkout").functionVersion).toBe("4");
  });

  it("does not ask without a terminal, nor with --yes", async () => {
    const harness = afterBadRelease();
    await rollback(harness);
    harness.isTerminal = true;
    harness.ports.functions.setAlias("checkout", "live", "4");
    await rollback(harness, "--yes");
    expect(harness.questions).toEqual([]);
  });

  it("prints one JSON document on stdout and nothing else there", async () => {
    const ran = await rollback(afterBadRelease(), "--json");
    expect(ran.json()).toMatchObject({
      ok: true,
      verb: "rollback",
      action: "rollback-function",
      code: "done",
      exitCode: 0,
      from: { functionVersion: "4", weights: {} },
      alias: { functionVersion: "3", weights: {} },
      target: { version: "3" },
      left: ["4"],
      recorded: true,
    });
  });

  it("exits 7 for the wrong identity and 8 when AWS is down, as JSON too", async () => {
    const wrong = afterBadRelease();
    wrong.ports.functions.calls.fail("getAlias", new GoaroundError("wrong-identity", "operator", "denied"));
    expect((await rollback(wrong, "--json")).json()).toMatchObject({ ok: false, code: "wrong-identity", exitCode: 7 });
    const down = afterBadRelease();
    down.ports.functions.calls.fail("getAlias", new GoaroundError("aws-fault", "dependency", "503"));
    expect((await rollback(down)).exitCode).toBe(8);
    const slow = afterBadRelease();
    slow.ports.functions.calls.fail("listVersions");
    expect((await rollback(slow)).exitCode).toBe(8);
  });

  it("says on Ctrl-C what state things are in and which command goes on", async () => {
    const harness = duringRelease();
    harness.ports.deployments.rollbackLagMs = 60_000;
    const running = rollback(harness, "--reason", "it's bad");
    await until(() => harness.ports.deployments.calls.of("stopWithRollback").length > 0);
    harness.interrupt();
    const ran = await running;
    expect(ran.exitCode).toBe(130);
    expect(ran.stderr).toContain("deployment d-000000004 was told to stop and roll back");
    expect(ran.stderr).toContain("To go on: goaround rollback --action rollback-function --function-name checkout");
    expect(ran.stderr).toContain("--reason 'it'\\''s bad'");
  });

  it("resumes after an interruption: the same command ends with the alias restored", async () => {
    const harness = duringRelease();
    const running = rollback(harness);
    await until(() => harness.ports.deployments.calls.of("stopWithRollback").length > 0);
    harness.interrupt();
    expect((await running).exitCode).toBe(130);
    expect((await rollback(harness)).exitCode).toBe(0);
    expect(harness.alias("checkout")).toEqual({ functionVersion: "3", weights: {} });
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise<void>((resolve) => setImmediate(resolve));
}

const ASKED = ["--action", "rollback-function", "--function-name", "checkout"];
const FLAGS = [{ applicationId: "flags", environmentId: "dev", profileId: "router", flags: ["new_api"] }];

describe("rollback-function --with-flags", () => {
  it("says which flags are off already, and that there are none", async () => {
    const harness = new Harness();
    harness.guarded("checkout", "3", { flags: FLAGS });
    harness.known("checkout", "2");
    harness.ports.flags.given({ new_api: false });
    const ran = await harness.run(command, ...ASKED, "--with-flags");
    expect(ran.stderr).toContain("off already: new_api");
    const other = new Harness();
    other.guarded("checkout", "3");
    other.known("checkout", "2");
    expect((await other.run(command, ...ASKED, "--with-flags")).stderr).toContain("gives no flags");
  });

  it("switches them off although the alias is back already", async () => {
    const harness = new Harness();
    harness.guarded("checkout", "2", { flags: FLAGS });
    harness.known("checkout", "2");
    harness.ports.flags.given({ new_api: true });
    expect((await harness.run(command, ...ASKED)).exitCode).toBe(0);
    expect(harness.ports.flags.values().new_api).toBe(true);
    const ran = await harness.run(command, ...ASKED, "--with-flags");
    expect(ran.stderr).toContain("switched off new_api");
    expect(harness.ports.flags.values().new_api).toBe(false);
  });
});

describe("rollback-function in stages", () => {
  const shares = (harness: Harness) =>
    harness.ports.functions.calls.of("splitAlias").map((split) => (split as { share: number }).share);

  it("gives the version that is left 75, 50 and 25 % before it takes all away, half a minute apart", async () => {
    const harness = afterBadRelease();
    const before = harness.ports.clock.now().getTime();
    const ran = await rollback(harness, "--stages");
    expect(ran.exitCode).toBe(0);
    expect(shares(harness)).toEqual([0.75, 0.5, 0.25]);
    expect(harness.alias("checkout")).toEqual({ functionVersion: "3", weights: {} });
    expect(harness.ports.clock.now().getTime() - before).toBeGreaterThanOrEqual(90_000);
    expect(ran.stderr).toContain("50 % on version 4; the next step in 30 s");
  });

  it("goes on from the share that an earlier run has left", async () => {
    const harness = afterBadRelease();
    harness.ports.functions.setAlias("checkout", "live", "3", { 4: 0.5 });
    expect((await rollback(harness, "--stages")).exitCode).toBe(0);
    expect(shares(harness)).toEqual([0.25]);
    expect(harness.alias("checkout")).toEqual({ functionVersion: "3", weights: {} });
  });

  it("goes back at once without being asked, and when a release is being stopped", async () => {
    const harness = afterBadRelease();
    await rollback(harness);
    expect(shares(harness)).toEqual([]);
    const running = duringRelease();
    expect((await rollback(running, "--stages")).exitCode).toBe(0);
    expect(shares(running)).toEqual([]);
  });

  it("takes the rest at once when a step is refused", async () => {
    const harness = afterBadRelease();
    harness.ports.functions.calls.fail("splitAlias", new GoaroundError("aws-fault", "dependency", "not with PC"));
    const ran = await rollback(harness, "--stages");
    expect(ran.exitCode).toBe(0);
    expect(harness.alias("checkout")).toEqual({ functionVersion: "3", weights: {} });
    expect(ran.stderr).toContain("the rest goes at once");
  });
});

describe("rollback-function of a release with steps of its own", () => {
  const steps = {
    before: [{ name: "expand", function: "run-expand", compensation: "undo-expand", timeoutSeconds: 30 }],
    after: [],
  };
  const names = { functionName: "checkout", alias: "live", baselineVersion: "3", canaryVersion: "4" };
  const deploymentId = "d-000000004";

  /** Release 4 is promoted and its step was done. */
  async function afterSteps(): Promise<Harness> {
    const harness = afterBadRelease();
    const { ledger, policies } = harness.ports;
    const policy = { ...JSON.parse(policies.documents.get("checkout:live")!), steps };
    const at = "2026-03-02T11:00:00.000Z";
    const stepsBefore = [{ name: "expand", state: "done" as const, at }];
    await ledger.updateRelease(deploymentId, {
      ...names,
      policy,
      deploymentId,
      outcome: "promoted",
      stepsBefore,
      openedAt: at,
    });
    const entry = {
      ...names,
      deploymentId,
      outcome: "promoted" as const,
      openedAt: at,
      closedAt: at,
      hasSteps: true as const,
    };
    ledger.aliases.get("checkout:live")!.releases = [entry];
    return harness;
  }
  const undone = ({ ports }: Harness) =>
    ports.functions.calls.log
      .filter(({ operation, input }) => operation === "moveAlias" || JSON.stringify(input).includes("undo-"))
      .map(({ operation }) => operation);

  it("takes them back when traffic is, and once only", async () => {
    const harness = await afterSteps();
    const ran = await rollback(harness);
    expect(ran.exitCode).toBe(0);
    expect(undone(harness)).toEqual(["moveAlias", "invoke"]);
    expect(ran.stderr).toContain("steps of d-000000004 taken back: expand");
    await rollback(harness);
    expect(undone(harness)).toEqual(["moveAlias", "invoke"]);
  });

  it("warns where a compensation fails, and goes on", async () => {
    const harness = await afterSteps();
    harness.ports.functions.respond = ({ functionName }) =>
      functionName === "undo-expand" ? { functionError: "Unhandled" } : {};
    const ran = await rollback(harness);
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).toMatch(
      /warning: the steps of release d-000000004 need a person: the compensation of expand ended/,
    );
    expect(harness.alias("checkout")).toEqual({ functionVersion: "3", weights: {} });
  });
});
