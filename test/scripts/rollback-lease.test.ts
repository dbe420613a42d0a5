import { describe, expect, it } from "vitest";
import { begin, closed, type RollbackRecord } from "../../lib/core/release/journal.ts";
import { command } from "../../scripts/rollback.ts";
import { Harness } from "./harness.ts";

const OPERATOR = "arn:aws:iam::111122223333:user/operator";
const rollback = (harness: Harness, ...more: string[]) =>
  harness.run(command, "--action", "rollback-function", "--function-name", "checkout", "--reason", "slow", ...more);

/** Version 4 serves and is bad; 3 was good before. */
function badVersion(): Harness {
  const harness = new Harness();
  harness.guarded("checkout", "4");
  harness.known("checkout", "3");
  return harness;
}

const recordOf = ({ ports }: Harness) => ports.ledger.rollbacks.get("checkout:live");

/** The guard is at work since 12:00. */
function guardActs(harness: Harness, version: string): RollbackRecord {
  const record = begin(
    {
      functionName: "checkout",
      alias: "live",
      version,
      deploymentId: "d-000000004",
      reason: "error-rate went into ALARM",
      owner: "request-1",
      actor: "respond",
      automatic: true,
      steps: ["move-alias", "verify"],
    },
    undefined,
    harness.ports.clock.now(),
  );
  harness.ports.ledger.rollbacks.set("checkout:live", record);
  return record;
}

describe("a rollback by hand", () => {
  it("is journalled step by step, and counted for the cooldown", async () => {
    const harness = badVersion();
    expect((await rollback(harness)).exitCode).toBe(0);
    expect(recordOf(harness)).toMatchObject({
      version: "3",
      actor: OPERATOR,
      automatic: false,
      reason: "slow",
      steps: [
        { name: "check-target", state: "done" },
        { name: "move-alias", state: "done" },
        { name: "record", state: "done" },
      ],
      result: { outcome: "restored", detail: "alias live serves version 3" },
    });
    expect(harness.ports.ledger.aliases.get("checkout:live")?.rollbacks).toMatchObject([
      { automatic: false, actor: OPERATOR, to: "3", left: ["4"] },
    ]);
  });

  it("follows the guard, which is doing the same, and reports its result", async () => {
    const harness = badVersion();
    const guard = guardActs(harness, "3");
    const { clock, functions, ledger } = harness.ports;
    void clock.sleep(4000).then(() => {
      functions.setAlias("checkout", "live", "3");
      ledger.rollbacks.set("checkout:live", closed(guard, "restored", "", clock.now()));
    });
    const ran = await rollback(harness, "--json");
    expect(ran.exitCode).toBe(0);
    expect(functions.calls.of("moveAlias")).toEqual([]);
    expect(ran.stderr).toContain("respond has been doing the same since 2026-03-02T12:00:00.000Z");
    expect(ran.json()).toMatchObject({
      message: expect.stringContaining("respond did it"),
      joined: { owner: "request-1" },
    });
  });

  it("takes over from a guard that has died", async () => {
    const harness = badVersion();
    guardActs(harness, "3");
    const ran = await rollback(harness);
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).toContain("going on with what respond has begun");
    expect(harness.alias("checkout").functionVersion).toBe("3");
    expect(recordOf(harness)).toMatchObject({ actor: OPERATOR, fence: 2, tries: 2 });
  });

  it("exits 6 when another actor is on the way to another version, with who, what and since when", async () => {
    const harness = badVersion();
    const guard = guardActs(harness, "2");
    const { clock, ledger } = harness.ports;
    void clock.sleep(5000).then(() => ledger.rollbacks.set("checkout:live", { ...guard, revision: 2 }));
    const ran = await rollback(harness);
    expect(ran.exitCode).toBe(6);
    expect(ran.stderr).toContain(
      "respond has been putting checkout:live on version 2 since 2026-03-02T12:00:00.000Z (error-rate went into ALARM",
    );
    expect(harness.alias("checkout").functionVersion).toBe("4");
  });

  it("frees the lease when it is refused", async () => {
    const harness = new Harness();
    harness.guarded("checkout", "4", { smokeTests: [{ name: "health" }] });
    harness.known("checkout", "3");
    harness.ports.functions.respond = () => ({ functionError: "Unhandled" });
    expect((await rollback(harness)).exitCode).toBe(3);
    expect(recordOf(harness)?.result?.outcome).toBe("failed");
  });

  it("goes on without the lease when the ledger does not answer, and says so once", async () => {
    const harness = badVersion();
    for (const call of ["getRollback", "putRollback", "archiveRollback"]) harness.ports.ledger.calls.fail(call);
    const ran = await rollback(harness);
    expect(harness.alias("checkout").functionVersion).toBe("3");
    expect(ran.stderr.match(/going on without lease and journal/g)).toHaveLength(1);
  });

  it("of a function that is not guarded asks no ledger for a lease", async () => {
    const harness = new Harness();
    harness.ports.functions.given("plain", ["1", "2"], "live", "2");
    const ran = await harness.run(
      command,
      ...["--action", "rollback-function", "--function-name", "plain", "--target-version", "1"],
    );
    expect(ran.exitCode).toBe(0);
    expect(harness.ports.ledger.calls.of("putRollback")).toEqual([]);
  });
});
