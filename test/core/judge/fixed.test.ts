import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Policy, policySchema } from "../../../lib/contract/policy.ts";
import { judgeFixed } from "../../../lib/core/judge/fixed.ts";
import type { Look, SideCounts, Verdict } from "../../../lib/core/judge/types.ts";
import { counts, noCounts } from "../../fakes/monitoring.ts";

const policy = (checks: Partial<Policy["checks"]> = {}): Policy =>
  policySchema.parse({ schemaVersion: 1, functionName: "f", alias: "live", deploymentGroup: "g", checks });

const look = (canary: SideCounts, baseline: SideCounts, changes: Partial<Look> = {}): Look => ({
  elapsedSeconds: 60,
  seconds: 60,
  expectedShare: 0.1,
  observed: true,
  canary,
  baseline,
  ...changes,
});

/** The verdict after a row of looks. */
function judgeAll(looks: Look[], checks: Partial<Policy["checks"]> = {}): Verdict {
  let state: Parameters<typeof judgeFixed>[0];
  let verdict: Verdict | undefined;
  for (const one of looks) ({ state, verdict } = judgeFixed(state, one, policy(checks)));
  return verdict!;
}

const times = (n: number, one: Look) => Array.from({ length: n }, () => one);
const codes = (verdict: Verdict) => verdict.reasons.map((reason) => reason.code);

