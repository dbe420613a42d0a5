import { describe, expect, it } from "vitest";
import { flagHashes } from "../../lib/adapters/flag-hashes.ts";
import { command as rollbackCommand } from "../../scripts/rollback.ts";
import { flagDocument } from "../fakes/flags.ts";
import { Harness } from "./harness.ts";

const PLACE = ["--application-id", "flags", "--environment-id", "dev", "--profile-id", "router"];
const back = (harness: Harness, ...more: string[]) =>
  harness.run(rollbackCommand, "--action", "rollback-configuration", ...PLACE, ...more);

/** Three versions, deployed one after the other; the last has `flux` on and `new_api` off. */
async function deployedThrice(): Promise<Harness> {
  const harness = new Harness();
  const { flags, clock } = harness.ports;
  for (const values of [
    { new_api: false, flux: false },
    { new_api: true, flux: false },
    { new_api: false, flux: true },
  ]) {
    const version = await flags.createVersion(flags.target, flagDocument(values), "one");
    await flags.deploy(flags.target, version, "goaround-dev-kill", "one");
    await clock.sleep(2000);
  }
  return harness;
}

describe("a configuration rolled back", () => {
  it("goes back to what was deployed before by AppConfig's revert, within 72 hours", async () => {
    const harness = await deployedThrice();
    const ran = await back(harness);
    expect(ran.exitCode).toBe(0);
    expect(harness.flagHistory.calls.of("revert")).toEqual([3]);
    expect(harness.ports.flags.values()).toEqual({ new_api: true, flux: false });
  });

  it("is deployed again when the last deployment is older, or another version is wanted", async () => {
    const harness = await deployedThrice();
    await harness.ports.clock.sleep(72 * 3_600_000);
    const ran = await back(harness);
    expect(ran.exitCode).toBe(0);
    expect(harness.flagHistory.calls.of("revert")).toEqual([]);
    expect(harness.ports.flags.values()).toEqual({ new_api: true, flux: false });
    const first = await deployedThrice();
    expect((await back(first, "--to-version", "1")).exitCode).toBe(0);
    expect(first.ports.flags.values()).toEqual({ new_api: false, flux: false });
  });

  it("keeps a flag off that was killed while the question stood there", async () => {
    const harness = await deployedThrice();
    const { flags, ledger } = harness.ports;
    harness.isTerminal = true;
    harness.onQuestion = async () => ledger.givenKilled(flags.target, "new_api");
    expect((await back(harness)).exitCode).toBe(0);
    expect(flags.values()).toEqual({ new_api: false, flux: false });
  });

  it("keeps killed flags off, and says so", async () => {
    const harness = await deployedThrice();
    harness.ports.ledger.givenKilled(harness.ports.flags.target, "new_api");
    const ran = await back(harness);
    expect(ran.stderr + ran.stdout).toContain("still off: new_api");
    expect(harness.flagHistory.calls.of("revert")).toEqual([]);
    expect(harness.ports.flags.values()).toEqual({ new_api: false, flux: false });
  });

  describe("to a version that the ledger knows", () => {
    /** Version 2 is what release d-GOOD of checkout ended well with; its values were `values` then. */
    async function recordedWith(values: Record<string, boolean>, profileId = "router"): Promise<Harness> {
      const harness = await deployedThrice();
      harness.guarded("checkout", "3");
      harness.known("checkout", "3", "d-GOOD");
      const record = harness.ports.ledger.aliases.get("checkout:live")!;
      const flags = [
        {
          ...{ applicationId: "flags", environmentId: "dev", profileId, version: 2, deploymentNumber: 2 },
          ...{ ...flagHashes(flagDocument(values)), at: "2026-03-01T00:00:00.000Z", deploymentId: "d-GOOD" },
        },
      ];
      record.lastKnownGood = { ...record.lastKnownGood!, flags };
      return harness;
    }
    const intact = { new_api: true, flux: false };
    const tampered = { new_api: true, flux: true };

    it("compares its content with the recorded one, and says so", async () => {
      const harness = await recordedWith(intact);
      const ran = await back(harness, "--json");
      expect(ran.json()).toMatchObject({ ok: true, compared: "as-recorded" });
      expect(ran.stderr).toContain("its content is what release d-GOOD ended well with");
      expect(harness.ports.flags.values()).toEqual(intact);
    });

    it("refuses one that holds something else, by whichever name its profile goes", async () => {
      for (const profileId of ["router", "prf1"]) {
        const harness = await recordedWith(tampered, profileId);
        for (const more of [[], ["--dry-run"]]) {
          const ran = await back(harness, ...more);
          expect(ran.exitCode).toBe(3);
          expect(ran.stderr).toContain("version 2 of profile");
          expect(ran.stderr).toContain("its values differ");
          expect(ran.stderr).toContain("aws appconfig get-hosted-configuration-version");
        }
        expect(harness.ports.flags.values()).toEqual({ new_api: false, flux: true });
      }
    });

    it("takes it all the same with --force, and says what it is", async () => {
      const harness = await recordedWith(tampered);
      const ran = await back(harness, "--force", "--json");
      expect(ran.exitCode).toBe(0);
      expect(ran.json()).toMatchObject({ compared: "forced" });
      expect(ran.stderr).toContain("its values differ");
      expect(harness.ports.flags.values()).toEqual(intact);
    });

    it("compares nothing where no release ended with it, its profile is another, or the ledger is silent", async () => {
      const older = await recordedWith(tampered);
      expect((await back(older, "--to-version", "1", "--json")).json()).toMatchObject({ compared: "not-recorded" });
      const other = await recordedWith(tampered, "another");
      expect((await back(other, "--json")).json()).toMatchObject({ compared: "not-recorded" });
      const silent = await recordedWith(tampered);
      silent.ports.ledger.calls.fail("getAlias");
      const ran = await back(silent, "--json");
      expect(ran.json()).toMatchObject({ ok: true, compared: "unknown" });
    });
  });

  it("is not called done where what is deployed then is something else", async () => {
    const harness = await deployedThrice();
    const { revert } = harness.flagHistory;
    harness.flagHistory.revert = async (...args) => {
      await revert.apply(harness.flagHistory, args);
      harness.ports.flags.given({ new_api: false, flux: false });
    };
    const ran = await back(harness, "--json");
    expect(ran.exitCode).toBe(1);
    expect(ran.json()).toMatchObject({ ok: false, to: 2, version: 4 });
  });

  it("changes nothing on a dry run, while another flag deployment runs, or when it is there already", async () => {
    const harness = await deployedThrice();
    expect((await back(harness, "--dry-run")).stderr).toContain("would go back to version 2");
    expect((await back(harness, "--to-version", "3")).exitCode).toBe(0);
    const { flags } = harness.ports;
    await flags.deploy(flags.target, 1, "slow", "theirs");
    expect((await back(harness)).exitCode).toBe(6);
    expect(harness.flagHistory.calls.of("revert")).toEqual([]);
  });
});
