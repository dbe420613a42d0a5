import { describe, expect, it } from "vitest";
import { GoaroundError } from "../../lib/core/errors.ts";
import { command as guardCommand } from "../../scripts/guard.ts";
import { Harness } from "./harness.ts";

const BY = "arn:aws:iam::111122223333:user/operator";
const WHY = ["--reason", "incident 7"];
/** With checkout and payments under guard. */
function guarded(): Harness {
  const harness = new Harness();
  harness.guarded("checkout", "3");
  harness.guarded("payments", "3");
  return harness;
}
const order = (harness: Harness, action: string, ...more: string[]) =>
  harness.run(guardCommand, "--action", action, ...more);

describe("orders to the guard", () => {
  it("freeze releases until a date where it is meant", async () => {
    const harness = new Harness();
    const ran = await order(
      harness,
      ...(["freeze", "--id", "holidays", "--from", "2026-12-24", "--until", "2026-12-27"] as const),
      ...["--time-zone", "Europe/Berlin", "--scope", "code", "--reason", "holidays"],
    );
    expect(ran.exitCode).toBe(0);
    expect(harness.ports.ledger.environment.freezes).toEqual([
      {
        id: "holidays",
        scope: "code",
        functionName: undefined,
        timeZone: "Europe/Berlin",
        times: { from: "2026-12-24", until: "2026-12-27" },
        reason: "holidays",
        by: BY,
      },
    ]);
    expect(ran.stderr).toContain("no releases of code of all functions from 2026-12-24 until 2026-12-27");
    expect(ran.stderr).toContain("goaround guard --action unfreeze --id holidays");
  });

  it("freeze releases again and again, or from now on for a while", async () => {
    const harness = guarded();
    await order(harness, "freeze", "--id", "weekend", "--cron", "0 18 * * FRI", "--for", "62h", ...WHY);
    await order(harness, "freeze", "--id", "incident", "--for", "2h", "--function-name", "checkout", ...WHY);
    expect(harness.ports.ledger.environment.freezes.map(({ times }) => times)).toEqual([
      { cron: "0 18 * * FRI", minutes: 3720 },
      { from: "2026-03-02T12:00:00.000Z", until: "2026-03-02T14:00:00.000Z" },
    ]);
  });

  it("begin at the time of AWS, which its first answer tells", async () => {
    const harness = new Harness();
    const identity = harness.discovery.identity.bind(harness.discovery);
    harness.discovery.identity = async () => {
      await harness.ports.clock.sleep(3_600_000);
      return identity();
    };
    await order(harness, "freeze", "--id", "incident", "--for", "2h", ...WHY);
    await order(harness, "disarm", "--all", "--for", "2h", ...WHY);
    await order(harness, "break-glass", "--all", "--for", "2h", ...WHY);
    const { freezes, disarmed, breakGlass } = harness.ports.ledger.environment;
    expect(freezes[0]?.times).toEqual({ from: "2026-03-02T13:00:00.000Z", until: "2026-03-02T15:00:00.000Z" });
    expect(Object.values(disarmed)[0]?.until).toBe("2026-03-02T16:00:00.000Z");
    expect(breakGlass[0]?.until).toBe("2026-03-02T17:00:00.000Z");
  });

  it.each([
    [["--from", "tomorrow"], '"tomorrow" is not a date'],
    [["--cron", "0 18 * * FRI"], "--cron needs --for"],
    [["--cron", "0 18 * *", "--for", "1h"], "is not a cron expression of five fields"],
    [["--from", "2026-12-24", "--for", "1h"], "--for goes with --cron, or stands alone"],
    [["--time-zone", "Mars/Base"], '"Mars/Base" is not a time zone'],
    [["--from", "2025-12-24", "--until", "2025-12-27"], "would never hold: it ended at 2025-12-27 (UTC)"],
    [["--cron", "0 0 31 2 *", "--for", "1h"], 'would never hold: "0 0 31 2 *" never comes (UTC)'],
    [["--from", "2027-02-30"], '"2027-02-30" is not a date'],
    [["--scope", "flags", "--function-name", "checkout"], "no freeze of flags is one function's"],
  ])("exit 2 for a freeze with %j and say what is wrong", async (words, message) => {
    const harness = new Harness();
    const ran = await order(harness, "freeze", "--id", "x", ...words, ...WHY);
    expect(ran.exitCode).toBe(2);
    expect(ran.stderr).toContain(message);
    expect(harness.ports.ledger.environment.freezes).toEqual([]);
  });

  it("take freezes and disarmings that are over out of the record with the next one", async () => {
    const harness = guarded();
    await order(harness, "freeze", "--id", "over", "--for", "1h", ...WHY);
    await order(harness, "freeze", "--id", "weekend", "--cron", "0 18 * * FRI", "--for", "62h", ...WHY);
    await order(harness, "disarm", "--function-name", "payments", "--for", "1h", ...WHY);
    harness.ports.clock.advance(2 * 3_600_000);
    await order(harness, "freeze", "--id", "now", ...WHY);
    await order(harness, "disarm", "--function-name", "checkout", "--for", "1h", ...WHY);
    expect(harness.ports.ledger.environment.freezes.map(({ id }) => id)).toEqual(["weekend", "now"]);
    expect(Object.keys(harness.ports.ledger.environment.disarmed)).toEqual(["checkout"]);
  });

  it("end a freeze, and find nothing to do a second time", async () => {
    const harness = new Harness();
    await order(harness, "freeze", "--id", "holidays", ...WHY);
    expect((await order(harness, "unfreeze", "--id", "holidays", ...WHY)).exitCode).toBe(0);
    expect(harness.ports.ledger.environment.freezes).toEqual([]);
    const again = await order(harness, "unfreeze", "--id", "holidays", "--json", ...WHY);
    expect(again.json()).toMatchObject({ ok: true, code: "nothing-to-do" });
  });

  it("disarm the guard until a time and arm it again", async () => {
    const harness = guarded();
    const ran = await order(harness, "disarm", "--function-name", "checkout", "--for", "2h", ...WHY);
    expect(ran.stderr).toContain("disarmed for checkout until 2026-03-02T14:00:00.000Z");
    expect(harness.ports.ledger.environment.disarmed).toEqual({
      checkout: { reason: "incident 7", by: BY, at: "2026-03-02T12:00:00.000Z", until: "2026-03-02T14:00:00.000Z" },
    });
    await order(harness, "arm", "--function-name", "checkout", ...WHY);
    expect(harness.ports.ledger.environment.disarmed).toEqual({});
  });

  it.each([
    ["disarm", ["--for", "8d", "--all"], "--for is at most 168 h, not 192 h"],
    ["break-glass", ["--for", "25h", "--all"], "--for is at most 24 h, not 25 h"],
    ["disarm", ["--for", "soon", "--all"], "must be a number of minutes, hours or days"],
    ["disarm", ["--all"], "it needs --for"],
    ["disarm", ["--for", "1h"], "name one function with --function-name, or all with --all"],
    ["arm", ["--all", "--function-name", "checkout"], "name one function with --function-name, or all with --all"],
    ["break-glass", ["--for", "1h", "--all", "--rules", "forzen"], "Did you mean frozen?"],
  ])("exit 2 for %s with %j", async (action, words, message) => {
    const harness = new Harness();
    const ran = await order(harness, action, ...words, ...WHY);
    expect(ran.exitCode).toBe(2);
    expect(ran.stderr).toContain(message);
    expect(harness.ports.ledger.environment.history).toEqual([]);
  });

  it.each([
    "freeze",
    "unfreeze",
    "disarm",
    "arm",
    "break-glass",
    "end-break-glass",
    "allow-step",
    "end-allow-step",
    "latch",
    "release-latch",
  ])("need a reason to %s", async (action) => {
    const ran = await order(new Harness(), action);
    expect(ran.exitCode).toBe(2);
    expect(ran.stderr).toMatch(/it needs .*--reason/);
  });

  it("break the glass for the rules named", async () => {
    const harness = guarded();
    await order(
      harness,
      "break-glass",
      "--function-name",
      "checkout",
      "--for",
      "1h",
      "--rules",
      "frozen,cooldown",
      ...WHY,
    );
    expect(harness.ports.ledger.environment.breakGlass).toMatchObject([
      { functionName: "checkout", rules: ["frozen", "cooldown"], until: "2026-03-02T13:00:00.000Z", by: BY },
    ]);
  });

  it("let a step through that no rollback takes back, by its name and for a while", async () => {
    const harness = guarded();
    const ran = await order(harness, "allow-step", "--function-name", "checkout", "--step", "drop-total", ...WHY);
    expect(ran.exitCode).toBe(0);
    expect(harness.ports.ledger.environment.allowedSteps).toEqual([
      {
        functionName: "checkout",
        step: "drop-total",
        reason: "incident 7",
        by: BY,
        at: "2026-03-02T12:00:00.000Z",
        until: "2026-03-02T14:00:00.000Z",
      },
    ]);
    expect(harness.ports.ledger.environment.history[0]).toMatchObject({ action: "allow-step", reason: "incident 7" });
    expect((await order(harness, "status")).stdout).toContain("allow-step drop-total of checkout until 2026-03-02T14");
    const long = await order(harness, "allow-step", "--function-name", "c", "--step", "s", "--for", "25h", ...WHY);
    expect(long.stderr).toContain("--for is at most 24 h, not 25 h");
    const nameless = await order(harness, "allow-step", "--function-name", "checkout", ...WHY);
    expect(nameless.stderr).toMatch(/it needs .*--step/);
  });

  it("latch an alias, and release it", async () => {
    const harness = guarded();
    await order(harness, "latch", "--function-name", "checkout", ...WHY);
    expect(harness.ports.ledger.environment.latches["checkout:live"]).toMatchObject({ reason: "incident 7", by: BY });
    const ran = await order(harness, "release-latch", "--function-name", "checkout", "--reason", "fixed");
    expect(ran.exitCode).toBe(0);
    expect(harness.ports.ledger.environment.latches).toEqual({});
    expect(harness.ports.ledger.environment.latchReleased["checkout:live"]).toMatchObject({ reason: "fixed" });
  });

  it("are kept in the history, with who and why", async () => {
    const harness = guarded();
    await order(harness, "latch", "--function-name", "checkout", ...WHY);
    await order(harness, "release-latch", "--function-name", "checkout", "--reason", "fixed");
    expect(harness.ports.ledger.environment.history).toMatchObject([
      { action: "release-latch", subject: "checkout:live", reason: "fixed", by: BY },
      { action: "latch", subject: "checkout:live", reason: "incident 7", by: BY },
    ]);
  });

  it("arm one function only where nothing else keeps the guard from acting on it", async () => {
    const harness = guarded();
    await order(harness, "disarm", "--all", "--for", "24h", ...WHY);
    await order(harness, "disarm", "--function-name", "checkout", "--for", "1h", ...WHY);
    const { disarmed } = harness.ports.ledger.environment;
    for (const name of ["checkout", "payments"]) {
      const ran = await order(harness, "arm", "--function-name", name, ...WHY);
      expect(ran.exitCode).toBe(6);
      expect(ran.stderr).toContain(`nothing was changed: ${name} stays disarmed by an order for all functions`);
      expect(ran.stderr).toContain(`disarmed by ${BY} until 2026-03-03T12:00:00.000Z: incident 7`);
      expect(ran.stderr).toContain("goaround guard --action arm --all");
    }
    expect(harness.ports.ledger.environment.disarmed).toEqual(disarmed);
  });

  it("arm all functions, those too that were disarmed one by one", async () => {
    const harness = guarded();
    harness.isTerminal = true;
    await order(harness, "disarm", "--function-name", "checkout", "--for", "1h", ...WHY);
    const ran = await order(harness, "arm", "--all", ...WHY);
    expect(ran.exitCode).toBe(0);
    expect(harness.questions.at(-1)).toContain("for all functions, checkout with orders of their own included");
    expect(harness.ports.ledger.environment.disarmed).toEqual({});
    expect((await order(harness, "arm", "--all", ...WHY)).stderr).toContain("nothing to do");
  });

  it("arm one function and leave the others as they are", async () => {
    const harness = guarded();
    await order(harness, "disarm", "--function-name", "checkout", "--for", "1h", ...WHY);
    await order(harness, "disarm", "--function-name", "payments", "--for", "1h", ...WHY);
    expect((await order(harness, "arm", "--function-name", "checkout", ...WHY)).exitCode).toBe(0);
    expect(Object.keys(harness.ports.ledger.environment.disarmed)).toEqual(["payments"]);
  });

  it.each([
    ["freeze", ["--id", "x", "--function-name", "chekout"]],
    ["disarm", ["--for", "1h", "--function-name", "chekout"]],
    ["break-glass", ["--for", "1h", "--function-name", "chekout"]],
    ["allow-step", ["--step", "drop-total", "--function-name", "chekout"]],
    ["latch", ["--function-name", "chekout"]],
    ["arm", ["--function-name", "chekout"]],
    ["release-latch", ["--function-name", "chekout"]],
    ["latch", ["--function-name", "checkout", "--alias", "lvie"]],
  ])("exit 4 for %s with %j, which does not exist", async (action, words) => {
    const harness = guarded();
    const ran = await order(harness, action, ...words, ...WHY);
    expect(ran.exitCode).toBe(4);
    expect(ran.stderr).toMatch(/Did you mean checkout\?|Its aliases: live/);
    expect(harness.ports.ledger.environment.history).toEqual([]);
  });

  it("warn of a function that has no policy, and hold all the same", async () => {
    const harness = guarded();
    harness.ports.functions.given("stray", ["1"], "live", "1");
    const ran = await order(harness, "latch", "--function-name", "stray", ...WHY);
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).toContain("warning: stray has no policy in environment dev");
    const known = await order(harness, "latch", "--function-name", "checkout", ...WHY);
    expect(known.stderr).not.toContain("warning");
  });

  it("are given while Lambda does not answer, with a warning", async () => {
    const harness = guarded();
    harness.discovery.describeFunction = () =>
      Promise.reject(new GoaroundError("throttled", "dependency", "slow down"));
    const ran = await order(harness, "disarm", "--function-name", "checkout", "--for", "1h", ...WHY);
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).toContain("warning: whether checkout exists could not be seen: slow down");
    expect(harness.ports.ledger.environment.disarmed.checkout).toBeDefined();
  });

  it("end what they have ordered for a function that has gone", async () => {
    const harness = guarded();
    await order(harness, "latch", "--function-name", "checkout", ...WHY);
    harness.ports.functions.functions.delete("checkout");
    expect((await order(harness, "release-latch", "--function-name", "checkout", ...WHY)).exitCode).toBe(0);
    expect(harness.ports.ledger.environment.latches).toEqual({});
  });

  it("end break-glass, each time that it was ordered", async () => {
    const harness = guarded();
    const glass = (...words: string[]) => order(harness, "break-glass", "--for", "1h", ...words, ...WHY);
    await glass("--function-name", "checkout");
    await glass("--function-name", "checkout", "--rules", "frozen");
    await glass("--function-name", "payments");
    const ran = await order(harness, "end-break-glass", "--function-name", "checkout", ...WHY);
    expect(ran.exitCode).toBe(0);
    expect(harness.ports.ledger.environment.breakGlass).toMatchObject([{ functionName: "payments" }]);
    const again = await order(harness, "end-break-glass", "--function-name", "checkout", ...WHY);
    expect(again.stderr).toContain("nothing to do");
    await glass("--all");
    const other = await order(harness, "end-break-glass", "--function-name", "payments", ...WHY);
    expect(other.exitCode).toBe(6);
    expect(other.stderr).toContain("releases of payments are let through by an order for all functions");
    expect(harness.ports.ledger.environment.breakGlass).toHaveLength(2);
    expect((await order(harness, "end-break-glass", "--all", ...WHY)).exitCode).toBe(0);
    expect(harness.ports.ledger.environment.breakGlass).toEqual([]);
  });

  it("end that a step is let through, and no other step's", async () => {
    const harness = guarded();
    const step = (action: string, name: string) =>
      order(harness, action, "--function-name", "checkout", "--step", name, ...WHY);
    await step("allow-step", "drop-total");
    await step("allow-step", "drop-index");
    expect((await step("end-allow-step", "drop-total")).exitCode).toBe(0);
    expect(harness.ports.ledger.environment.allowedSteps).toMatchObject([{ step: "drop-index" }]);
    expect((await step("end-allow-step", "drop-total")).stderr).toContain("nothing to do");
  });

  it("say that a function's freeze holds the flags of its releases only", async () => {
    const harness = guarded();
    const ran = await order(harness, "freeze", "--id", "x", "--function-name", "checkout", "--for", "1h", ...WHY);
    expect(ran.stderr).toContain("no releases of code of checkout, and of the flags that its releases enable, from");
  });

  it("change nothing with --dry-run, nor unconfirmed on a terminal", async () => {
    const harness = new Harness();
    const dry = await order(harness, "disarm", "--all", "--for", "1h", "--dry-run", "--json", ...WHY);
    expect(dry.json()).toMatchObject({ ok: true, code: "planned" });
    harness.isTerminal = true;
    harness.answer = "n";
    expect((await order(harness, "disarm", "--all", "--for", "1h", ...WHY)).exitCode).toBe(3);
    expect(harness.questions[0]).toContain("Nothing is refused or rolled back automatically for all functions");
    expect(harness.ports.ledger.environment.disarmed).toEqual({});
  });
});

