import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CesOptions, type CesState, initialCes, lookCes } from "../../../../lib/core/judge/sequential/ces.ts";
import {
  conditionalLogE,
  type EProcessState,
  initialEProcess,
  lookEProcess,
  sparseLogE,
} from "../../../../lib/core/judge/sequential/e-process.ts";
import { initialErrors, lookErrors } from "../../../../lib/core/judge/sequential/errors.ts";
import { type Block, hypergeometric } from "../../../../lib/core/judge/sequential/null-law.ts";
import { drawBlock, uniformFrom } from "../../../../lib/core/judge/sequential/traffic.ts";

const options: CesOptions = { alpha: 0.01, share: 0.1 };
const block = (
  canaryRequests: number,
  baselineRequests: number,
  canaryErrors: number,
  baselineErrors: number,
): Block => ({
  canaryRequests,
  baselineRequests,
  canaryErrors,
  baselineErrors,
});

/** Exact probability of a rollback when each row is a block of [canary, baseline, errors] and the version is harmless. */
function falseRollback(
  rows: [number, number, number][],
  opts: CesOptions,
  state: CesState = initialCes,
  at = 0,
): number {
  const row = rows[at];
  if (!row) return 0;
  const [canary, baseline, errors] = row;
  const law = hypergeometric(canary, baseline, errors);
  return law.probabilities.reduce((total, p, i) => {
    const canaryErrors = law.from + i;
    const look = lookCes(state, block(canary, baseline, canaryErrors, errors - canaryErrors), (at + 1) * 60, opts);
    return total + p * (look.rollback ? 1 : falseRollback(rows, opts, look.state, at + 1));
  }, 0);
}

