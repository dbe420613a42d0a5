import { describe, expect, it } from "vitest";
import { healthyCells, regressionCells } from "../../bench/judge/cells.ts";
import { atTheEnd } from "../../bench/judge/compare.ts";
import { runErrorCell } from "../../bench/judge/error-trial.ts";
import { goaround, together } from "../../bench/judge/goaround.ts";
import { judgeCells } from "../../bench/judge/judge-cells.ts";
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

  it("publishes late minutes once, in the end, and never more errors than requests", () => {
    const cell = judgeCells().find(
      ({ name }) => name === "10/s, errors 1 % → 5 %, minutes late, out of order and twice",
    )!;
    const draw = cell.minutes(uniformOf(cell.key, 1));
    const minutes = Array.from({ length: 200 }, (_, i) => draw(60 * (i + 1)));
    const sum = (of: "invocations" | "errors") => minutes.reduce((total, { canary }) => total + canary[of], 0);
    expect(sum("invocations")).toBeGreaterThan(0.97 * 200 * 60);
    expect(sum("invocations")).toBeLessThan(1.03 * 200 * 60);
    expect(sum("errors") / sum("invocations")).toBeCloseTo(0.05, 2);
    expect(minutes[0]!.canary.invocations).toBeLessThan(50);
    for (const { canary } of minutes) expect(canary.errors).toBeLessThanOrEqual(canary.invocations);
  });

  it("counts each environment's requests and errors in those of the version", () => {
    const cell = judgeCells().find(
      ({ name }) => name === "10/s, one of the canary's two environments fails everything",
    )!;
    const draw = cell.minutes(uniformOf(cell.key, 2));
    const minutes = Array.from({ length: 10 }, (_, i) => draw(60 * (i + 1)).canary);
    for (const { invocations, errors, environments } of minutes) {
      const all = Object.values(environments!);
      expect(all.reduce((sum, { requests }) => sum + requests, 0)).toBe(invocations);
      expect(all.reduce((sum, one) => sum + one.errors, 0)).toBe(errors);
    }
    const { requests, errors } = minutes.at(-1)!.environments!["environment 1"]!;
    expect(errors).toBe(requests);
  });

  it("knows where no test could be sooner: at the first look, and at the least number of failures", () => {
    const tally = (looks: number) => ({ ...emptyTally(), runs: 1000, detected: 1000, delays: { [looks]: 1000 } });
    const cell = (key: string) => regressionCells().cells.find((one) => one.key === key)!;
    const dense = cell("1000/s, share 0.5, 0 % → 100 %");
    expect(atTheEnd(dense, [tally(1)])).toBe("look");
    expect(atTheEnd(dense, [tally(2)])).toBeUndefined();
    // Two failures at 0.05 a second come after 40 s, and a look does half of its 10 s later.
    const rare = cell("100/s, share 0.01, 0 % → 5 %");
    expect(atTheEnd(rare, [tally(4.5)])).toBe("failures");
    expect(atTheEnd(rare, [tally(5)])).toBeUndefined();
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
