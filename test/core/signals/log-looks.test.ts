import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { INTERVAL_MS, noSignals } from "../../../lib/core/signals/count.ts";
import { LATE_MS, type TakenEnvironments, takeEnvironments } from "../../../lib/core/signals/log-looks.ts";
import type { KnownInterval } from "../../../lib/core/signals/ports.ts";

const START = Date.parse("2026-03-01T12:00:00.000Z");

/** Requests of the canary's environments, all of which fail; by interval. */
const interval = (number: number, environments: Record<string, number>): KnownInterval => ({
  version: "2",
  fromMs: START + number * INTERVAL_MS,
  counts: {
    ...noSignals(0),
    environments: Object.fromEntries(
      Object.entries(environments).map(([id, requests]) => [id, { requests, errors: requests }]),
    ),
  },
});

const take = (before: TakenEnvironments | undefined, intervals: KnownInterval[], looks: number) =>
  takeEnvironments(before, intervals, "2", START + looks * INTERVAL_MS);

describe("the canary's environments", () => {
  it("are what a look finds beyond the looks before, late batches included, and the canary's only", () => {
    const first = take(undefined, [interval(0, { a: 3 }), { ...interval(0, { a: 50 }), version: "1" }], 1);
    expect(first.environments).toEqual({ a: { requests: 3, errors: 3 } });
    const second = take(first.taken, [interval(0, { a: 3, b: 1 }), interval(1, { a: 2 })], 2);
    expect(second.environments).toEqual({ a: { requests: 2, errors: 2 }, b: { requests: 1, errors: 1 } });
    expect(take(second.taken, [interval(0, { a: 3, b: 1 }), interval(1, { a: 2 })], 3).environments).toEqual({});
  });

  it("count every batch once that comes within five minutes, and none that comes later", () => {
    const LOOKS = 70;
    const LATE = LATE_MS / INTERVAL_MS;
    const batch = fc.record({
      at: fc.integer({ min: 0, max: LOOKS - 1 }),
      late: fc.integer({ min: 0, max: LATE + 5 }),
      id: fc.constantFrom("a", "b", "c"),
    });
    fc.assert(
      fc.property(fc.array(batch, { maxLength: 40 }), (batches) => {
        let taken: TakenEnvironments | undefined;
        let counted = 0;
        for (let look = 1; look <= LOOKS; look += 1) {
          // As the watch reads: what there is of the look's own interval and of the five minutes before it.
          const known = batches
            .filter(({ at, late }) => at + late < look && at < look && at >= look - 1 - LATE)
            .map(({ at, id }) => interval(at, { [id]: 1 }));
          const seen = take(taken, known, look);
          taken = seen.taken;
          for (const { requests } of Object.values(seen.environments)) counted += requests;
        }
        const inTime = batches.filter(({ at, late }) => late <= LATE && at + late < LOOKS);
        expect(counted).toBe(inTime.length);
      }),
    );
  });
});
