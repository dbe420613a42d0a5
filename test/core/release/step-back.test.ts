import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nextStepBack } from "../../../lib/core/release/step-back.ts";

const alias = (functionVersion: string, weights: Record<string, number> = {}) => ({ functionVersion, weights });

describe("an alias that goes back in stages", () => {
  it.each([
    ["all of it on the version that is left", alias("4"), 75],
    ["a canary that CodeDeploy left at 10 %", alias("3", { 4: 0.1 }), undefined],
    ["a shift that stopped at 90 %", alias("4", { 3: 0.1 }), 75],
    ["75 %", alias("3", { 4: 0.75 }), 50],
    ["60 %", alias("3", { 4: 0.6 }), 50],
    ["50 %", alias("3", { 4: 0.5 }), 25],
    ["25 %: the rest is the last step", alias("3", { 4: 0.25 }), undefined],
    ["none", alias("3"), undefined],
    ["a third version in between", alias("4", { 2: 0.5 }), undefined],
    ["two weights", alias("3", { 4: 0.2, 2: 0.2 }), undefined],
    ["Lambda's own weight of 1", alias("3", { 4: 1 }), undefined],
    ["a weight of 0", alias("3", { 4: 0 }), undefined],
  ])("with %s", (_, state, percent) => {
    expect(nextStepBack(state, "3")).toEqual(percent === undefined ? undefined : { leaving: "4", percent });
  });

  it("only ever loses traffic, and ends within four steps, wherever it begins", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 99 }), (percent) => {
        let share = percent;
        for (let steps = 0; ; steps += 1) {
          const next = nextStepBack(alias("3", { 4: share / 100 }), "3");
          if (!next) return steps <= 3;
          if (next.percent >= share) return false;
          share = next.percent;
        }
      }),
    );
  });
});