describe("the guard's status", () => {
  it("says that nothing stands in the way", async () => {
    const ran = await order(new Harness(), "status");
    expect(ran).toMatchObject({ exitCode: 0, stdout: "" });
    expect(ran.stderr).toContain("armed, nothing frozen, nothing latched");
  });

  it("shows orders, latches and killed flags, with who and why", async () => {
    const harness = guarded();
    await order(harness, "freeze", "--id", "now", ...WHY);
    await order(harness, "freeze", "--id", "later", "--from", "2027-01-01", ...WHY);
    await order(harness, "disarm", "--all", "--for", "1h", ...WHY);
    await order(harness, "latch", "--function-name", "checkout", ...WHY);
    await order(harness, "break-glass", "--all", "--for", "1h", ...WHY);
    const { stdout, stderr } = await order(harness, "status");
    expect(stdout).toContain(`disarmed   * until 2026-03-02T13:00:00.000Z by ${BY}: incident 7`);
    expect(stdout).toContain(`latched    checkout:live since 2026-03-02T12:00:00.000Z by ${BY}: incident 7`);
    expect(stdout).toMatch(/freeze +now \(all, all functions\) .* UTC, holds now/);
    expect(stdout).toMatch(/freeze +later .* does not hold now/);
    expect(stdout).toContain("break-glass all functions (every rule) until 2026-03-02T13:00:00.000Z");
    expect(stdout).toContain("2026-03-02T12:00:00.000Z latch checkout:live: incident 7");
    expect(stderr).toContain("disarmed in 1 place(s), 1 freeze(s) hold, 1 latched");
  });

  it("shows what an alias has gone through", async () => {
    const harness = new Harness();
    harness.known("checkout", "3");
    harness.bad("checkout", "4");
    const { stdout } = await order(harness, "status", "--function-name", "checkout");
    expect(stdout).toContain("known good version 3 since 2026-03-01T00:00:00.000Z");
    expect(stdout).toContain("known bad  version 4 since 2026-03-01T00:00:00.000Z: error-rate");
  });

  it("shows which flag configuration each version was good with", async () => {
    const harness = new Harness();
    harness.known("checkout", "3");
    const record = harness.ports.ledger.aliases.get("checkout:live")!;
    const good = record.lastKnownGood!;
    const flags = [
      {
        ...{ applicationId: "flags", environmentId: "dev", profileId: "router", version: 5, deploymentNumber: 8 },
        ...{ definitionsSha256: "0123456789abcdef", valuesSha256: "fedcba9876543210" },
        ...{ at: good.at, deploymentId: good.deploymentId },
      },
    ];
    harness.ports.ledger.aliases.set("checkout:live", {
      ...record,
      lastKnownGood: { ...good, flags },
      rollbackPoints: [{ ...good, version: "2" }],
    });
    const { stdout } = await order(harness, "status", "--function-name", "checkout");
    expect(stdout).toContain(
      "known good version 3 since 2026-03-01T00:00:00.000Z, flags router version 5 (definitions 01234567, values fedcba98)",
    );
    expect(stdout).toContain("go back to version 2, replaced at 2026-03-01T00:00:00.000Z\n");
  });

  it("goes on when the orders have run out", async () => {
    const harness = new Harness();
    await order(harness, "disarm", "--all", "--for", "1h", ...WHY);
    harness.ports.clock.advance(3_600_000);
    expect((await order(harness, "status")).stderr).toContain("armed, nothing frozen");
  });
});
