import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  hookProblems,
  parseStages,
  type ReleaseStage,
  stagedMinutes,
  stageProblems,
  stagesBack,
} from "../../lib/contract/stages.ts";

const parsed = (text: string): ReleaseStage[] => {
  const result = parseStages(text);
  if (!result.ok) throw new Error(result.problems.join("; "));
  return result.stages;
};

describe("stages of a release", () => {
  it("are read as percent and time, minutes or hours", () => {
    expect(parsed("10:10m, 20:10,50:2h,100")).toEqual([
      { percent: 10, minutes: 10 },
      { percent: 20, minutes: 10 },
      { percent: 50, minutes: 120 },
      { percent: 100, minutes: 0 },
    ]);
    expect(stagedMinutes(parsed("10:2h,50:4h,100"))).toBe(360);
  });

  it.each([
    ["10:10m", "needs a time|must be 100 %|takes no time"],
    ["100", "needs a stage before 100 %"],
    ["10,100", "stage 1, 10 %, needs a time, for example 10:10m"],
    ["10:10m,100:5m", "takes no time"],
    ["50:10m,20:10m,100", "stage 2 has 20 %, no more than the stage before"],
    ["0:10m,100", "stage 1 has 0 %"],
    ["10:0m,100", "stage 1 lasts 0 minutes"],
    ["10:60h,100", "at most 2880 are allowed"],
    ["ten,100", 'stage 1 is "ten"; write it as percent:time'],
    ["", 'stage 1 is ""'],
  ])("%j is refused with what is wrong", (text, expected) => {
    const result = parseStages(text);
    expect(result.ok ? [] : result.problems.join("; ")).toMatch(new RegExp(expected));
  });

  it("lists every problem at once", () => {
    expect(
      stageProblems([
        { percent: 0, minutes: 0 },
        { percent: 50, minutes: 0 },
      ]),
    ).toHaveLength(3);
  });

  it("never throw, whatever the text", () => {
    fc.assert(fc.property(fc.string({ maxLength: 200 }), (text) => typeof parseStages(text).ok === "boolean"));
  });
});

describe("the way back in stages", () => {
  it.each([
    [100, [75, 50, 25, 0]],
    [60, [50, 25, 0]],
    [25, [0]],
    [10, [0]],
    [0, []],
  ])("from %d %% goes down to nothing", (percent, steps) => {
    expect(stagesBack(percent)).toEqual(steps);
  });
});

describe("stages inside a hook", () => {
  it.each([
    ["20:55m,100", 0, undefined],
    ["20:30m,50:25m,100", 120_000, undefined],
    ["20:56m,100", 0, /take 56 minutes; .* at most 55 are allowed: .*linear strategy/],
    [
      "20:55m,100",
      120_001,
      /stages \(55 minutes\) and what comes before them \(.*: up to 3\) share one hook, which has 57/,
    ],
  ])("%j with %i ms of smoke tests", (stages, smokeTestMs, problem) => {
    const problems = hookProblems(parsed(stages), smokeTestMs);
    if (problem) expect(problems).toEqual([expect.stringMatching(problem)]);
    else expect(problems).toEqual([]);
  });
});
