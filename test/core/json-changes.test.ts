import { expect, it } from "vitest";
import { changesBetween, describeChange } from "../../lib/core/json-changes.ts";

it("changes are told by their places, whatever the order of keys", () => {
  const before = { checks: { minSamples: 20, ratio: 2 }, blockers: ["a", "b"], gone: true };
  const after = { blockers: ["a", "c"], checks: { ratio: 2, minSamples: 50 }, fresh: null };
  expect(changesBetween(before, after).map(describeChange)).toEqual([
    "checks.minSamples: 20 → 50",
    'blockers[1]: "b" → "c"',
    "gone: true goes",
    "fresh: null (new)",
  ]);
  expect(changesBetween(before, structuredClone(before))).toEqual([]);
});

it("elements with names of their own are told by name, so that one that comes first moves none of the others", () => {
  const leak = { name: "leak", expression: "memory_usage > 0.9" };
  const before = { triggers: [leak] };
  const after = {
    triggers: [
      { name: "tail", expression: "p99 > 1" },
      { ...leak, expression: "memory_usage > 0.8" },
    ],
  };
  expect(changesBetween(before, after).map(({ path }) => path)).toEqual([
    "triggers[leak].expression",
    "triggers[tail]",
  ]);
});

it("what is no object on both sides is one change", () => {
  expect(changesBetween("text", { a: 1 }).map(describeChange)).toEqual(['document: "text" → {"a":1}']);
  expect(changesBetween({ a: [1] }, { a: { b: 1 } })).toEqual([{ path: "a", before: [1], after: { b: 1 } }]);
});

it("long values are cut", () => {
  const [change] = changesBetween({ a: "" }, { a: "x".repeat(200) });
  expect(describeChange(change!).length).toBeLessThan(90);
});