describe("CES", () => {
  it("rolls a harmless version back exactly as often as it says it has spent", () => {
    const rows: [number, number, number][] = [
      [30, 70, 6],
      [20, 60, 5],
      [40, 50, 7],
      [10, 90, 8],
    ];
    let state = initialCes;
    for (const [i, [canary, baseline, errors]] of rows.entries()) {
      state = lookCes(state, block(canary, baseline, 0, errors), (i + 1) * 60, options).state;
    }
    expect(state.spent).toBeGreaterThan(0.002);
    expect(Math.abs(falseRollback(rows, options) - state.spent)).toBeLessThan(1e-12);
  });

  it("never spends more than alpha, whatever the looks are", () => {
    const counts = fc.record({
      seconds: fc.integer({ min: 1, max: 3600 }),
      canary: fc.integer({ min: 0, max: 300 }),
      baseline: fc.integer({ min: 0, max: 3000 }),
      rate: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(counts, { minLength: 1, maxLength: 40 }), (looks) => {
        let state = initialCes;
        let seconds = 0;
        for (const look of looks) {
          seconds += look.seconds;
          const failing = Math.floor(look.baseline * look.rate);
          state = lookCes(state, block(look.canary, look.baseline, 0, failing), seconds, options).state;
          expect(state.spent).toBeLessThanOrEqual((options.alpha * seconds) / (seconds + 60) + 1e-9);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("learns nothing from an outage of everything, nor from a side that served nothing", () => {
    const blind = [block(60, 540, 60, 540), block(100, 0, 40, 0), block(0, 100, 0, 40)];
    for (const one of blind) {
      const look = lookCes(initialCes, one, 60, options);
      expect(look).toMatchObject({ boundary: null, rollback: false });
      expect(look.state.cells).toEqual([1]);
    }
  });

  it("does not roll back on one error", () => {
    expect(lookCes(initialCes, block(1, 10_000, 1, 0), 60, options).rollback).toBe(false);
  });

  it("tolerates what the odds ratio tolerates, and waits for the least excess", () => {
    const worse = block(1000, 9000, 30, 150);
    expect(lookCes(initialCes, worse, 600, options).rollback).toBe(true);
    expect(lookCes(initialCes, worse, 600, { ...options, tolerance: 2 }).rollback).toBe(false);
    const guarded = { ...options, minExcess: 0.02 };
    const first = lookCes(initialCes, worse, 600, guarded);
    expect(first.rollback).toBe(false);
    expect(lookCes(first.state, block(100, 900, 40, 15), 660, guarded).rollback).toBe(true);
  });

  it("stays exact on a coarse lattice and needs no wide state", () => {
    // 20 % errors on both at 10,000 requests/s: a second hour would need 17,000 cells of one error each.
    let state = initialCes;
    for (let i = 1; i <= 720; i++) {
      const look = lookCes(state, block(10_000, 90_000, 2000, 18_000), i * 10, options);
      expect(look.rollback).toBe(false);
      state = look.state;
    }
    expect(state.unit).toBeGreaterThan(1);
    expect(state.cells.length).toBeLessThanOrEqual(9000);
    const sum = state.cells.reduce((total, cell) => total + cell, 0);
    expect(sum + state.spent).toBeCloseTo(1, 9);
    const mean = state.cells.reduce((total, cell, i) => total + cell * (state.from + i) * state.unit, 0) / sum;
    const deviation = Math.sqrt(state.variance);
    expect(Math.abs(mean - state.totals.canaryErrors)).toBeLessThan(0.2 * deviation);
    expect(
      lookCes(state, block(10_000, 90_000, 2000 + 6 * deviation, 18_000 - 6 * deviation), 7210, options),
    ).toMatchObject({ rollback: true });
  });

  it("is never kinder to a canary for one more error in its latest block", () => {
    const counts = fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 200 }));
    const looks = fc.array(
      fc.tuple(counts, fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })),
      {
        minLength: 1,
        maxLength: 8,
      },
    );
    fc.assert(
      fc.property(looks, (rows) => {
        let state = initialCes;
        for (const [i, [[canary, baseline], a, b]] of rows.entries()) {
          const failing = Math.floor(canary * a * 0.3);
          const others = Math.floor(baseline * b * 0.3);
          const look = lookCes(state, block(canary, baseline, failing, others), (i + 1) * 60, options);
          const worse = lookCes(state, block(canary, baseline, failing + 1, others), (i + 1) * 60, options);
          if (look.rollback) expect(worse.rollback).toBe(true);
          if (look.rollback) return;
          state = look.state;
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("error test of the judge", () => {
  it("rolls harmless versions back in at most alpha of releases, with a share that is not as configured too", () => {
    for (const [share, requestsPerSecond] of [
      [0.12, 1],
      [0.1, 1],
      [0.1, 0.5],
    ] as const) {
      let rollbacks = 0;
      for (let run = 0; run < 600; run++) {
        const uniform = uniformFrom(900_000 + run);
        let state = initialErrors;
        for (let elapsed = 10; elapsed <= 600; elapsed += 10) {
          const conditions = { requestsPerSecond, share, baselineRate: 0.2, canaryRate: 0.2 };
          const look = lookErrors(state, drawBlock(uniform, conditions, 10), 10, elapsed, { alpha: 0.05, share: 0.1 });
          state = look.state;
          if (!look.rollback) continue;
          rollbacks++;
          break;
        }
      }
      // 5 % of 600 are 30; three standard deviations more are 46.
      expect(rollbacks).toBeLessThanOrEqual(46);
    }
  });

  it("finds a dead canary in thin traffic by the e-process, before CES could", () => {
    const dead = { canaryRequests: 1, baselineRequests: 1, canaryErrors: 1, baselineErrors: 0 };
    let state = initialErrors;
    let looks = 0;
    let rollback = false;
    while (!rollback && looks < 20) {
      looks++;
      const look = lookErrors(state, dead, 60, looks * 60, { alpha: 0.01, share: 0.5 });
      ({ state, rollback } = look);
      expect(look.spent).toBeLessThanOrEqual(0.01);
    }
    expect(state.ces.crossed).toBe(false);
    expect(looks).toBeLessThanOrEqual(7);
  });
});

describe("e-process", () => {
  it("expects 1 of every bet while the version is harmless", () => {
    for (const [canary, baseline, errors] of [
      [6, 54, 3],
      [12, 30, 8],
      [8, 5, 7],
    ] as const) {
      const law = hypergeometric(canary, baseline, errors);
      for (const oddsRatio of [1.5, 10, 1000]) {
        const expected = law.probabilities.reduce((total, p, i) => {
          const j = law.from + i;
          return total + p * Math.exp(conditionalLogE(block(canary, baseline, j, errors - j), oddsRatio));
        }, 0);
        expect(expected).toBeCloseTo(1, 9);
      }
    }
  });

  it("expects at most 1 of a sparse bet, for any error rate of both", () => {
    for (const rate of [0, 0.001, 0.2, 0.9, 1]) {
      let expected = 0;
      for (const [canary, failed] of [
        [0, 0],
        [0, 1],
        [1, 0],
        [1, 1],
      ] as const) {
        const p = (canary ? 0.1 : 0.9) * (failed ? rate : 1 - rate);
        const one = block(canary, 1 - canary, canary * failed, (1 - canary) * failed);
        expected += p * Math.exp(sparseLogE(one, 30, 0.1, 0.001));
      }
      expect(expected).toBeLessThanOrEqual(1 + 1e-12);
    }
  });

  it("has a p-value that only ever falls, and rolls back when it is below alpha", () => {
    let state: EProcessState = initialEProcess;
    let before = 1;
    for (let minute = 1; minute <= 10; minute++) {
      const look = lookEProcess(state, block(1, 9, minute > 4 ? 1 : 0, 0), minute * 60, {
        alpha: 0.01,
        share: 0.1,
        plannedMinutes: 10,
      });
      expect(look.pValue).toBeLessThanOrEqual(before);
      before = look.pValue;
      state = look.state;
      if (look.rollback) {
        expect(look.pValue).toBeLessThanOrEqual(0.01);
        return;
      }
    }
    expect.unreachable("six failures of six on a tenth of the traffic must be enough");
  });
});
