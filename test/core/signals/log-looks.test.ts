import { describe, expect, it } from "vitest";
import { INTERVAL_MS, noSignals } from "../../../lib/core/signals/count.ts";
import { comesLate, environmentsOf, sideOf, take, takeLate } from "../../../lib/core/signals/log-looks.ts";
import type { KnownInterval } from "../../../lib/core/signals/ports.ts";

const START = Date.parse("2026-03-01T12:00:00.000Z");
const at = (number: number) => START + number * INTERVAL_MS;

/** Requests of the canary's environments, all of which fail; by interval. */
const interval = (number: number, environments: Record<string, number>): KnownInterval => {
  const requests = Object.values(environments).reduce((sum, count) => sum + count, 0);
  const none = noSignals(0);
  return {
    version: "2",
    fromMs: at(number),
    counts: {
      ...none,
      requests,
      errors: { ...none.errors, thrown: requests },
      environments: Object.fromEntries(
        Object.entries(environments).map(([id, count]) => [id, { requests: count, errors: count }]),
      ),
    },
  };
};

describe("what a look at the log takes", () => {
  it("is the version's own, of the look's own intervals", () => {
    const known = [{ ...interval(1, { a: 50 }), version: "1" }, interval(1, { a: 2, b: 1 })];
    expect(sideOf(known, "2")).toMatchObject({ invocations: 3, errors: 3 });
    expect(environmentsOf(known, "2")).toEqual({
      a: { requests: 2, errors: 2 },
      b: { requests: 1, errors: 1 },
    });
  });

  it("is no slow request, and no unknown number of them, of a version without a request", () => {
    expect(sideOf([interval(1, { a: 2 })], "1", 2)).toMatchObject({ invocations: 0, errors: 0, slow: [0, 0] });
    expect(sideOf([], "1").slow).toBeUndefined();
  });

  it("has what came too late for its look counted once, and not compared: the other version's is of another time", () => {
    const first = take({}, [interval(0, { a: 3 })], "2");
    const second = take(first, [interval(1, { a: 2 })], "2");
    const earlier = [interval(0, { a: 3, b: 4 }), interval(1, { a: 2 })];
    const third = takeLate(second, earlier, "2");
    expect(third.late).toBe(4);
    expect(takeLate(third.taken, earlier, "2")).toEqual({ taken: third.taken, late: 0 });
  });

  it("is kept for as long as something late is looked for", () => {
    const minutes = (taken: Record<string, number>) =>
      Object.keys(taken).map((key) => (Number(key) * 1000 - START) / 60_000);
    const sixMinutes = [0, 1, 2, 3, 4, 5, 6].reduce(
      (taken, minute) => take(taken, [interval(30 * minute, { a: 1 })], "2"),
      {},
    );
    expect(minutes(sixMinutes)).toEqual([1, 2, 3, 4, 5, 6]);
  });
});

describe("a log that comes late", () => {
  const arrived = (compared: number, late: number) => ({
    canary: { compared, late },
    baseline: { compared: 900, late: 0 },
  });

  it("is left where more than a fifth of a version's requests come too late", () => {
    expect(comesLate(arrived(79, 21))?.message).toMatch(/^21 of 100 requests of the canary's log came too late/);
    expect(comesLate({ ...arrived(100, 0), baseline: { compared: 100, late: 100 } })?.message).toContain("baseline");
  });

  it("is followed where fewer do, or where they are a handful", () => {
    expect(comesLate(arrived(80, 20))).toBeUndefined();
    expect(comesLate(arrived(0, 19))).toBeUndefined();
  });
});
