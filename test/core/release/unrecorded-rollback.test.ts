import { describe, expect, it } from "vitest";
import type { DeploymentInfo } from "../../../lib/core/ports.ts";
import type { ReleaseRecord } from "../../../lib/core/release/records.ts";
import { unrecordedRollback } from "../../../lib/core/release/unrecorded-rollback.ts";

const NOW = new Date("2026-03-01T12:00:00Z");
const at = (functionVersion: string) => ({ functionName: "orders", alias: "live", functionVersion, weights: {} });
const release = (changes: Partial<ReleaseRecord>) =>
  ({
    deploymentId: "d-1",
    functionName: "orders",
    alias: "live",
    baselineVersion: "1",
    canaryVersion: "2",
    openedAt: "2026-03-01T11:00:00Z",
    outcome: "promoted",
    ...changes,
  }) as ReleaseRecord;
const ended = (minutes: number, error?: DeploymentInfo["error"]) =>
  ({ deploymentId: "d-1", completedAt: new Date(NOW.getTime() - minutes * 60_000), error }) as DeploymentInfo;

describe("a rollback that the ledger does not know", () => {
  it("is one of a release that is held for promoted, while what served before it serves", () => {
    expect(unrecordedRollback(at("1"), [release({})], undefined, NOW)).toMatchObject({ isBad: true });
    for (const version of ["2", "3"]) {
      expect(unrecordedRollback(at(version), [release({})], undefined, NOW)).toBeUndefined();
    }
    expect(unrecordedRollback(at("1"), [release({ outcome: "rolled-back" })], undefined, NOW)).toBeUndefined();
  });

  it("is one of a release that is held for open, a while after its deployment has ended", () => {
    const open = [release({ outcome: "open" })];
    const alarm = { code: "ALARM_ACTIVE", message: "" };
    expect(unrecordedRollback(at("1"), open, ended(20, alarm), NOW)).toMatchObject({ isBad: true });
    expect(unrecordedRollback(at("1"), open, ended(20), NOW)).toMatchObject({ isBad: false });
    expect(unrecordedRollback(at("1"), open, ended(5, alarm), NOW)).toBeUndefined();
  });

  it("is none of a release before the newest, or of another alias", () => {
    const newer = release({ deploymentId: "d-2", outcome: "rolled-back", openedAt: "2026-03-01T11:30:00Z" });
    expect(unrecordedRollback(at("1"), [release({}), newer], undefined, NOW)).toBeUndefined();
    expect(unrecordedRollback(at("1"), [release({ alias: "next" })], undefined, NOW)).toBeUndefined();
  });
});
