import { describe, expect, it } from "vitest";
import { policySchema } from "../../lib/contract/policy.ts";
import type { LedgerPort } from "../../lib/core/ports.ts";
import { EMPTY_ENVIRONMENT, type KilledFlag, rememberKilled } from "../../lib/core/release/environment-record.ts";
import { begin, closed, type RollbackRecord, stepStarted } from "../../lib/core/release/journal.ts";
import { CLAIM_LEASE_MS } from "../../lib/core/release/lease.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";

const record = (deploymentId: string): ReleaseRecord => ({
  deploymentId,
  functionName: "checkout",
  alias: "live",
  application: "goaround-dev",
  group: "checkout-deployment-group",
  creator: "CloudFormation",
  baselineVersion: "1",
  canaryVersion: "2",
  canaryCodeSha256: "code",
  canaryConfigurationHash: "configuration",
  policy: policySchema.parse({
    schemaVersion: 1,
    functionName: "checkout",
    alias: "live",
    deploymentGroup: "checkout-deployment-group",
    smokeTests: [{ name: "health", payload: { deep: [1, null, { "": "" }] } }],
  }),
  flags: [{ applicationId: "a", environmentId: "e", profileId: "p", flags: ["new_api"] }],
  rollbackThresholdPercent: undefined,
  temporaryAlarms: [],
  openedAt: "2026-03-02T12:00:00.000Z",
  shiftStartedAt: undefined,
  closedAt: undefined,
  outcome: "open",
  verdict: undefined,
  reason: undefined,
  actor: undefined,
});

const at = new Date("2026-03-02T12:00:00.000Z");
const rollback = (version = "1", owner = "a"): RollbackRecord =>
  begin(
    {
      functionName: "checkout",
      alias: "live",
      version,
      deploymentId: undefined,
      reason: "error-rate",
      owner,
      actor: `role/${owner}`,
      automatic: true,
      steps: ["check-target", "move-alias", "verify"],
    },
    undefined,
    at,
  );
const killed = (flag: string): KilledFlag => ({
  applicationId: "a",
  environmentId: "e",
  profileId: "p",
  flag,
  at: at.toISOString(),
  by: "role/a",
  reason: "errors",
  version: 3,
});

/** The scene: an empty ledger. */
export interface LedgerScene {
  port: LedgerPort;
  /** Lets the port's time pass, milliseconds. */
  advance(ms: number): Promise<void>;
}

