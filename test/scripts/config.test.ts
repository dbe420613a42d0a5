import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { command as configCommand } from "../../scripts/config.ts";
import { Harness } from "./harness.ts";

const folder = mkdtempSync(join(tmpdir(), "goaround-config-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
const newFile = () => join(folder, `${files++}.json`);

const FLAGS = { applicationId: "flags", environmentId: "dev", profileId: "router", flags: ["new_api"] };
const run = (harness: Harness, ...words: string[]) => harness.run(configCommand, ...words);
const minutes = (harness: Harness, functionName: string) =>
  (JSON.parse(harness.ports.policies.documents.get(`${functionName}:live`)!) as { guardMinutes: number }).guardMinutes;

function environment(guardMinutes: number, flags: Record<string, boolean>): Harness {
  const harness = new Harness();
  harness.guarded("checkout", "2", { guardMinutes, flags: [FLAGS] });
  harness.guarded("carts", "2", { guardMinutes });
  harness.ports.flags.given(flags);
  return harness;
}

/** A backup of 60 minutes and `new_api` on, and the environment changed since. */
async function changedSince(): Promise<{ harness: Harness; file: string }> {
  const harness = environment(60, { new_api: true, flux: false });
  const file = newFile();
  expect((await run(harness, "backup", file)).exitCode).toBe(0);
  harness.guarded("checkout", "2", { guardMinutes: 30, flags: [FLAGS] });
  harness.guarded("carts", "2", { guardMinutes: 30 });
  harness.ports.flags.given({ new_api: false, flux: false });
  return { harness, file };
}

describe("goaround config", () => {
  it("backs up every policy and the flags that they name, and replaces no file unasked", async () => {
    const harness = environment(60, { new_api: true });
    const file = newFile();
    const ran = await run(harness, "backup", file, "--json");
    expect(ran.json()).toMatchObject({ ok: true, policies: 2, flags: 1 });
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({
      ...{ kind: "goaround-configuration", schemaVersion: 1, environment: "dev", accountId: "111122223333" },
      policies: [
        { functionName: "checkout", alias: "live", policy: { guardMinutes: 60 } },
        { functionName: "carts", alias: "live", policy: { guardMinutes: 60 } },
      ],
      flags: [{ applicationId: "flags", profileId: "router", content: { values: { new_api: { enabled: true } } } }],
    });
    expect((await run(harness, "backup", file)).exitCode).toBe(3);
    expect((await run(harness, "backup", file, "--force")).exitCode).toBe(0);
    expect((await run(new Harness(), "backup", newFile())).exitCode).toBe(4);
  });

  it("restores what differs, after a yes, and records it", async () => {
    const { harness, file } = await changedSince();
    const asked = await run(harness, "restore", file);
    expect(asked.exitCode).toBe(3);
    expect(asked.stdout).toContain("policy checkout:live:\n  guardMinutes: 30 → 60");
    expect(asked.stdout).toContain("flags flags/dev/router:\n  values.new_api.enabled: false → true");
    expect(minutes(harness, "checkout")).toBe(30);
    expect((await run(harness, "restore", file, "--dry-run")).exitCode).toBe(0);
    expect(minutes(harness, "checkout")).toBe(30);

    const ran = await run(harness, "restore", file, "--yes", "--reason", "wrong deploy", "--json");
    expect(ran.json()).toMatchObject({ ok: true, failed: [], left: [], recorded: true });
    expect([minutes(harness, "checkout"), minutes(harness, "carts")]).toEqual([60, 60]);
    expect(harness.ports.flags.values()).toEqual({ new_api: true, flux: false });
    expect((await harness.ports.ledger.getEnvironment()).history).toMatchObject([
      {
        action: "config-restore",
        subject: "policy checkout:live, policy carts:live, flags flags/dev/router",
        reason: "wrong deploy",
      },
    ]);
    expect((await run(harness, "restore", file)).stderr).toContain("nothing to do");
  });

  it("keeps killed flags off, and restores no flags while nobody can tell which were killed", async () => {
    const { harness, file } = await changedSince();
    harness.ports.ledger.givenKilled(harness.ports.flags.target, "new_api");
    harness.ports.ledger.calls.fail("getEnvironment", undefined, 1);
    const blind = await run(harness, "restore", file, "--yes");
    expect(blind.exitCode).toBe(5);
    expect(blind.stdout).toContain("flags flags/dev/router: cannot be restored: the ledger does not answer");
    harness.ports.flags.given({ new_api: false, flux: true });
    const ran = await run(harness, "restore", file, "--yes");
    expect(ran.exitCode).toBe(0);
    expect(ran.stdout).toContain("killed, and stays off: new_api");
    expect(harness.ports.flags.values()).toEqual({ new_api: false, flux: false });
  });

  it("goes on past what fails, names it, and writes only that the next time", async () => {
    const { harness, file } = await changedSince();
    harness.policyHistory.calls.fail("write", new Error("Rate exceeded"), 1);
    const ran = await run(harness, "restore", file, "--yes", "--json");
    expect(ran.exitCode).toBe(5);
    expect(ran.json()).toMatchObject({
      code: "partly-done",
      written: ["policy carts:live", "flags flags/dev/router"],
      failed: [{ name: "policy checkout:live", why: "Rate exceeded" }],
    });
    const again = await run(harness, "restore", file, "--yes", "--json");
    expect(again.json()).toMatchObject({ ok: true, written: ["policy checkout:live"] });
  });

  it("leaves a function that is not guarded here, and what is no policy by today's rules", async () => {
    const { harness, file } = await changedSince();
    const backup = JSON.parse(readFileSync(file, "utf8")) as { policies: { policy: object; functionName: string }[] };
    backup.policies[0]!.policy = { ...backup.policies[0]!.policy, frobnicate: true };
    backup.policies.push({ ...backup.policies[1]!, functionName: "nobody" });
    writeFileSync(file, JSON.stringify(backup));
    const ran = await run(harness, "restore", file, "--yes", "--json");
    expect(ran.json()).toMatchObject({
      exitCode: 5,
      written: ["policy carts:live", "flags flags/dev/router"],
      left: [
        { name: "policy checkout:live", why: expect.stringContaining("frobnicate") },
        { name: "policy nobody:live", why: expect.stringContaining("deploy its stack first") },
      ],
    });
    expect(harness.ports.policies.documents.has("nobody:live")).toBe(false);
  });

  it("takes only a whole backup of this environment and, unless forced, of this account", async () => {
    const { harness, file } = await changedSince();
    expect((await run(harness, "restore", file, "--environment", "prod")).stderr).toContain(
      "environment dev, not of prod",
    );
    const backup = JSON.parse(readFileSync(file, "utf8")) as object;
    for (const elsewhere of [{ accountId: "999900001111" }, { region: "us-east-1" }]) {
      writeFileSync(file, JSON.stringify({ ...backup, ...elsewhere }));
      expect((await run(harness, "restore", file, "--yes")).exitCode).toBe(7);
    }
    expect((await run(harness, "restore", file, "--yes", "--force")).exitCode).toBe(0);
    writeFileSync(file, JSON.stringify({ ...backup, schemaVersion: 2, flags: undefined }));
    const wrong = await run(harness, "restore", file, "--yes");
    expect(wrong.exitCode).toBe(2);
    expect(wrong.stderr).toMatch(/schemaVersion.*flags/s);
    expect((await run(harness, "restore", join(folder, "absent.json"))).exitCode).toBe(2);
  });
});
