import { describe, expect, it } from "vitest";
import { type Compatibility, policySchema } from "../../../lib/contract/policy.ts";
import {
  declaredBy,
  judgeCompatibility,
  stepsBetween,
  stepsOf,
  withDeclared,
  withSteps,
} from "../../../lib/core/release/compatibility.ts";
import type { AliasRecord, ReleaseRecord } from "../../../lib/core/release/records.ts";

const schemas = (all: Record<string, { writes?: number; reads?: number[] }>): Compatibility => ({
  schemas: Object.fromEntries(Object.entries(all).map(([name, one]) => [name, { reads: [], ...one }])),
  nonRevertible: [],
});
const orders = (writes: number | undefined, reads: number[]) =>
  schemas({ orders: writes === undefined ? { reads } : { writes, reads } });
const judge = (serving: Compatibility | undefined, next: Compatibility | undefined, taken: string[] = []) =>
  judgeCompatibility({
    functionName: "checkout",
    serving: { version: "6", declared: serving },
    next: { version: "7", declared: next },
    taken: taken.map((name) => ({ name })),
  });

describe("what two versions say of the data that they share", () => {
  it.each([
    ["nothing on either side", undefined, undefined, [], []],
    ["the same", orders(3, [3]), orders(3, [3]), [], []],
    ["a new version to read, not yet written", orders(3, [3]), orders(3, [3, 4]), [], []],
    ["a new version to write, which the one that serves reads", orders(3, [3, 4]), orders(4, [3, 4]), [], []],
    [
      "a new version to write, which the one that serves does not read",
      orders(3, [3]),
      orders(4, [3, 4]),
      ["incompatible"],
      [],
    ],
    [
      "that the new one does not read what the one that serves writes",
      orders(3, [3, 4]),
      orders(4, [4]),
      ["incompatible"],
      [],
    ],
    ["neither", orders(3, [3]), orders(4, [4]), ["incompatible", "incompatible"], []],
    ["writes of one that the other never reads", orders(3, []), orders(4, []), [], []],
    ["reads only on the new side", orders(3, [3]), orders(undefined, [3]), [], []],
    ["reads only, and not what is written", orders(3, [3]), orders(undefined, [4]), ["incompatible"], []],
    ["nothing on the side that serves", undefined, orders(4, [4]), [], ["compatibility-unknown"]],
    ["nothing on the new side", orders(3, [3]), undefined, [], ["compatibility-unknown"]],
    [
      "of different things",
      schemas({ carts: { writes: 1 } }),
      orders(4, [4]),
      [],
      ["compatibility-unknown", "compatibility-unknown"],
    ],
  ])("%s", (_, serving, next, refusals, findings) => {
    const found = judge(serving, next);
    expect(found.refusals.map(({ code }) => code)).toEqual(refusals);
    expect(found.findings.map(({ code }) => code)).toEqual(findings);
  });

  it("is told with both versions, what each does, and what to do", () => {
    const { refusals } = judge(orders(3, [2, 3]), orders(4, [4]));
    expect(refusals.map(({ message }) => message)).toEqual([
      "version 7 writes orders 4, and version 6, which serves, reads only 2, 3: a rollback would break on what was written",
      "version 7 reads only orders 4, and version 6, which serves, writes 3",
    ]);
    expect(refusals.map(({ advice }) => advice)).toEqual([
      expect.stringMatching(/^Release a version first that reads orders 4 .* --rules incompatible --for 1h/),
      expect.stringMatching(/^Let the new version read orders 3 too, .* --rules incompatible --for 1h/),
    ]);
  });
});

const drop = { name: "drop-orders-total", reason: "the column is gone" };
const withStep: Compatibility = { schemas: {}, nonRevertible: [drop] };

describe("a step that no rollback takes back", () => {
  it("is refused until it is named, and once it went out stands in nobody's way", () => {
    const [refusal] = judge(undefined, withStep).refusals;
    expect(refusal).toMatchObject({ code: "non-revertible-step", step: "drop-orders-total" });
    expect(refusal?.message).toBe(
      "version 7 takes a step that no rollback takes back: drop-orders-total (the column is gone)",
    );
    expect(refusal?.advice).toContain(
      "goaround guard --action allow-step --function-name checkout --step drop-orders-total --for 2h --reason",
    );
    expect(judge(undefined, withStep, ["drop-orders-total"]).refusals).toEqual([]);
  });

  it("is remembered with the release that took it, once", () => {
    const record = recordOf();
    const steps = stepsOf(record, releaseOf("4", withStep));
    expect(steps).toEqual([{ ...drop, version: "4", deploymentId: "d-4", at: "2026-03-02T12:00:00.000Z" }]);
    const after = { ...record, ...withSteps(record, steps) };
    expect({ ...after, ...withSteps(after, steps) }.stepsTaken).toEqual(steps);
    expect(stepsOf(after, releaseOf("5", withStep))).toEqual([]);
  });

  it.each([
    ["from the version that took it", "3", ["4"], 1],
    ["from a later version to one before it", "3", ["5"], 1],
    ["from a later version to the one that took it", "4", ["5"], 0],
    ["between versions before it", "2", ["3"], 0],
    ["to where the alias is", "3", [], 0],
  ])("stays with a rollback %s", (_, target, leaving, count) => {
    const step = { ...drop, version: "4", deploymentId: "d-4", at: "2026-03-02T12:00:00.000Z" };
    expect(stepsBetween({ ...recordOf(), stepsTaken: [step] }, target, leaving)).toHaveLength(count);
  });
});

const recordOf = (): AliasRecord => ({
  functionName: "checkout",
  alias: "live",
  lastKnownGood: undefined,
  knownBad: {},
});

function releaseOf(version: string, compatibility: Compatibility | undefined): ReleaseRecord {
  const names = { functionName: "checkout", alias: "live" };
  return {
    ...names,
    deploymentId: `d-${version}`,
    canaryVersion: version,
    canaryCodeSha256: `sha-${version}`,
    canaryConfigurationHash: "config",
    openedAt: "2026-03-02T12:00:00.000Z",
    policy: policySchema.parse({ schemaVersion: 1, ...names, deploymentGroup: "g", compatibility }),
  } as ReleaseRecord;
}

describe("what a version declared", () => {
  const artifact = (version: string) => ({ codeSha256: `sha-${version}`, configurationHash: "config" });
  const release = (
    record: AliasRecord,
    version: string,
    compatibility: Compatibility | undefined,
    serving: string,
  ) => ({
    ...record,
    ...withDeclared(record, releaseOf(version, compatibility), artifact(serving)),
  });

  it("is known by its artifact, and goes when a later release of it declares nothing", () => {
    const first = release(recordOf(), "2", orders(3, [3]), "1");
    expect(declaredBy(first, artifact("2"))).toEqual(orders(3, [3]));
    expect(declaredBy(first, artifact("1"))).toBeUndefined();
    expect(declaredBy(release(first, "2", undefined, "1"), artifact("2"))).toBeUndefined();
    expect(release(recordOf(), "2", undefined, "1")).toEqual(recordOf());
  });

  it("is never lost for the version that serves, however many releases of it fail after", () => {
    let record = release(recordOf(), "2", orders(3, [3]), "1");
    for (let version = 3; version < 60; version += 1) record = release(record, String(version), orders(4, [4]), "2");
    expect(declaredBy(record, artifact("2"))).toEqual(orders(3, [3]));
    expect(Object.keys(record.declared ?? {}).length).toBe(20);
  });
});