export function describeLedgerPort(name: string, makeScene: () => Promise<LedgerScene>): void {
  const makePort = async () => (await makeScene()).port;
  describe(`ledger port: ${name}`, () => {
    it("reads back the record that opened a release", async () => {
      const port = await makePort();
      expect(await port.openRelease(record("d-1"))).toBe(true);
      expect(await port.getRelease("d-1")).toEqual(record("d-1"));
    });

    it("keeps the first record when a release is opened again", async () => {
      const port = await makePort();
      await port.openRelease(record("d-1"));
      expect(await port.openRelease({ ...record("d-1"), canaryVersion: "9" })).toBe(false);
      expect((await port.getRelease("d-1"))?.canaryVersion).toBe("2");
    });

    it("knows nothing of a release that was never opened", async () => {
      const port = await makePort();
      expect(await port.getRelease("d-none")).toBeUndefined();
      expect(await port.getAlias("checkout", "live")).toBeUndefined();
    });

    it("sets the named fields of a record and leaves the others", async () => {
      const port = await makePort();
      await port.openRelease(record("d-1"));
      const verdict = { kind: "rollback" as const, reasons: [], findings: [] };
      await port.updateRelease("d-1", { outcome: "rolled-back", verdict, reason: "error-rate" });
      expect(await port.getRelease("d-1")).toEqual({
        ...record("d-1"),
        outcome: "rolled-back",
        verdict,
        reason: "error-rate",
      });
    });

    it("makes a record by an update when there is none", async () => {
      const port = await makePort();
      await port.updateRelease("d-2", { rollbackThresholdPercent: 5 });
      expect(await port.getRelease("d-2")).toMatchObject({ deploymentId: "d-2", rollbackThresholdPercent: 5 });
    });

    it("opens a release of which only a threshold was written before, and keeps the threshold", async () => {
      const port = await makePort();
      await port.updateRelease("d-1", { rollbackThresholdPercent: 5, temporaryAlarms: ["alarm"] });
      expect(await port.openRelease(record("d-1"))).toBe(true);
      const threshold = { rollbackThresholdPercent: 5, temporaryAlarms: ["alarm"] };
      expect(await port.getRelease("d-1")).toEqual({ ...record("d-1"), ...threshold });
    });

    it("gives a claim to its first owner only", async () => {
      const port = await makePort();
      const answers = await Promise.all(["a", "b", "c", "d"].map((owner) => port.claim("d-1", "notify", owner)));
      expect(answers.filter(Boolean)).toHaveLength(1);
    });

    it("gives a claim that is complete to nobody, its owner neither", async () => {
      const port = await makePort();
      expect(await port.claim("d-1", "notify", "a")).toBe(true);
      await port.complete("d-1", "notify");
      expect(await port.claim("d-1", "notify", "a")).toBe(false);
      expect(await port.claim("d-1", "notify", "b")).toBe(false);
      expect(await port.claim("d-1", "notify-flags-off", "b")).toBe(true);
    });

    it("knows whether anybody has had a claim", async () => {
      const port = await makePort();
      expect(await port.wasClaimed("d-1", "guard")).toBe(false);
      await port.claim("d-1", "guard", "a");
      expect(await port.wasClaimed("d-1", "guard")).toBe(true);
      expect(await port.wasClaimed("d-1", "stop")).toBe(false);
      await port.complete("d-1", "guard");
      expect(await port.wasClaimed("d-1", "guard")).toBe(true);
    });

    it("gives the owner of a claim its own claim again", async () => {
      const port = await makePort();
      expect(await port.claim("d-1", "stop", "invocation-1")).toBe(true);
      expect(await port.claim("d-1", "stop", "invocation-1")).toBe(true);
      expect(await port.claim("d-1", "stop", "invocation-2")).toBe(false);
    });

    it("gives a claim to the next one when its owner is gone, and not before", async () => {
      const { port, advance } = await makeScene();
      await port.claim("d-1", "stop", "invocation-1");
      await advance(CLAIM_LEASE_MS - 60_000);
      expect(await port.claim("d-1", "stop", "invocation-2")).toBe(false);
      expect(await port.claim("d-1", "stop", "invocation-1")).toBe(true);
      await advance(CLAIM_LEASE_MS - 60_000);
      expect(await port.claim("d-1", "stop", "invocation-2")).toBe(false);
      await advance(120_000);
      expect(await port.claim("d-1", "stop", "invocation-2")).toBe(true);
      expect(await port.claim("d-1", "stop", "invocation-1")).toBe(false);
    });

    it("never gives a claim that is complete to anybody", async () => {
      const { port, advance } = await makeScene();
      await port.claim("d-1", "stop", "invocation-1");
      await port.complete("d-1", "stop");
      await advance(24 * 3_600_000);
      expect(await port.claim("d-1", "stop", "invocation-2")).toBe(false);
    });

    it("keeps claims of different names and releases apart", async () => {
      const port = await makePort();
      await port.claim("d-1", "stop", "a");
      expect(await port.claim("d-1", "notify", "b")).toBe(true);
      expect(await port.claim("d-2", "stop", "b")).toBe(true);
    });

    it("does not take a claim for a record", async () => {
      const port = await makePort();
      await port.claim("d-1", "stop", "a");
      expect(await port.getRelease("d-1")).toBeUndefined();
      expect(await port.openRelease(record("d-1"))).toBe(true);
      expect(await port.claim("d-1", "stop", "b")).toBe(false);
    });

    it("merges changes into an alias record", async () => {
      const port = await makePort();
      const lastKnownGood = { version: "2", codeSha256: "c", configurationHash: "h", at: "t", deploymentId: "d-1" };
      const knownBad = { "c/h": { version: "3", at: "t", reason: "error-rate", deploymentId: "d-2" } };
      await port.changeAlias("checkout", "live", () => ({ lastKnownGood }));
      await port.changeAlias("checkout", "live", () => ({ knownBad }));
      expect(await port.getAlias("checkout", "live")).toEqual({
        functionName: "checkout",
        alias: "live",
        lastKnownGood,
        knownBad,
      });
    });

    it("loses no change of an alias record, however many write at once", async () => {
      const port = await makePort();
      await port.changeAlias("checkout", "live", () => ({ lastReleaseId: "d-0" }));
      const bad = (i: number) => ({ version: String(i), at: "t", reason: "error-rate", deploymentId: `d-${i}` });
      await Promise.all(
        Array.from({ length: 8 }, (_, i) =>
          port.changeAlias("checkout", "live", (record) => ({ knownBad: { ...record?.knownBad, [`c/${i}`]: bad(i) } })),
        ),
      );
      const found = await port.getAlias("checkout", "live");
      expect(Object.keys(found?.knownBad ?? {})).toHaveLength(8);
      expect(found).toMatchObject({ functionName: "checkout", alias: "live", lastReleaseId: "d-0" });
    });

    it("makes an alias record by a change when there is none, and leaves one alone when nothing is to change", async () => {
      const port = await makePort();
      await port.changeAlias("checkout", "live", () => undefined);
      expect(await port.getAlias("checkout", "live")).toBeUndefined();
      await port.changeAlias("checkout", "live", (record) => ({ lastReleaseId: record ? "d-2" : "d-1" }));
      expect(await port.getAlias("checkout", "live")).toMatchObject({ lastReleaseId: "d-1", knownBad: {} });
    });

    it("reads back an alias's flag hashes, and a record from before there were any", async () => {
      const port = await makePort();
      const good = {
        version: "2",
        codeSha256: "code",
        configurationHash: "configuration",
        at: "",
        deploymentId: "d-1",
      };
      const flags = [
        {
          ...{ applicationId: "a", environmentId: "e", profileId: "p", version: 3, deploymentNumber: 5 },
          ...{ definitionsSha256: "d", valuesSha256: "v", at: at.toISOString(), deploymentId: "d-1" },
        },
      ];
      await port.changeAlias("checkout", "live", () => ({ lastKnownGood: good, rollbackPoints: [good] }));
      expect((await port.getAlias("checkout", "live"))?.lastKnownGood).toEqual(good);
      await port.changeAlias("checkout", "live", (record) => ({
        lastKnownGood: { ...record!.lastKnownGood!, flags },
        rollbackPoints: [{ ...good, flags }, ...record!.rollbackPoints!],
      }));
      const after = await port.getAlias("checkout", "live");
      expect(after?.lastKnownGood).toEqual({ ...good, flags });
      expect(after?.rollbackPoints).toEqual([{ ...good, flags }, good]);
    });

    it("has an empty record of the environment at first, and loses no change of it", async () => {
      const port = await makePort();
      expect(await port.getEnvironment()).toEqual(EMPTY_ENVIRONMENT);
      const flags = Array.from({ length: 8 }, (_, i) => killed(`flag_${i}`));
      await Promise.all(flags.map((flag) => port.changeEnvironment((record) => rememberKilled(record, [flag]))));
      const record = await port.getEnvironment();
      expect(
        Object.values(record.killedFlags)
          .map(({ flag }) => flag)
          .sort(),
      ).toEqual(flags.map(({ flag }) => flag));
      expect(record.killedFlags["a/e/p/flag_0"]).toEqual(killed("flag_0"));
    });

    it("answers the environment's record as it is after a change", async () => {
      const port = await makePort();
      const after = await port.changeEnvironment((record) => rememberKilled(record, [killed("x")]));
      expect(after).toEqual(await port.getEnvironment());
      expect(await port.changeEnvironment(() => undefined)).toEqual(after);
    });

    it("gives a lease to one of those who ask at once", async () => {
      const port = await makePort();
      const owners = ["a", "b", "c", "d"];
      const answers = await Promise.all(owners.map((owner) => port.putRollback(rollback("1", owner), 0)));
      expect(answers.filter(Boolean)).toHaveLength(1);
      expect((await port.getRollback("checkout", "live"))?.owner).toBe(owners[answers.indexOf(true)]);
    });

    it("reads a rollback back as it was written", async () => {
      const port = await makePort();
      expect(await port.getRollback("checkout", "live")).toBeUndefined();
      const record = closed(rollback(), "restored", "alias live serves version 1 alone", at);
      await port.putRollback(record, 0);
      expect(await port.getRollback("checkout", "live")).toEqual(record);
      expect(await port.getRollback("checkout", "other")).toBeUndefined();
    });

    it("lets nobody write a rollback over another revision than the one it was made from", async () => {
      const port = await makePort();
      const first = rollback();
      const second = stepStarted(first, "move-alias", at);
      await port.putRollback(first, 0);
      expect(await port.putRollback(second, first.revision)).toBe(true);
      expect(await port.putRollback({ ...second, owner: "late" }, first.revision)).toBe(false);
      expect(await port.putRollback(rollback(), 0)).toBe(false);
      expect(await port.getRollback("checkout", "live")).toEqual(second);
    });

    it("keeps ended rollbacks without touching the newest", async () => {
      const port = await makePort();
      await port.putRollback(rollback(), 0);
      await port.archiveRollback(closed({ ...rollback(), id: "checkout:live/0" }, "restored", "", at));
      expect(await port.getRollback("checkout", "live")).toEqual(rollback());
      expect(await port.getAlias("checkout", "live")).toBeUndefined();
    });
  });
}