describe("fixed judge", () => {
  it("promotes a canary that is as good as the baseline, on enough requests", () => {
    const verdict = judgeAll(times(4, look(counts(60, 0), counts(540, 0))));
    expect(verdict).toMatchObject({ kind: "promote", findings: [] });
    expect(codes(verdict)).toEqual(["within-limits"]);
  });

  it("rolls back a canary whose errors are over the limit and over the ratio, with the figures", () => {
    const verdict = judgeAll(times(2, look(counts(60, 20), counts(540, 1))));
    expect(verdict.kind).toBe("rollback");
    expect(verdict.reasons[0]).toMatchObject({ code: "error-rate", observed: 20, limit: 5, samples: 120 });
    expect(verdict.reasons[0]?.baseline).toBeCloseTo(0.93, 2);
  });

  it("does not act on errors that are over the limit in one minute only", () => {
    const verdict = judgeAll([...times(4, look(counts(60, 0), counts(540, 0))), look(counts(60, 10), counts(540, 0))]);
    expect(verdict.kind).toBe("hold");
  });

  it("acts on a late fault that two of the last three looks show, although the sums are still fine", () => {
    const good = look(counts(600, 0), counts(5400, 0));
    const bad = look(counts(600, 8), counts(5400, 0));
    expect(judgeAll([...times(8, good), bad, good, bad])).toMatchObject({ kind: "rollback" });
    expect(judgeAll([...times(8, good), bad, good, good])).toMatchObject({ kind: "promote" });
  });

  it("does not act on a canary over the limit that is within the ratio of its baseline", () => {
    expect(judgeAll(times(3, look(counts(100, 6), counts(900, 4.5)))).kind).toBe("promote");
  });

  it("names an outage of both versions as a finding and blames neither", () => {
    const verdict = judgeAll(times(4, look(counts(60, 30), counts(540, 30))));
    expect(verdict.kind).toBe("promote");
    expect(verdict.findings).toEqual([
      expect.objectContaining({ code: "baseline-unhealthy", observed: 30, baseline: 30, limit: 5 }),
    ]);
  });

  it("does not call it a finding when only the baseline is bad: the release is the fix", () => {
    expect(judgeAll(times(4, look(counts(60, 0), counts(540, 15)))).findings).toEqual([]);
  });

  it("still blames a canary that is far worse than an unhealthy baseline", () => {
    expect(judgeAll(times(2, look(counts(60, 60), counts(540, 10)))).kind).toBe("rollback");
  });

  it("rolls back over the threshold that was given for the release, without regard to the ratio", () => {
    const looks = times(2, look(counts(100, 5), counts(900, 3.9)));
    expect(judgeAll(looks).kind).toBe("promote");
    const verdict = judgeAll(looks, { rollbackThresholdPercent: 4 });
    expect(verdict.kind).toBe("rollback");
    expect(codes(verdict)).toEqual(["rollback-threshold"]);
  });

  it("does not blame the canary for a threshold that the baseline is over as well", () => {
    const verdict = judgeAll(times(2, look(counts(100, 4), counts(900, 4))), { rollbackThresholdPercent: 2 });
    expect(verdict.kind).toBe("promote");
    expect(verdict.findings.map((finding) => finding.code)).toEqual(["baseline-unhealthy"]);
  });

  it("rolls back an average duration over the limit, unless the baseline is over it too", () => {
    const slow = counts(60, 0, 12_000, 12_000);
    expect(codes(judgeAll(times(2, look(slow, counts(540, 0, 300, 12_000)))))).toEqual(["average-duration"]);
    const both = judgeAll(times(2, look(slow, counts(540, 0, 11_000, 12_000))));
    expect(both.kind).toBe("promote");
    expect(both.findings[0]?.code).toBe("baseline-unhealthy");
  });

  it("rolls back a p99 over the ratio only when every look of four minutes breaks it", () => {
    const slow = look(counts(60, 0, 50, 900), counts(540, 0, 50, 200));
    const good = look(counts(60, 0, 50, 200), counts(540, 0, 50, 200));
    expect(codes(judgeAll(times(4, slow)))).toEqual(["p99-duration"]);
    expect(judgeAll(times(3, slow)).kind).toBe("hold");
    expect(judgeAll([slow, slow, good, slow]).kind).toBe("hold");
  });

  it("does not take cold starts in the first minute for slowness", () => {
    const cold = look(counts(60, 0, 90, 4100), counts(540, 0, 50, 200));
    expect(judgeAll([cold, ...times(3, look(counts(60, 0), counts(540, 0)))]).kind).toBe("promote");
  });

  it("holds a release whose canary gets far less than its share", () => {
    const verdict = judgeAll(times(2, look(counts(20, 0), counts(580, 0))));
    expect(verdict.kind).toBe("hold");
    expect(verdict.reasons[0]).toMatchObject({ code: "traffic-share", limit: 0.5 });
    expect(verdict.reasons[0]?.observed).toBeCloseTo(0.33, 2);
  });

  it("holds a release whose canary finishes nothing, and says that nothing is known of it", () => {
    expect(codes(judgeAll([look(noCounts, counts(600, 0))]))).toEqual(["traffic-share", "too-few-samples"]);
  });

  it("is inconclusive below the minimum of requests and says how many are missing", () => {
    const verdict = judgeAll([look(counts(7, 100), counts(63, 0))]);
    expect(verdict.kind).toBe("inconclusive");
    expect(verdict.reasons[0]).toMatchObject({ code: "too-few-samples", observed: 7, limit: 20 });
    expect(verdict.reasons[0]?.message).toContain("13 more");
  });

  it("adds up looks until there are enough requests", () => {
    const one = look(counts(7, 100), counts(63, 0));
    expect(judgeAll(times(2, one)).kind).toBe("inconclusive");
    expect(judgeAll(times(3, one)).kind).toBe("rollback");
  });

  it("is inconclusive when monitoring could not be read, whatever the counts say", () => {
    const verdict = judgeAll([
      ...times(3, look(counts(60, 0), counts(540, 0))),
      look(counts(60, 100), counts(540, 0), { observed: false }),
    ]);
    expect(verdict.kind).toBe("inconclusive");
    expect(codes(verdict)).toEqual(["monitoring-unavailable"]);
  });

  it("goes on with what it knew after a look that could not be read", () => {
    const bad = look(counts(60, 30), counts(540, 0));
    expect(judgeAll([bad, look(noCounts, noCounts, { observed: false }), bad]).kind).toBe("rollback");
  });

  it("judges a canary without a concurrent baseline by the absolute limits", () => {
    const alone = (errors: number) => times(2, look(counts(60, errors), noCounts, { expectedShare: 1 }));
    expect(judgeAll(alone(0)).kind).toBe("promote");
    expect(judgeAll(alone(20))).toMatchObject({ kind: "rollback" });
    expect(judgeAll(alone(20)).reasons[0]?.baseline).toBeNull();
  });

  it("keeps a state that survives being stored as JSON", () => {
    const bad = look(counts(60, 8), counts(540, 0));
    const first = judgeFixed(undefined, bad, policy());
    const stored = JSON.parse(JSON.stringify(first.state));
    expect(judgeFixed(stored, bad, policy()).verdict).toEqual(judgeFixed(first.state, bad, policy()).verdict);
  });
});

