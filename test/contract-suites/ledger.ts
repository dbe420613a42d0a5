import { describe, expect, it } from "vitest";
import { policySchema } from "../../lib/contract/policy.ts";
import type { LedgerPort } from "../../lib/core/ports.ts";
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

/** The scene: an empty ledger. */
export function describeLedgerPort(name: string, makePort: () => Promise<LedgerPort>): void {
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

    it("gives the owner of a claim its own claim again", async () => {
      const port = await makePort();
      expect(await port.claim("d-1", "stop", "invocation-1")).toBe(true);
      expect(await port.claim("d-1", "stop", "invocation-1")).toBe(true);
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
      await port.putAlias("checkout", "live", { lastKnownGood });
      await port.putAlias("checkout", "live", { knownBad });
      expect(await port.getAlias("checkout", "live")).toEqual({
        functionName: "checkout",
        alias: "live",
        lastKnownGood,
        knownBad,
      });
    });
  });
}
