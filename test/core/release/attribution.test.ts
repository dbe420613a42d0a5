import { describe, expect, it } from "vitest";
import { blame, chanceOf, MOST_ROUNDS } from "../../../lib/core/release/attribution.ts";
import { SeededRandom } from "../../../lib/local/kernel/random.ts";

const of = (serving: number, knownGood: number, asked = MOST_ROUNDS) =>
  blame({ asked, failed: serving }, { asked, failed: knownGood });

/** Asks both versions, which fail with these rates, until it is clear. */
function asking(serving: number, knownGood: number, random: SeededRandom) {
  const [a, b] = [
    { asked: 0, failed: 0 },
    { asked: 0, failed: 0 },
  ];
  for (;;) {
    a.asked += 1;
    b.asked += 1;
    if (random.chance(serving)) a.failed += 1;
    if (random.chance(knownGood)) b.failed += 1;
    const whose = blame(a, b);
    if (whose) return { whose, rounds: a.asked };
  }
}

const percent = (serving: number, knownGood: number, whose: string) => {
  const random = new SeededRandom(11);
  const runs = 2000;
  return (
    (100 *
      Array.from({ length: runs }, () => asking(serving, knownGood, random)).filter((r) => r.whose === whose).length) /
    runs
  );
};

describe("whose doing an alarm after a release is", () => {
  it("blames the version that alone fails, and at once when it fails always", () => {
    expect(of(9, 0, 9)).toBe("release");
    expect(of(8, 0, 9)).toBeUndefined();
    expect(of(1, 0)).toBe("release");
  });

  it("blames what both share when the known good version fails as well", () => {
    expect(of(3, 3, 4)).toBe("shared");
    expect(of(4, 2)).toBe("shared");
  });

  it("finds nothing uneven in however many failures of both", () => {
    for (const each of [1, 30, 537, 538, 5000]) expect(chanceOf(each, 2 * each)).toBeGreaterThan(0.5);
    expect(chanceOf(5000, 5000)).toBe(0);
  });

  it("does not take one failure of the known good version for an outage", () => {
    expect(of(12, 1)).toBe("release");
    expect(of(3, 1)).toBe("release");
  });

  it("knows nothing when nothing fails, or only what served before", () => {
    expect(of(0, 9, 9)).toBe("unknown");
    expect(of(0, 5)).toBe("unknown");
    expect(of(0, 0)).toBe("unknown");
    expect(of(0, 0, MOST_ROUNDS - 1)).toBeUndefined();
  });

  it.each([0.2, 0.3, 0.6, 1])("leaves the release alone in an outage of %f of requests, in 95 of 100", (rate) => {
    expect(percent(rate, rate, "shared")).toBeGreaterThan(95);
  });

  it.each([0.1, 0.3, 1])("finds a version that fails %f of requests, in 95 of 100", (rate) => {
    expect(percent(rate, 0.001, "release")).toBeGreaterThan(95);
  });
});