const RANK = { promote: 0, hold: 1, inconclusive: 1, rollback: 2 } as const;
const side = fc
  .record({
    invocations: fc.integer({ min: 0, max: 2000 }),
    errorShare: fc.double({ min: 0, max: 1, noNaN: true }),
    averageMs: fc.double({ min: 1, max: 30_000, noNaN: true }),
    p99Factor: fc.double({ min: 1, max: 20, noNaN: true }),
  })
  .map(
    ({ invocations, errorShare, averageMs, p99Factor }): SideCounts => ({
      invocations,
      errors: Math.round(invocations * errorShare),
      throttles: 0,
      averageDurationMs: invocations === 0 ? undefined : averageMs,
      p99DurationMs: invocations === 0 ? undefined : averageMs * p99Factor,
    }),
  );
const looks = fc.array(
  fc.record({ canary: side, baseline: side, observed: fc.boolean(), share: fc.constantFrom(0.1, 0.5, 1) }),
  { minLength: 1, maxLength: 8 },
);
const checks = fc.record({
  maxErrorRatePercent: fc.integer({ min: 0, max: 50 }),
  maxErrorRateRatio: fc.double({ min: 1, max: 5, noNaN: true }),
  minSamples: fc.integer({ min: 1, max: 200 }),
  rollbackThresholdPercent: fc.option(fc.integer({ min: 0, max: 50 }), { nil: undefined }),
});
const toLooks = (drawn: { canary: SideCounts; baseline: SideCounts; observed: boolean; share: number }[]) =>
  drawn.map((one) => look(one.canary, one.baseline, { observed: one.observed, expectedShare: one.share }));

describe("fixed judge, for any traffic", () => {
  it("never gives a better verdict when the canary gets worse", () => {
    fc.assert(
      fc.property(
        looks,
        checks,
        fc.record({ index: fc.nat(), errors: fc.nat(2000), ms: fc.nat(60_000), p99: fc.nat(60_000) }),
        (drawn, limits, worse) => {
          const before = toLooks(drawn);
          const after = before.map((one, i) =>
            i === worse.index % before.length && one.canary.invocations > 0
              ? {
                  ...one,
                  canary: {
                    ...one.canary,
                    errors: Math.min(one.canary.invocations, one.canary.errors + worse.errors),
                    averageDurationMs: one.canary.averageDurationMs! + worse.ms,
                    p99DurationMs: one.canary.p99DurationMs! + worse.p99,
                  },
                }
              : one,
          );
          expect(RANK[judgeAll(after, limits).kind]).toBeGreaterThanOrEqual(RANK[judgeAll(before, limits).kind]);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("never promotes without canary requests", () => {
    fc.assert(
      fc.property(looks, checks, (drawn, limits) => {
        const silent = toLooks(drawn.map((one) => ({ ...one, canary: noCounts })));
        expect(judgeAll(silent, limits).kind).not.toBe("promote");
        const nobody = toLooks(drawn.map((one) => ({ ...one, canary: noCounts, baseline: noCounts })));
        expect(judgeAll(nobody, limits).kind).not.toBe("promote");
      }),
    );
  });

  it("never rolls back when both sides are equally bad", () => {
    fc.assert(
      fc.property(looks, checks, (drawn, limits) => {
        const equal = toLooks(drawn.map((one) => ({ ...one, baseline: one.canary })));
        expect(judgeAll(equal, limits).kind).not.toBe("rollback");
      }),
      { numRuns: 300 },
    );
  });
});
