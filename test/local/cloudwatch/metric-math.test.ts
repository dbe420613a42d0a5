import { describe, expect, it } from "vitest";
import { evaluate, type Points, type Value } from "../../../lib/local/services/cloudwatch/metric-math.ts";
import { parseExpression } from "../../../lib/local/services/cloudwatch/metric-math-parser.ts";

const GRID = [0, 60, 120, 180];
const _ = undefined;

function math(source: string, metrics: Record<string, Points> = {}): Value {
  const context = {
    grid: GRID,
    lookup: (id: string): Value | undefined => {
      const points = metrics[id];
      return points && { kind: "series", points };
    },
    periodOf: (id: string) => (metrics[id] ? 60 : undefined),
    metricIds: Object.keys(metrics),
  };
  return evaluate(parseExpression(source), context);
}

const points = (source: string, metrics: Record<string, Points>) => {
  const value = math(source, metrics);
  if (value.kind !== "series") throw new Error(`${source} is a ${value.kind}`);
  return value.points;
};

describe("metric math", () => {
  it("binds ^ before *, * before +, + before comparison, comparison before AND, AND before OR", () => {
    expect(math("1 + 2 * 3 ^ 2")).toEqual({ kind: "scalar", value: 19 });
    expect(math("-2 ^ 2 * 3")).toEqual({ kind: "scalar", value: -12 });
    expect(math("1 + 1 > 1 AND 0 || 3 == 3")).toEqual({ kind: "scalar", value: 1 });
    expect(math("(1 + 2) * 3 - 4 / 2")).toEqual({ kind: "scalar", value: 7 });
  });

  it("has no point where one side of an operation has none", () => {
    expect(points("m1 + m2", { m1: [1, _, 3, 4], m2: [1, 1, _, 1] })).toEqual([2, _, _, 5]);
  });

  it("has no point where it divides by zero", () => {
    expect(points("100 * e / n", { e: [1, 0, 2, _], n: [4, 0, 2, 1] })).toEqual([25, _, 100, _]);
  });

  it("computes the error rate idiom, zero without requests", () => {
    const metrics = { inv: [10, 0, _, 20], err: [1, 0, _, _] };
    expect(points("IF(inv > 0, 100 * FILL(err, 0) / inv, 0)", metrics)).toEqual([10, 0, _, 0]);
  });

  it("takes IF without a third argument as no point when false", () => {
    expect(points("IF(m1 > 2, m1)", { m1: [1, 2, 3, _] })).toEqual([_, _, 3, _]);
  });

  it("compares a canary with its baseline point by point", () => {
    const metrics = { ci: [30, 30, 10, 30], ce: [3, 1, 5, 6], bi: [300, 300, 300, 300], be: [3, 3, 3, 60] };
    const rule = "IF(ci >= 20 AND 100*ce/ci > 5 AND ce/ci > 2*be/bi, 1, 0)";
    expect(points(rule, metrics)).toEqual([1, 0, 0, 0]);
  });

  it("fills with a number, the last value, or a line between neighbours", () => {
    const m1 = [_, 1, _, 3];
    expect(points("FILL(m1, 0)", { m1 })).toEqual([0, 1, 0, 3]);
    expect(points("FILL(m1, REPEAT)", { m1 })).toEqual([_, 1, 1, 3]);
    expect(points("FILL(m1, LINEAR)", { m1 })).toEqual([_, 1, 2, 3]);
  });

  it("aggregates one series to a number and several to a series", () => {
    expect(math("MAX(m1)", { m1: [1, 5, _, 2] })).toEqual({ kind: "scalar", value: 5 });
    expect(points("SUM([m1, m2])", { m1: [1, _, 3, _], m2: [1, 1, 1, _] })).toEqual([2, 1, 4, _]);
    expect(points("AVG(METRICS())", { m1: [1, _, 3, 2], m2: [3, 1, 1, 4] })).toEqual([2, 1, 2, 3]);
    expect(points("MIN(METRICS('err'))", { err1: [4, 4, 4, 4], ok: [0, 0, 0, 0] })).toEqual([4, 4, 4, 4]);
  });

  it("knows change, rate and period", () => {
    const m1 = [10, 70, _, 310];
    expect(points("DIFF(m1)", { m1 })).toEqual([_, 60, _, 240]);
    expect(points("RATE(m1)", { m1 })).toEqual([_, 1, _, 2]);
    expect(points("m1 / PERIOD(m1)", { m1 })[1]).toBeCloseTo(70 / 60);
  });

  it("refuses what CloudWatch has no function or variable for", () => {
    expect(() => math("MEDIAN(m1)", { m1: [1] })).toThrow("Function 'MEDIAN' not found");
    expect(() => math("m1 + nope", { m1: [1] })).toThrow("Undefined variable: 'nope'");
    expect(() => math("1 +")).toThrow("Unexpected 'end of expression'");
    expect(() => math("m1 $ 2", { m1: [1] })).toThrow("Unexpected character");
  });

  it("answers 501 for functions that CloudWatch has and this has not", () => {
    expect(() => math("ANOMALY_DETECTION_BAND(m1, 2)", { m1: [1] })).toThrow("does not implement cloudwatch");
  });
});
