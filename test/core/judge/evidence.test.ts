import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { surelyAbove, surelyAtLeast } from "../../../lib/core/judge/certainty.ts";
import { countNew, nothingCounted } from "../../../lib/core/judge/increments.ts";
import { slowBounds } from "../../../lib/core/judge/slow-bounds.ts";
import { slowThresholds } from "../../../lib/core/release/slow-thresholds.ts";

const minute = (at: number, invocations: number, errors: number, slow?: number) => ({
  at: new Date(at * 60_000),
  invocations,
  errors,
  slow: slow === undefined ? undefined : [{ least: slow, most: slow + 1 }],
});

describe("counts that come late", () => {
  it("belong to the look that finds them, and count once", () => {
    const first = countNew(nothingCounted, [minute(1, 50, 1, 5)], "least");
    expect(first.increment).toEqual({ invocations: 50, errors: 1, slow: [5] });
    const second = countNew(first.counted, [minute(1, 60, 3, 7), minute(2, 10, 0, 1)], "least");
    expect(second.increment).toEqual({ invocations: 20, errors: 2, slow: [3] });
    const third = countNew(second.counted, [minute(1, 60, 3, 7), minute(2, 10, 0, 1)], "least");
    expect(third.increment).toEqual({ invocations: 0, errors: 0, slow: [0] });
  });

  it("wait where errors are published before their requests", () => {
    const early = countNew(nothingCounted, [minute(1, 2, 5)], "least");
    expect(early.increment).toMatchObject({ invocations: 2, errors: 2 });
    const later = countNew(early.counted, [minute(1, 20, 5)], "least");
    expect(later.increment).toMatchObject({ invocations: 18, errors: 3 });
  });

  it("add up to what was published in the end, however it came", () => {
    const arrivals = fc.array(fc.tuple(fc.nat(20), fc.nat(5)), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(arrivals, (parts) => {
        let [counted, requests, errors] = [nothingCounted, 0, 0];
        let total = { invocations: 0, errors: 0 };
        for (const [more, failed] of [...parts, [200, 0] as const]) {
          requests += more;
          errors += failed;
          const step = countNew(counted, [minute(1, requests, errors)], "least");
          counted = step.counted;
          expect(step.increment.errors).toBeLessThanOrEqual(step.increment.invocations);
          const { invocations } = step.increment;
          total = { invocations: total.invocations + invocations, errors: total.errors + step.increment.errors };
        }
        expect(total).toEqual({ invocations: requests, errors });
      }),
    );
  });

  it("add up in whatever order minutes come, late and more than once in a reading", () => {
    const published = fc.array(fc.array(fc.tuple(fc.nat(20), fc.nat(5)), { minLength: 6, maxLength: 6 }), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(published, fc.infiniteStream(fc.nat()), (minutes, order) => {
        let counted = nothingCounted;
        let total = { invocations: 0, errors: 0 };
        // A part of each minute comes with it, the others up to five minutes later.
        for (let now = 0; now < minutes.length + 5; now++) {
          const read = minutes.slice(0, now + 1).map((parts, at) => {
            const there = parts.slice(0, now - at + 1);
            const failed = there.reduce((sum, [, errors]) => sum + errors, 0);
            return minute(at, failed + there.reduce((sum, [served]) => sum + served, 0), failed);
          });
          const twice = [...read, ...read.filter(() => order.next().value! % 3 === 0)];
          const mixed = twice
            .map((one) => [order.next().value!, one] as const)
            .sort(([a], [b]) => a - b)
            .map(([, one]) => one);
          const step = countNew(counted, mixed, "least");
          counted = step.counted;
          const { invocations, errors } = step.increment;
          total = { invocations: total.invocations + invocations, errors: total.errors + errors };
        }
        const failed = minutes.flat().reduce((sum, [, errors]) => sum + errors, 0);
        const served = minutes.flat().reduce((sum, [requests]) => sum + requests, 0);
        expect(total).toEqual({ invocations: served + failed, errors: failed });
      }),
    );
  });

  it("take nothing back when a figure is corrected downwards, and stay few", () => {
    const first = countNew(nothingCounted, [minute(1, 50, 3)], "least");
    expect(countNew(first.counted, [minute(1, 40, 2)], "least").increment).toMatchObject({ invocations: 0, errors: 0 });
    let { counted } = first;
    for (let at = 2; at < 100; at++) counted = countNew(counted, [minute(at, 5, 0)], "least").counted;
    expect(Object.keys(counted.minutes)).toHaveLength(10);
  });

  it("accuse the canary of the least and excuse the baseline with the most", () => {
    expect(countNew(nothingCounted, [minute(1, 50, 0, 5)], "least").increment.slow).toEqual([5]);
    expect(countNew(nothingCounted, [minute(1, 50, 0, 5)], "most").increment.slow).toEqual([6]);
    expect(countNew(nothingCounted, [minute(1, 50, 0)], "most").increment.slow).toBeUndefined();
  });
});

describe("slow requests known by percentiles only", () => {
  it("lie between the bounds, for any durations and threshold", () => {
    const durations = fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(durations, fc.integer({ min: 0, max: 550 }), (values, threshold) => {
        const sorted = [...values].sort((a, b) => a - b);
        const percentiles = Object.fromEntries(
          [50, 90, 95, 99].map((p) => [p, sorted[Math.ceil((p / 100) * sorted.length) - 1]!]),
        );
        const slow = values.filter((value) => value > threshold).length;
        const { least, most } = slowBounds(values.length, percentiles, threshold);
        expect(slow).toBeGreaterThanOrEqual(least);
        expect(slow).toBeLessThanOrEqual(most);
      }),
    );
  });

  it("are close where a percentile is close to the threshold", () => {
    expect(slowBounds(1000, { 50: 100, 90: 210, 95: 190, 99: 400 }, 200)).toMatchObject({ most: 100 });
    expect(slowBounds(1000, { 50: 100, 95: 190, 98: 210, 99: 400 }, 200)).toEqual({ least: 20, most: 50 });
  });
});

describe("an absolute limit", () => {
  it("is passed for sure by counts that a rate at the limit hardly brings", () => {
    expect(surelyAbove(20, 20, 0.03, 0.00025)).toBe(true);
    expect(surelyAbove(4, 120, 0.03, 0.00025)).toBe(false);
    expect(surelyAbove(0, 0, 0.03, 0.5)).toBe(false);
    const least = surelyAtLeast(50, 100, 0.00025);
    expect(least).toBeGreaterThan(0.25);
    expect(least).toBeLessThan(0.5);
    expect(surelyAtLeast(0, 100, 0.00025)).toBe(0);
  });
});

describe("thresholds of slow requests", () => {
  const served = (requests: number, valuesMs: number[]) => slowThresholds(async () => ({ requests, valuesMs }));

  it("are percentiles of what was served before, rounded, each once", async () => {
    expect(await served(5000, [40.123, 94.44, 291.7])).toEqual([40.1, 94.4, 292]);
    expect(await served(5000, [50, 50.01, 50.02])).toEqual([50]);
  });

  it("are none where too little was served", async () => {
    expect(await served(99, [40, 90, 200])).toEqual([]);
    expect(await slowThresholds(async () => undefined)).toEqual([]);
  });
});
