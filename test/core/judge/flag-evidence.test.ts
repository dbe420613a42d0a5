import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type FlagTestState, lookFlag } from "../../../lib/core/judge/flag-evidence.ts";
import type { FlagCohorts } from "../../../lib/core/ports.ts";

const OPTIONS = { flag: "new_search", alpha: 0.01 };
const cohorts = (version: string, on: [number, number], off: [number, number]): FlagCohorts => ({
  version,
  on: { requests: on[0], errors: on[1] },
  off: { requests: off[0], errors: off[1] },
});

/** Looks once a minute until something is held against the flag. */
function replay(minutes: readonly (readonly FlagCohorts[])[]) {
  let state: FlagTestState | undefined;
  for (const [i, minute] of minutes.entries()) {
    const looked = lookFlag(state, { seconds: 60, cohorts: minute }, OPTIONS);
    if (looked.harmful) return { minute: i + 1, reason: looked.harmful };
    state = looked.state;
  }
  return undefined;
}

const repeat = <T>(times: number, value: T) => Array.from({ length: times }, () => value);

describe("the evidence against a flag", () => {
  it("holds failing requests against the flag that they saw on, with the figures to recompute it", () => {
    const found = replay(repeat(5, [cohorts("7", [120, 24], [480, 0])]));
    expect(found?.minute).toBe(1);
    expect(found?.reason).toMatchObject({ code: "flag-errors", observed: 0.2, baseline: 0, samples: 120 });
    expect(found?.reason.message).toBe(
      "20.0 % of 120 requests with flag new_search on failed, 0.0 % of 480 with it off",
    );
    expect(found?.reason.spent).toBeLessThanOrEqual(OPTIONS.alpha);
  });

  it("has no evidence where everyone sees the flag on, however many fail", () => {
    expect(replay(repeat(30, [cohorts("7", [600, 300], [0, 0])]))).toBeUndefined();
  });

  it("does not blame the flag for a version that fails by itself, although that version sees it on more often", () => {
    const minute = [cohorts("7", [20, 0], [580, 0]), cohorts("8", [55, 11], [5, 1])];
    expect(replay(repeat(10, minute))).toBeUndefined();
  });

  it("does not blame the flag for an outage that hits both cohorts", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 0, max: 10 }), (tens, failing) => {
        const minute = [cohorts("7", [tens * 10, tens * failing], [tens * 10, tens * failing])];
        return replay(repeat(5, minute)) === undefined;
      }),
    );
  });

  it("never holds a flag harmful that fails less than its absence", () => {
    const side = fc.integer({ min: 0, max: 500 });
    fc.assert(
      fc.property(fc.array(fc.tuple(side, side), { minLength: 1, maxLength: 8 }), (minutes) => {
        const looks = minutes.map(([requests, errors]) => [cohorts("7", [requests, 0], [requests + errors, errors])]);
        return replay(looks) === undefined;
      }),
    );
  });

  it("survives being stored between looks", () => {
    const minute = { seconds: 60, cohorts: [cohorts("7", [60, 2], [540, 1])] };
    let kept: FlagTestState | undefined;
    let stored: FlagTestState | undefined;
    for (let i = 0; i < 4; i++) {
      kept = lookFlag(kept, minute, OPTIONS).state;
      stored = JSON.parse(JSON.stringify(lookFlag(stored, minute, OPTIONS).state)) as FlagTestState;
    }
    expect(stored).toEqual(JSON.parse(JSON.stringify(kept)));
  });
});
