import { describe, expect, it } from "vitest";
import { command as deployCommand } from "../../scripts/deploy.ts";
import { command as flagsCommand } from "../../scripts/flags.ts";
import { command as rollbackCommand } from "../../scripts/rollback.ts";
import { Harness } from "./harness.ts";

const PLACE = ["--application-id", "flags", "--environment-id", "dev", "--profile-id", "router"];
const kill = (harness: Harness, flags: string[], ...more: string[]) =>
  harness.run(rollbackCommand, "--action", "rollback-flags", ...PLACE, "--flags", ...flags, ...more);
const update = (harness: Harness, flag: string, enabled: string) =>
  harness.run(deployCommand, "--action", "update-flag", ...PLACE, "--flag-name", flag, "--enabled", enabled);
const flags = (harness: Harness, ...words: string[]) => harness.run(flagsCommand, ...words);

function withFlags(values: Record<string, boolean> = { new_api: true, flux: true }): Harness {
  const harness = new Harness();
  harness.ports.flags.given(values);
  return harness;
}
const held = async (harness: Harness) =>
  Object.values((await harness.ports.ledger.getEnvironment()).killedFlags).map(({ flag, by, reason }) => ({
    flag,
    by,
    reason,
  }));
const BY = "arn:aws:iam::111122223333:user/operator";

describe("a killed flag", () => {
  it("is written down with who and why, and an earlier entry stays", async () => {
    const harness = withFlags();
    await kill(harness, ["new_api"], "--reason", "customers complain");
    await kill(harness, ["new_api", "flux"], "--reason", "again");
    expect(await held(harness)).toEqual([
      { flag: "new_api", by: BY, reason: "customers complain" },
      { flag: "flux", by: BY, reason: "again" },
    ]);
  });

  it("is written down when it was off already, and not by a dry run", async () => {
    const harness = withFlags({ new_api: false });
    await kill(harness, ["new_api"], "--dry-run");
    expect(await held(harness)).toEqual([]);
    await kill(harness, ["new_api"]);
    expect(await held(harness)).toHaveLength(1);
  });

  it("is off although the ledger does not answer, with a warning", async () => {
    const harness = withFlags();
    harness.ports.ledger.calls.hang("changeEnvironment");
    const ran = await kill(harness, ["new_api"]);
    expect(ran.exitCode).toBe(0);
    expect(harness.ports.flags.values().new_api).toBe(false);
    expect(ran.stderr).toContain("a later deploy may switch them on");
  });

  it("is not switched on before it is released, and then it is", async () => {
    const harness = withFlags();
    await kill(harness, ["new_api"]);
    const refused = await update(harness, "new_api", "true");
    expect(refused.exitCode).toBe(3);
    expect(refused.stderr).toContain("goaround flags release new_api");
    const released = await flags(harness, "release", "new_api", "--reason", "fixed", "--json");
    expect(released.json()).toMatchObject({ ok: true, released: [{ flag: "new_api" }] });
    expect(harness.ports.flags.values().new_api).toBe(false);
    expect((await update(harness, "new_api", "true")).exitCode).toBe(0);
    expect(harness.ports.flags.values().new_api).toBe(true);
  });

  it("is released in words that say so, and with the names that its profile was given by", async () => {
    const harness = withFlags();
    await kill(harness, ["new_api"], "--reason", "customers complain");
    const ran = await flags(harness, "release", "new_api", "--reason", "fixed", ...PLACE);
    expect(ran.stderr).toContain(`by ${BY}: customers complain`);
    expect(ran.stderr).not.toContain("until it is released");
    expect(ran.stderr).toContain("--application-id flags --environment-id dev --profile-id router --flag-name new_api");
  });

  it("does not keep others from being switched on, nor does a ledger that is down", async () => {
    const harness = withFlags({ new_api: true, flux: false, old: false });
    await kill(harness, ["new_api"]);
    expect((await update(harness, "flux", "true")).exitCode).toBe(0);
    harness.ports.ledger.calls.fail("getEnvironment");
    expect((await update(harness, "old", "true")).exitCode).toBe(0);
  });
});

describe("goaround flags", () => {
  it("lists the flags of a profile and which of them are killed", async () => {
    const harness = withFlags();
    await kill(harness, ["new_api"], "--reason", "slow");
    const ran = await flags(harness, "list", ...PLACE);
    expect(ran.stdout).toMatch(/flux {2}on\nnew_api {2}off {2}killed on .* by .*: slow/);
  });

  it("releases nothing without a reason, and says what is killed where a name is wrong", async () => {
    const harness = withFlags();
    await kill(harness, ["new_api"]);
    expect((await flags(harness, "release", "new_api")).exitCode).toBe(2);
    const mistyped = await flags(harness, "release", "new_apy", "--reason", "x");
    expect(mistyped.exitCode).toBe(4);
    expect(mistyped.stderr).toContain("Did you mean new_api?");
    expect((await flags(harness, "release", "other_thing", "--reason", "x")).exitCode).toBe(0);
    expect(await held(harness)).toHaveLength(1);
  });
});
