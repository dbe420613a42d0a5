import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AliasRecord } from "../../../lib/core/release/records.ts";
import { rollbackTargets, wantedTargets } from "../../../lib/core/release/rollback-targets.ts";
import { versionInfo } from "../../fakes/functions.ts";

const release = { baselineVersion: "3", canaryVersion: "4" };
const all = ["1", "2", "3", "4"].map((version) => versionInfo(version));
const bad = (...versions: string[]) =>
  Object.fromEntries(
    versions.map((version) => [
      `sha-${version}/config-${version}`,
      { version, at: "t", reason: "error-rate", deploymentId: `d-${version}` },
    ]),
  );
const good = (version: string) => ({
  version,
  codeSha256: `sha-${version}`,
  configurationHash: `config-${version}`,
  at: "t",
  deploymentId: "d-0",
});
const recordOf = (changes: Partial<AliasRecord>): AliasRecord => ({
  functionName: "checkout",
  alias: "live",
  lastKnownGood: undefined,
  knownBad: {},
  ...changes,
});

describe("where an automatic rollback may go", () => {
  it.each([
    ["the baseline, when nothing else is known", undefined, all, ["3"]],
    [
      "the baseline, then the last known good, then what served before",
      recordOf({ lastKnownGood: good("2"), rollbackPoints: [good("3"), good("1")] }),
      all,
      ["3", "2", "1"],
    ],
    ["not to a known bad baseline", recordOf({ knownBad: bad("3"), lastKnownGood: good("2") }), all, ["2"]],
    [
      "not to a known good that has become known bad",
      recordOf({ knownBad: bad("3", "2"), lastKnownGood: good("2"), rollbackPoints: [good("1")] }),
      all,
      ["1"],
    ],
    [
      "not to a version that was deleted",
      recordOf({ lastKnownGood: good("2") }),
      all.filter(({ version }) => version !== "3"),
      ["2"],
    ],
    ["not to a version that failed", undefined, [versionInfo("3", { state: "Failed" })], []],
    ["to a version that sleeps", undefined, [versionInfo("3", { state: "Inactive" })], ["3"]],
    [
      "never to the version that is left",
      recordOf({ lastKnownGood: good("4"), rollbackPoints: [good("4")] }),
      all,
      ["3"],
    ],
  ] as const)("is %s", (_, record, versions, candidates) => {
    expect(rollbackTargets(release, record, versions).candidates).toEqual(candidates);
  });

  it("is looked for among four versions at most: each costs a call before traffic is moved", () => {
    const record = recordOf({ rollbackPoints: ["3", "9", "8", "7", "6"].map(good) });
    expect(wantedTargets(release, record)).toEqual(["3", "9", "8", "7"]);
  });

  it("tells why each of the others is none", () => {
    const { candidates, rejected } = rollbackTargets(
      release,
      recordOf({ knownBad: bad("3"), lastKnownGood: good("9") }),
      all,
    );
    expect(candidates).toEqual([]);
    expect(rejected).toEqual([
      { version: "3", why: "is known bad (error-rate, d-3)" },
      { version: "9", why: "does not exist any more" },
    ]);
  });

  it("is never a known bad, missing or left version, whatever the history", () => {
    const version = fc.integer({ min: 1, max: 8 }).map(String);
    fc.assert(
      fc.property(
        version,
        version,
        fc.option(version),
        fc.array(version),
        fc.array(version),
        fc.array(version),
        (baselineVersion, canaryVersion, known, points, badOnes, existing) => {
          const record = recordOf({
            lastKnownGood: known === null ? undefined : good(known),
            rollbackPoints: points.map(good),
            knownBad: bad(...badOnes),
          });
          const { candidates } = rollbackTargets(
            { baselineVersion, canaryVersion },
            record,
            existing.map((one) => versionInfo(one)),
          );
          for (const candidate of candidates) {
            expect(badOnes).not.toContain(candidate);
            expect(existing).toContain(candidate);
            expect(candidate).not.toBe(canaryVersion);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});
