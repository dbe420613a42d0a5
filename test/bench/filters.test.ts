import { describe, expect, it } from "vitest";
import { randomCrashes } from "../../bench/filters/life.ts";

const AT_ONCE = 10;

describe("releases whose programs die at random calls", () => {
  // The benchmark has a thousand.
  it.each([1, 11, 21, 31, 41])(
    "leave no subscription filter behind (seeds from %s on)",
    { timeout: 120_000 },
    async (from) => {
      for (let seed = from; seed < from + AT_ONCE; seed += 1) {
        const { left, ending, diedAt } = await randomCrashes(seed);
        const filters = left.filter((what) => what.startsWith("filter") || what.startsWith("the plan"));
        expect({ seed, ending, diedAt, filters }).toEqual({ seed, ending, diedAt, filters: [] });
      }
    },
  );
});
