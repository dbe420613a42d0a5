import { describe, expect, it } from "vitest";
import { healthyCells, regressionCells } from "../../bench/judge/cells.ts";
import { runErrorCell } from "../../bench/judge/error-trial.ts";
import { goaround, together } from "../../bench/judge/goaround.ts";
import { isHigh } from "../../bench/judge/kayenta.ts";
import { drawHypergeometric, uniformOf } from "../../bench/judge/random.ts";
import { addTally, emptyTally, meanDelay, medianDelay, upperBound } from "../../bench/judge/tally.ts";
import { type Block, hypergeometric } from "../../lib/core/judge/sequential/null-law.ts";
import { drawBlock } from "../../lib/core/judge/sequential/traffic.ts";

const COPIES = 6;

/** Copies of one release's traffic, with the same total of errors; those of the last ones are moved to the canary. */
function copiesOf(uniform: () => number, requestsPerSecond: number, rate: number): Block[] {
  const conditions = { requestsPerSecond, share: 0.3, baselineRate: rate, canaryRate: rate };
  const { canaryRequests, baselineRequests, canaryErrors, baselineErrors } = drawBlock(uniform, conditions, 10);
  const errors = canaryErrors + baselineErrors;
  return Array.from({ length: COPIES }, (_, i) => {
    const drawn = drawHypergeometric(uniform, canaryRequests, baselineRequests, errors);
    const worse = Math.min(errors, canaryRequests, Math.round(drawn * (1 + i * 0.1)));
    return { canaryRequests, baselineRequests, canaryErrors: worse, baselineErrors: errors - worse };
  });
}

describe("benchmark of the judge", () => {
  it.each([
    { requestsPerSecond: 10, rate: 0.05 },
    { requestsPerSecond: 100, rate: 0.2 },
    { requestsPerSecond: 2000, rate: 0.3 },
  ])("decides for releases that share their traffic as for each by itself, at %o", ({ requestsPerSecond, rate }) => {
    const uniform = uniformOf(`shared ${requestsPerSecond}`, 1);
    const shared = together(10, 0.3, COPIES);
    const release = { share: 0.3, horizonSeconds: 600, copies: 1 };
    const each = Array.from({ length: COPIES }, () => goaround(10).start(release));
    const done = Array.from({ length: COPIES }, () => false);
    const alone = Array.from({ length: COPIES }, () => [false]);
    let decided = 0;
    for (let elapsed = 10; elapsed <= 600; elapsed += 10) {
      const blocks = copiesOf(uniform, requestsPerSecond, rate);
      shared(blocks, elapsed, done);
      for (const [i, one] of each.entries()) one([blocks[i]!], elapsed, alone[i]!);
      expect(done).toEqual(alone.map(([value]) => value));
      decided = done.filter(Boolean).length;
    }
    expect(decided).toBeGreaterThan(0);
  });

  it("draws the errors of a harmless canary from their law", () => {
    const uniform = uniformOf("law", 1);
    const law = hypergeometric(7, 12, 6);
    const counts = new Map<number, number>();
    for (let i = 0; i < 20_000; i++) {
      const value = drawHypergeometric(uniform, 7, 12, 6);
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    for (const [i, p] of law.probabilities.entries()) {
      const share = (counts.get(law.from + i) ?? 0) / 20_000;
      expect(Math.abs(share - p)).toBeLessThan(4 * Math.sqrt((p * (1 - p)) / 20_000) + 1e-9);
    }
    expect(drawHypergeometric(uniform, 5, 0, 3)).toBe(3);
  });

  it("gives the same figures in one part as in several", () => {
    const cells = [regressionCells().cells.find(({ key }) => key.startsWith("10/s"))!, healthyCells().at(-2)!];
    for (const cell of cells) {
      const whole = runErrorCell(cell, 0, 6);
      const parts = [runErrorCell(cell, 4, 6), runErrorCell(cell, 0, 4)];
      expect(parts[0]!.map((tally, i) => addTally(tally, parts[1]![i]!))).toEqual(whole);
    }
  });

  it("names every cell once", () => {
    const keys = [...regressionCells().cells, ...healthyCells()].map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("counts a run without a rollback with its horizon, and tells mean from median", () => {
    const tally = { ...emptyTally(), runs: 4, groups: 4, detected: 3, groupSquares: 3, delays: { 1: 3, 60: 1 } };
    expect(meanDelay(tally)).toBe(157.5);
    expect(medianDelay(tally)).toBe(10);
  });

  it("trusts releases that share their traffic less when they fail together", () => {
    const alone = { ...emptyTally(), runs: 1000, groups: 1000, detected: 10, groupSquares: 10 };
    const spread = { ...alone, groups: 100, groupSquares: 10 };
    const together = { ...alone, groups: 100, groupSquares: 100 };
    expect(upperBound(alone)).toBeCloseTo(0.0183, 3);
    expect(upperBound(spread)).toBeCloseTo(upperBound(alone), 6);
    expect(upperBound(together)).toBeGreaterThan(1.5 * upperBound(alone));
  });
});

describe("Kayenta's rule for one metric", () => {
  it("sees complete separation of ten minutes, and nothing in what is alike", () => {
    const low = Array.from({ length: 10 }, (_, i) => 0.01 + i * 1e-4);
    const high = low.map((value) => value + 0.05);
    expect(isHigh(high, low)).toBe(true);
    expect(isHigh(low, high)).toBe(false);
    expect(isHigh(low, low)).toBe(false);
    expect(isHigh([], low)).toBe(false);
  });

  it("is blind to a shift that is small against the spread", () => {
    const control = Array.from({ length: 10 }, (_, i) => i);
    expect(
      isHigh(
        control.map((value) => value + 1),
        control,
      ),
    ).toBe(false);
  });
});
