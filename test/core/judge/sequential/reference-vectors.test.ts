import { describe, expect, it } from "vitest";
import { initialCes, lookCes } from "../../../../lib/core/judge/sequential/ces.ts";
import { conditionalLogE, sparseLogE } from "../../../../lib/core/judge/sequential/e-process.ts";

const GRID = [1.5, 2, 4, 10, 30, 100, 1e3, 1e5];

/** Boundaries and spent levels over blocks whose errors all fall on the baseline: the boundary does not depend on it. */
function boundaries(seconds: number, canary: number, baseline: number, errors: number[]) {
  let state = initialCes;
  return errors.map((total, i) => {
    const block = { canaryRequests: canary, baselineRequests: baseline, canaryErrors: 0, baselineErrors: total };
    const look = lookCes(state, block, (i + 1) * seconds, { alpha: 0.01, share: 0.1 });
    state = look.state;
    return { boundary: look.boundary, spent: look.spent };
  });
}

describe("CES reference vectors", () => {
  it.each([
    {
      name: "five minutes at 10 requests a second",
      seconds: 60,
      canary: 60,
      baseline: 540,
      errors: [6, 6, 6, 6, 6],
      boundary: [4, 5, 7, 8, 9],
      spent: [0.00117042, 0.00471774, 0.00513918, 0.00591744, 0.00675764],
    },
    {
      name: "five minutes at 1 request a second",
      seconds: 60,
      canary: 6,
      baseline: 54,
      errors: [1, 0, 2, 1, 3],
      boundary: [null, null, 3, 3, 4],
      spent: [0, 0, 0.00084746, 0.00344068, 0.00477415],
    },
    {
      name: "ten-second looks that are sparse",
      seconds: 10,
      canary: 1,
      baseline: 9,
      errors: [1, 1, 1, 1, 2],
      boundary: [null, null, 3, 3, 4],
      spent: [0, 0, 0.001, 0.0037, 0.004186],
    },
    {
      name: "an outage of 20 % on both versions",
      seconds: 60,
      canary: 600,
      baseline: 5400,
      errors: [1200, 1200, 1200],
      boundary: [145, 278, 409],
      spent: [0.00480572, 0.00652688, 0.00731795],
    },
  ])("reproduces $name", ({ seconds, canary, baseline, errors, boundary, spent }) => {
    const looks = boundaries(seconds, canary, baseline, errors);
    expect(looks.map((look) => look.boundary)).toEqual(boundary);
    for (const [i, look] of looks.entries()) expect(Math.abs(look.spent - spent[i]!)).toBeLessThan(1e-8);
  });
});

describe("e-process reference values", () => {
  it.each([
    { counts: [6, 54, 2, 0], logE: [0.713696, 1.196935, 2.256017, 3.356289, 4.168557, 4.567303, 4.749221, 4.770469] },
    {
      counts: [60, 540, 5, 2],
      logE: [1.686508, 2.801164, 5.111626, 7.090549, 7.655791, 6.572259, 2.561214, -6.580216],
    },
  ])("reproduces the conditional bet on $counts", ({ counts: [nc, nb, ec, eb], logE }) => {
    const block = { canaryRequests: nc!, baselineRequests: nb!, canaryErrors: ec!, baselineErrors: eb! };
    for (const [i, psi] of GRID.entries()) expect(conditionalLogE(block, psi)).toBeCloseTo(logE[i]!, 5);
  });

  it("turns against the bet when errors are shared", () => {
    const block = { canaryRequests: 60, baselineRequests: 540, canaryErrors: 12, baselineErrors: 108 };
    expect(conditionalLogE(block, 1.5)).toBeCloseTo(-0.756749, 5);
    expect(conditionalLogE(block, 4)).toBeCloseTo(-9.937877, 5);
    expect(conditionalLogE(block, 1e5)).toBeCloseTo(-441.046235, 4);
  });

  it("reproduces the sparse bet", () => {
    const block = { canaryRequests: 1, baselineRequests: 9, canaryErrors: 1, baselineErrors: 0 };
    const logE = [0.356696, 0.597918, 1.124548, 1.664508, 2.058951, 2.289707, 2.746157, 3.231885];
    for (const [i, psi] of GRID.entries()) expect(sparseLogE(block, psi, 0.1, 1e-3)).toBeCloseTo(logE[i]!, 5);
  });
});
