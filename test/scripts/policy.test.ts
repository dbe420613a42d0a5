import { describe, expect, it } from "vitest";
import { command as policyCommand } from "../../scripts/policy.ts";
import { Harness } from "./harness.ts";

const BY = "arn:aws:iam::111122223333:user/operator";
const run = (harness: Harness, ...words: string[]) => harness.run(policyCommand, ...words);
const document = (harness: Harness) => JSON.parse(harness.ports.policies.documents.get("checkout:live")!) as object;

/** `checkout` with two versions of its policy: guard time of 60 minutes, then 30. */
async function twoVersions(): Promise<Harness> {
  const harness = new Harness();
  harness.guarded("checkout", "2", { guardMinutes: 60 });
  await harness.policyHistory.versions("dev", "checkout", "live");
  harness.guarded("checkout", "2", { guardMinutes: 30 });
  await harness.policyHistory.versions("dev", "checkout", "live");
  return harness;
}
const writes = (harness: Harness) => harness.policyHistory.calls.of("write");

describe("goaround policy", () => {
  it("puts the version before back, says what changes, and records who did it and why", async () => {
    const harness = await twoVersions();
    const ran = await run(harness, "rollback", "checkout", "--reason", "alarms too late");
    expect(ran.exitCode).toBe(0);
    expect(ran.stdout).toContain("guardMinutes: 30 → 60");
    expect(ran.stderr).toContain("the next release begins with it");
    expect(ran.stderr).toContain("Change it in the code too");
    expect(document(harness)).toMatchObject({ guardMinutes: 60 });
    expect((await harness.ports.ledger.getEnvironment()).history).toMatchObject([
      { action: "policy-rollback", subject: "checkout:live 2 → 1", by: BY, reason: "alarms too late" },
    ]);
  });

  it("does nothing the second time, and goes where it is told with --to", async () => {
    const harness = await twoVersions();
    await run(harness, "rollback", "checkout");
    const again = await run(harness, "rollback", "checkout");
    expect(again.exitCode).toBe(0);
    expect(again.stderr).toContain("nothing to do: version 3 is version 1 again");
    const forward = await run(harness, "rollback", "checkout", "--to", "2", "--json");
    expect(forward.json()).toMatchObject({ ok: true, from: 3, to: 2, version: 4, recorded: true });
    expect(document(harness)).toMatchObject({ guardMinutes: 30 });
  });

  it("writes nothing on a dry run, without a yes, or for a version that is no policy today", async () => {
    const harness = await twoVersions();
    expect((await run(harness, "rollback", "checkout", "--dry-run")).stderr).toContain("would write version 1 again");
    harness.isTerminal = true;
    harness.answer = "n";
    expect((await run(harness, "rollback", "checkout")).exitCode).toBe(3);
    harness.isTerminal = false;
    harness.policyHistory.written("checkout", "live", '{"schemaVersion":1}');
    harness.policyHistory.written("checkout", "live", "{}");
    const refused = await run(harness, "rollback", "checkout", "--to", "3");
    expect(refused.exitCode).toBe(3);
    expect(refused.stderr).toContain("version 3 is no policy any more");
    expect(writes(harness)).toEqual([]);
  });

  it("refuses a policy without stages while the group moves all traffic at once, unless forced", async () => {
    const harness = new Harness();
    harness.guarded("checkout", "2");
    await harness.policyHistory.versions("dev", "checkout", "live");
    const stages = [
      { percent: 10, minutes: 5 },
      { percent: 100, minutes: 0 },
    ];
    harness.guarded("checkout", "2", { staged: { stages } });
    harness.ports.deployments.groups.get("goaround-dev/checkout-deployment-group")!.configuration =
      "CodeDeployDefault.LambdaAllAtOnce";
    const refused = await run(harness, "rollback", "checkout");
    expect(refused.exitCode).toBe(3);
    expect(refused.stderr).toContain("would have no canary");
    expect(writes(harness)).toEqual([]);
    expect((await run(harness, "rollback", "checkout", "--force")).exitCode).toBe(0);
  });

  it("tells what somebody else wrote at the same time, before and after", async () => {
    const harness = await twoVersions();
    const { policyHistory } = harness;
    const write = policyHistory.write.bind(policyHistory);
    const theirs = JSON.stringify({ ...document(harness), guardMinutes: 45 });
    policyHistory.write = async (change) => {
      policyHistory.written("checkout", "live", theirs);
      return write(change);
    };
    const replaced = await run(harness, "rollback", "checkout");
    expect(replaced.exitCode).toBe(0);
    expect(replaced.stderr).toContain("somebody else wrote version 3 meanwhile");
    policyHistory.write = async (change) => {
      const version = await write(change);
      policyHistory.written("checkout", "live", theirs);
      return version;
    };
    const lost = await run(harness, "rollback", "checkout", "--to", "2");
    expect(lost.exitCode).toBe(6);
    expect(lost.stderr).toContain("user/somebody made version 6");
  });

  it("stands although the ledger does not answer, with a warning", async () => {
    const harness = await twoVersions();
    harness.ports.ledger.calls.fail("changeEnvironment");
    const ran = await run(harness, "rollback", "checkout", "--json");
    expect(ran.json()).toMatchObject({
      ok: true,
      recorded: false,
      warnings: [expect.stringContaining("not recorded")],
    });
    expect(document(harness)).toMatchObject({ guardMinutes: 60 });
  });

  it("lists versions, newest first, with who wrote them and what they changed", async () => {
    const harness = await twoVersions();
    await run(harness, "rollback", "checkout", "--reason", "too short");
    const ran = await run(harness, "history", "checkout");
    const lines = ran.stdout.trim().split("\n");
    expect(lines[0]).toMatch(/^version 3 \(in force\) {2}.*user\/operator {2}goaround: back to version 1: too short$/);
    expect(lines[1]).toBe("  guardMinutes: 30 → 60");
    expect(lines[2]).toMatch(/^version 2 {2}/);
    expect((await run(harness, "history", "checkout", "--json")).json()).toMatchObject({
      versions: [
        { version: 3, inForce: true },
        { version: 2, inForce: false },
        { version: 1, changes: [] },
      ],
    });
  });

  it("shows the policy in force with its defaults, or the version named", async () => {
    const harness = await twoVersions();
    expect(JSON.parse((await run(harness, "show", "checkout")).stdout)).toMatchObject({
      guardMinutes: 30,
      bakeMinutes: 10,
    });
    const first = await run(harness, "show", "checkout", "--at", "1", "--json");
    expect(first.json()).toMatchObject({ version: 1, policy: { guardMinutes: 60 }, problems: [] });
    expect((await run(harness, "show", "checkout", "--at", "7")).exitCode).toBe(4);
    harness.policyHistory.written("checkout", "live", "oops");
    const wrong = await run(harness, "show", "checkout");
    expect(wrong.exitCode).toBe(1);
    expect(wrong.stdout).toBe("oops\n");
  });

  it("names the guarded function that was probably meant, and options that do not belong to an action", async () => {
    const harness = new Harness();
    harness.guarded("platform-dev-checkout", "2");
    const unknown = await run(harness, "rollback", "checkout");
    expect(unknown.exitCode).toBe(4);
    expect(unknown.stderr).toContain("Did you mean platform-dev-checkout:live?");
    expect((await run(harness, "history", "checkout", "--to", "3")).exitCode).toBe(2);
  });
});
