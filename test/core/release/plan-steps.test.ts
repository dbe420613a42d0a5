import { describe, expect, it } from "vitest";
import { type PolicyInput, policySchema } from "../../../lib/contract/policy.ts";
import { declarationOf } from "../../../lib/core/release/compatibility.ts";
import { leftWithSteps } from "../../../lib/core/release/plan-steps.ts";
import type { ReleaseEntry, ReleaseOutcome } from "../../../lib/core/release/records.ts";

const entry = (baseline: string, canary: string, outcome: ReleaseOutcome, hasSteps = true): ReleaseEntry => ({
  deploymentId: `d-${canary}`,
  baselineVersion: baseline,
  canaryVersion: canary,
  outcome,
  openedAt: "",
  closedAt: undefined,
  ...(hasSteps ? { hasSteps: true } : {}),
});
/** Newest first. */
const left = (target: string, ended: string | undefined, ...releases: ReleaseEntry[]) =>
  leftWithSteps({ releases }, target, ended);

describe("the releases whose steps a rollback leaves", () => {
  it.each([
    ["the one that was refused", "1", "d-2", [entry("1", "2", "blocked")], ["d-2"]],
    ["its own, although the books still have it open", "1", "d-2", [entry("1", "2", "open")], ["d-2"]],
    ["none that is open", "1", undefined, [entry("1", "2", "open")], []],
    [
      "all on the way, the newest first",
      "1",
      undefined,
      [entry("2", "3", "promoted"), entry("1", "2", "promoted")],
      ["d-3", "d-2"],
    ],
    ["none that stays", "2", undefined, [entry("2", "3", "promoted"), entry("1", "2", "promoted")], ["d-3"]],
    ["none without steps", "1", undefined, [entry("1", "2", "promoted", false)], []],
    [
      "none of a function of the same name before this one",
      "1",
      "d-2",
      [entry("1", "2", "rolled-back"), entry("39", "40", "promoted")],
      ["d-2"],
    ],
    ["none of an alias that went forward", "5", "d-2", [entry("1", "2", "failed")], []],
  ] as const)("are %s", (_, target, ended, releases, ids) => {
    expect(left(target, ended, ...releases)).toEqual(ids);
  });
});

const policy = (changes: Partial<PolicyInput>) =>
  policySchema.parse({ schemaVersion: 1, functionName: "f", alias: "live", deploymentGroup: "g", ...changes });

describe("a step of the policy", () => {
  it("is one that no rollback takes back when nothing compensates it", () => {
    const steps = {
      before: [{ name: "migrate", function: "migrate" }],
      after: [{ name: "announce", function: "announce", compensation: "recall:live" }],
    };
    expect(declarationOf(policy({ steps }))?.nonRevertible.map(({ name }) => name)).toEqual(["migrate"]);
    const nonRevertible = [{ name: "drop-total", reason: "gone" }];
    expect(
      declarationOf(policy({ steps, compatibility: { nonRevertible } }))?.nonRevertible.map(({ name }) => name),
    ).toEqual(["drop-total", "migrate"]);
    expect(declarationOf(policy({ steps: { after: steps.after } }))).toBeUndefined();
  });

  const step = { name: "migrate", function: "migrate" };
  it.each([
    ["two of one name", { before: [step], after: [step] }, /names migrate twice/],
    [
      "more time than the hook has",
      { before: [1, 2, 3].map((n) => ({ ...step, name: `m${n}`, timeoutSeconds: 50 })) },
      /up to 150 s; the hook has 120/,
    ],
    [
      "an ARN for a name",
      { before: [{ ...step, function: "arn:aws:lambda:eu:1:function:f" }] },
      /is not the name of a function/,
    ],
  ])("is refused with %s", (_, steps, message) => {
    expect(() => policy({ steps })).toThrow(message);
  });
});
