import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { errorTestAlpha } from "../../lib/contract/budget.ts";
import { type Expectation, informationPerRequest, remedyFor, visibility } from "../../lib/contract/detectability.ts";
import { policySchema } from "../../lib/contract/policy.ts";
import { planRelease } from "../../lib/core/judge/sequential/plan.ts";

const expectation = (over: Partial<Expectation> = {}): Expectation => ({
  requestsPerSecond: 1,
  baselineRate: 0.001,
  canaryRate: 0.05,
  alpha: errorTestAlpha(),
  ...over,
});
const canary = (minutes: number, share = 0.1) => [{ share, minutes }];

describe("what a release can find out", () => {
  it("reaches the least time of the reference cases: 10 requests a second, a tenth of them, 0.1 % against 5 % in 50 s", () => {
    const seconds = Math.log(1 / 0.01) / (10 * informationPerRequest(0.1, 0.001, 0.05));
    expect(seconds).toBeCloseTo(50, 0);
    expect(Math.log(1 / 0.01) / (10 * informationPerRequest(0.1, 0, 0.2))).toBeCloseTo(9.6, 1);
  });

  it("is what `judge --plan` gives as the limit for the same policy", () => {
    const names = { functionName: "f", alias: "live", deploymentGroup: "g" };
    const policy = policySchema.parse({ schemaVersion: 1, ...names, checks: { falseRollbackPercent: 2 } });
    const input = { requestsPerSecond: 10, baselineRate: 0.001, share: 0.1, minutes: 10, lookSeconds: 60 };
    const row = planRelease(input, policy).rows.find(({ canaryRate }) => canaryRate === 0.05);
    const least = Math.log(1 / errorTestAlpha(2)) / (10 * informationPerRequest(0.1, 0.001, 0.05));
    expect(row?.limitSeconds).toBeCloseTo(least, 6);
  });

  it("asks for three errors of the canary at least, however quiet the baseline is", () => {
    const threeErrors = { requestsPerSecond: 3 / (0.5 * 0.5 * 60), canaryRate: 0.5, baselineRate: 0, alpha: 0.5 };
    expect(visibility(canary(1, 0.5), expectation(threeErrors))).toBeCloseTo(1, 9);
  });

  it("grows with time, with traffic and with what may be blamed wrongly", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 100, noNaN: true }),
        fc.integer({ min: 1, max: 60 }),
        fc.double({ min: 0.01, max: 0.5, noNaN: true }),
        (requestsPerSecond, minutes, share) => {
          const seen = visibility(canary(minutes, share), expectation({ requestsPerSecond }));
          const more = [
            visibility(canary(minutes + 1, share), expectation({ requestsPerSecond })),
            visibility(canary(minutes, share), expectation({ requestsPerSecond: 2 * requestsPerSecond })),
          ];
          for (const one of more) expect(one).toBeGreaterThan(seen);
          expect(
            visibility(canary(minutes, share), expectation({ requestsPerSecond, alpha: 0.05 })),
          ).toBeGreaterThanOrEqual(seen);
        },
      ),
    );
  });

  it("adds up over the steps of a shift", () => {
    const steps = [
      { share: 0.1, minutes: 3 },
      { share: 0.1, minutes: 7 },
    ];
    expect(visibility(steps, expectation())).toBeCloseTo(visibility(canary(10), expectation()), 9);
  });
});

describe("what helps a blind shift", () => {
  it("is a time and a share that each suffice, and hardly more", () => {
    const thin = expectation({ requestsPerSecond: 2 });
    expect(visibility(canary(5), thin)).toBeLessThan(1);
    const { timesLonger = 0, sharePercent = 0 } = remedyFor(canary(5), thin);
    expect(visibility(canary(5 * timesLonger), thin)).toBeCloseTo(1, 9);
    expect(visibility(canary(5, sharePercent / 100), thin)).toBeGreaterThanOrEqual(1);
    expect(visibility(canary(5, (sharePercent - 1) / 100), thin)).toBeLessThan(1);
  });

  it("is neither where 48 hours and half of the traffic are not enough", () => {
    expect(remedyFor(canary(5), expectation({ requestsPerSecond: 1e-4 }))).toEqual({});
  });

  it("is no share where the shift has several", () => {
    const steps = [canary(1), canary(1, 0.2)].flat();
    expect(remedyFor(steps, expectation({ requestsPerSecond: 0.5 }))).not.toHaveProperty("sharePercent");
  });
});
