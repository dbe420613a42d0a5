import { describe, expect, it } from "vitest";
import {
  type FlagJudgement,
  type FlagStanding,
  hasFallenSilent,
  judgeFlag,
} from "../../../lib/core/judge/flag-verdict.ts";
import type { FlagCohorts } from "../../../lib/core/ports.ts";

const LIMITS = { alpha: 0.002, maxErrorRatePercent: 5, minSamples: 20 };
const cohorts = (version: string, on: [number, number], off: [number, number]): FlagCohorts => ({
  version,
  on: { requests: on[0], errors: on[1] },
  off: { requests: off[0], errors: off[1] },
});

/** The same minute again and again, the state kept as the ledger does. */
function replay(minutes: number, minute: readonly FlagCohorts[]): FlagStanding[] {
  let given: FlagJudgement | undefined;
  return Array.from({ length: minutes }, () => {
    const judged = judgeFlag(given, { flag: "new_api", seconds: 60, cohorts: minute }, LIMITS);
    given = JSON.parse(JSON.stringify(judged.judgement)) as FlagJudgement;
    return judged.standing;
  });
}

const kinds = (standings: FlagStanding[]) => [...new Set(standings.map(({ kind }) => kind))];

describe("the verdict on one flag", () => {
  it("is harmful where those who see it on fail and those who see it off do not", () => {
    const [first] = replay(1, [cohorts("2", [60, 18], [60, 0])]);
    expect(first).toMatchObject({ kind: "harmful", reason: { code: "flag-errors", observed: 0.3, baseline: 0 } });
  });

  it("is harmful where everyone sees it on and both versions fail", () => {
    const [first] = replay(1, [cohorts("2", [60, 18], [0, 0]), cohorts("1", [540, 160], [0, 0])]);
    expect(first).toMatchObject({ kind: "harmful", reason: { baseline: null, samples: 600 } });
  });

  it("is not harmful where everyone sees it on and one version alone fails: that is the version", () => {
    expect(kinds(replay(10, [cohorts("2", [60, 30], [0, 0]), cohorts("1", [540, 0], [0, 0])]))).toEqual(["unknown"]);
    expect(kinds(replay(10, [cohorts("2", [600, 300], [0, 0])]))).toEqual(["unknown"]);
  });

  it("clears it where those who see it off fail as well", () => {
    const standings = replay(5, [cohorts("2", [30, 9], [30, 9]), cohorts("1", [270, 80], [270, 80])]);
    expect(kinds(standings)).toEqual(["cleared"]);
  });

  it("says nothing of cohorts that are thin, and knows whether anything was told at all", () => {
    expect(replay(1, [cohorts("2", [3, 1], [4, 0]), cohorts("1", [5, 1], [6, 0])])).toEqual([
      { kind: "unknown", told: true },
    ]);
    expect(replay(1, [cohorts("2", [0, 0], [0, 0])])).toEqual([{ kind: "unknown", told: false }]);
  });

  it("keeps its memory small", () => {
    let given: FlagJudgement | undefined;
    for (let i = 0; i < 60; i++) {
      const minute = [cohorts("2", [6000, 300], [6000, 310]), cohorts("1", [54_000, 2700], [54_000, 2650])];
      given = judgeFlag(given, { flag: "new_api", seconds: 60, cohorts: minute }, LIMITS).judgement;
    }
    expect(JSON.stringify(given).length).toBeLessThan(2500);
  });
});

/** Whether a flag of which so many looks told, and so many not, is silent: `#` told, `.` not. */
function isSilent(looks: string): boolean {
  let given: FlagJudgement | undefined;
  for (const look of looks) {
    const minute = look === "#" ? [cohorts("2", [3, 0], [3, 0])] : [cohorts("2", [0, 0], [0, 0])];
    given = judgeFlag(given, { flag: "new_api", seconds: 60, cohorts: minute }, LIMITS).judgement;
  }
  return hasFallenSilent(given!);
}

describe("a function that told of a flag", () => {
  it("has fallen silent after three looks where every look told before, after more where fewer did", () => {
    expect(isSilent("############..")).toBe(false);
    expect(isSilent("############...")).toBe(true);
    expect(isSilent("####...")).toBe(false);
    expect(isSilent("#.##.##.#...")).toBe(false);
    expect(isSilent(`#.##.##.#${".".repeat(9)}`)).toBe(true);
  });

  it("has not where it is called now and then, tells again, or never told", () => {
    expect(isSilent(`#${".".repeat(14)}#${".".repeat(14)}`)).toBe(false);
    expect(isSilent("############....#")).toBe(false);
    expect(isSilent(".".repeat(60))).toBe(false);
  });
});
