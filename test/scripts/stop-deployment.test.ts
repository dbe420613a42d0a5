import { describe, expect, it } from "vitest";
import { GoaroundError } from "../../lib/core/errors.ts";
import { command } from "../../scripts/rollback.ts";
import { droppedTotal, Harness } from "./harness.ts";

const stop = (harness: Harness, ...more: string[]) =>
  harness.run(command, "--action", "stop-deployment", "--deployment-id", "d-000000004", ...more);

function releasing(changes: Parameters<Harness["releasing"]>[0] = {}): Harness {
  const harness = new Harness();
  harness.releasing(changes);
  return harness;
}

describe("stop-deployment", () => {
  it("stops with rollback, follows the rollback and verifies that the alias is whole", async () => {
    const harness = releasing();
    const ran = await stop(harness, "--json");
    expect(ran.exitCode).toBe(0);
    expect(ran.json()).toMatchObject({
      ok: true,
      alias: { functionVersion: "3", weights: {} },
      restoredBy: "codedeploy",
    });
    expect(harness.alias("checkout")).toEqual({ functionVersion: "3", weights: {} });
  });

  it("says what the release has done that nothing takes back", async () => {
    const harness = releasing();
    await harness.ports.ledger.updateRelease("d-000000004", { stepsTaken: [droppedTotal("4")] });
    const { warnings } = (await stop(harness, "--json")).json() as { warnings: string[] };
    expect(warnings).toEqual(["not taken back by this: drop-total of version 4 (the column is gone)"]);
  });

  it("repairs the alias itself when CodeDeploy leaves it split", async () => {
    const harness = releasing();
    harness.ports.deployments.rollsBack = false;
    const ran = await stop(harness, "--json");
    expect(ran.json()).toMatchObject({ ok: true, restoredBy: "goaround" });
    expect(harness.alias("checkout")).toEqual({ functionVersion: "3", weights: {} });
  });

  it("goes on to what served before when CodeDeploy's rollback goes to another version", async () => {
    const harness = releasing();
    harness.ports.deployments.lastSuccessful = "2";
    const ran = await stop(harness, "--json");
    expect(ran.json()).toMatchObject({ ok: true, restoredBy: "goaround" });
    expect(ran.stderr).toContain("went to version 2, the group's last successful one; version 3 served before");
    expect(harness.alias("checkout")).toEqual({ functionVersion: "3", weights: {} });
  });

  it("says what is under way when AWS fails after the stop", async () => {
    const harness = releasing();
    harness.ports.functions.calls.fail("getAlias", new GoaroundError("wrong-identity", "operator", "not allowed"));
    const ran = await stop(harness);
    expect(ran.exitCode).not.toBe(0);
    expect(ran.stderr).toContain("state: deployment d-000000004 was told to stop and roll back; CodeDeploy goes on");
  });

  it("does not hold the version for bad: a stop says nothing against it", async () => {
    const harness = releasing();
    await stop(harness);
    expect(harness.ports.ledger.aliases.get("checkout:live")?.knownBad ?? {}).toEqual({});
  });

  it("closes the release record with reason and actor", async () => {
    const harness = releasing();
    await harness.ports.ledger.updateRelease("d-000000004", { outcome: "open" });
    await stop(harness, "--reason", "business-decision");
    expect(harness.ports.ledger.releases.get("d-000000004")).toMatchObject({
      outcome: "rolled-back",
      reason: "business-decision",
      actor: "arn:aws:iam::111122223333:user/operator",
    });
  });

  it("has the reason on record before the deployment has ended, for whoever tells of it", async () => {
    const harness = releasing();
    await harness.ports.ledger.updateRelease("d-000000004", { outcome: "open" });
    const seen = harness.recordsAtLooks("d-000000004");
    await stop(harness, "--reason", "too slow");
    expect(seen).toContainEqual(expect.objectContaining({ outcome: "open", reason: "too slow" }));
  });

  it("exits 5 when the ledger does not answer, and a second run writes down what it could not", async () => {
    const harness = releasing();
    await harness.ports.ledger.updateRelease("d-000000004", { outcome: "open" });
    for (const operation of ["getAlias", "getRelease"]) harness.ports.ledger.calls.fail(operation);
    expect((await stop(harness, "--reason", "too slow")).exitCode).toBe(5);
    expect((await stop(harness, "--reason", "too slow")).exitCode).toBe(5);
    for (const operation of ["getAlias", "getRelease"]) harness.ports.ledger.calls.heal(operation);
    const ran = await stop(harness, "--reason", "too slow", "--json");
    expect(ran.json()).toMatchObject({ exitCode: 0, code: "nothing-to-do", recorded: true });
    const by = "arn:aws:iam::111122223333:user/operator";
    expect(harness.ports.ledger.releases.get("d-000000004")).toMatchObject({
      outcome: "rolled-back",
      reason: "too slow",
      actor: by,
    });
  });

  it("does not mind a ledger that a function without policy has not got", async () => {
    const harness = releasing();
    harness.ports.policies.documents.clear();
    harness.ports.ledger.calls.fail("getAlias");
    expect((await stop(harness)).exitCode).toBe(0);
  });

  it("says how a deployment ended that had ended already, and how to leave its version", async () => {
    const harness = releasing({ status: "Succeeded", completedAt: new Date("2026-03-02T11:00:00Z") });
    harness.ports.functions.setAlias("checkout", "live", "4");
    const ran = await stop(harness);
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).toContain("had ended already: Succeeded at 2026-03-02T11:00:00.000Z");
    expect(ran.stderr).toContain("--action rollback-function --function-name checkout");
    expect(harness.ports.deployments.calls.of("stopWithRollback")).toEqual([]);
  });

  it("makes an alias whole that a stop without rollback has left split", async () => {
    const harness = releasing({ status: "Stopped" });
    const ran = await stop(harness);
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).toContain("the alias was left split and is now whole");
    expect(harness.alias("checkout")).toEqual({ functionVersion: "3", weights: {} });
  });

  it("exits 4 when the deployment does not exist", async () => {
    const ran = await new Harness().run(command, "--action", "stop-deployment", "--deployment-id", "d-NOSUCH000");
    expect(ran.exitCode).toBe(4);
  });

  it("refuses to stop a rollback", async () => {
    const harness = releasing({ creator: "codeDeployRollback" });
    const ran = await stop(harness);
    expect(ran.exitCode).toBe(3);
    expect(ran.stderr).toContain("is itself a rollback");
    expect(harness.ports.deployments.calls.of("stopWithRollback")).toEqual([]);
  });

  it("changes nothing in a dry run", async () => {
    const harness = releasing();
    expect((await stop(harness, "--dry-run")).stderr).toContain("would stop d-000000004");
    expect(harness.ports.deployments.calls.of("stopWithRollback")).toEqual([]);
  });

  it("rides out throttling while it follows", async () => {
    const harness = releasing();
    const running = stop(harness);
    harness.ports.deployments.calls.fail("list", undefined, 3);
    expect((await running).exitCode).toBe(0);
  });

  it("tells that a stack update which started the deployment rolls back too", async () => {
    const ran = await stop(releasing({ creator: "CloudFormation" }));
    expect(ran.stderr).toContain("UPDATE_ROLLBACK_COMPLETE");
  });
});
