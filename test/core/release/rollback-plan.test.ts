import { describe, expect, it } from "vitest";
import type { VersionInfo } from "../../../lib/core/ports.ts";
import type { AliasRecord } from "../../../lib/core/release/records.ts";
import { planRollback, type RollbackFacts } from "../../../lib/core/release/rollback-plan.ts";

const version = (number: string): VersionInfo => ({
  version: number,
  codeSha256: `sha-${number}`,
  configurationHash: "c",
  lastModified: "",
  state: "Active",
});
const record = (good: string | undefined, bad: string[] = []): AliasRecord => ({
  functionName: "f",
  alias: "live",
  lastKnownGood:
    good === undefined
      ? undefined
      : { version: good, codeSha256: `sha-${good}`, configurationHash: "c", at: "t", deploymentId: "d-1" },
  knownBad: Object.fromEntries(
    bad.map((number) => [`sha-${number}/c`, { version: number, at: "t", reason: "error-rate", deploymentId: "d-2" }]),
  ),
});
const facts = (changes: Partial<RollbackFacts> & { at?: string; weights?: Record<string, number> }): RollbackFacts => ({
  alias: {
    functionName: "f",
    alias: "live",
    functionVersion: changes.at ?? "4",
    weights: changes.weights ?? {},
    revisionId: "r",
    arn: "a",
  },
  versions: ["1", "2", "3", "4"].map(version),
  record: undefined,
  release: undefined,
  requested: undefined,
  force: false,
  ...changes,
});
const target = (changes: Parameters<typeof facts>[0]) => planRollback(facts(changes)).target.version;
const brought4 = { deploymentId: "d-4", baselineVersion: "3", canaryVersion: "4" };

describe("where a rollback goes", () => {
  it("goes to the last known good, even when the release replaced another version", () => {
    expect(target({ record: record("2"), release: brought4 })).toBe("2");
  });

  it("goes to what was replaced when the release's own version is the last known good", () => {
    expect(target({ record: record("4"), release: brought4 })).toBe("3");
  });

  it("goes to what was replaced when the ledger knows nothing", () => {
    expect(target({ release: brought4 })).toBe("3");
  });

  it("finds nothing to do when the newest release has been undone", () => {
    expect(planRollback(facts({ at: "3", record: record("3"), release: brought4 })).action).toBe("nothing");
    expect(planRollback(facts({ at: "3", release: brought4 })).action).toBe("nothing");
  });

  it("moves when the alias is split, although it points to the target", () => {
    expect(planRollback(facts({ at: "3", weights: { 4: 0.1 }, record: record("3") }))).toMatchObject({
      action: "move",
      leaving: ["4"],
    });
  });

  it("makes a split alias whole on its own version when nothing else is known", () => {
    expect(target({ at: "2", weights: { 4: 0.5 } })).toBe("2");
  });

  it("never takes the number before without a reason", () => {
    expect(() => planRollback(facts({}))).toThrow("nothing tells which version");
  });

  it("refuses a known-bad target, whatever it came from, unless forced", () => {
    const bad = facts({ requested: "2", record: record("3", ["2"]) });
    expect(() => planRollback(bad)).toThrow("version 2 is known bad: error-rate");
    expect(planRollback({ ...bad, force: true })).toMatchObject({ action: "move", overridden: "error-rate" });
    expect(() => planRollback(facts({ release: brought4, record: record(undefined, ["3"]) }))).toThrow("known bad");
  });

  it("does not argue about a known-bad version that serves already", () => {
    expect(planRollback(facts({ requested: "4", record: record("3", ["4"]) })).action).toBe("nothing");
  });
});
