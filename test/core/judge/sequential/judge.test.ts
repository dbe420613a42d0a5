import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Policy, policySchema } from "../../../../lib/contract/policy.ts";
import { GoaroundError } from "../../../../lib/core/errors.ts";
import { compactState, judgeSequential } from "../../../../lib/core/judge/sequential/judge.ts";
import type { JudgeState, Look, SideCounts, Verdict } from "../../../../lib/core/judge/types.ts";

const policy = (checks: Partial<Policy["checks"]> = {}): Policy =>
  policySchema.parse({ schemaVersion: 1, functionName: "f", alias: "live", deploymentGroup: "g", checks });
const counts = (invocations: number, errors: number, more: Partial<SideCounts> = {}): SideCounts => ({
  invocations,
  errors,
  throttles: 0,
  averageDurationMs: undefined,
  p99DurationMs: undefined,
  ...more,
});
const look = (canary: SideCounts, baseline: SideCounts, changes: Partial<Look> = {}): Look => ({
  elapsedSeconds: 60,
  seconds: 60,
  expectedShare: 0.1,
  observed: true,
  canary,
  baseline,
  ...changes,
});
const times = (n: number, one: Look) => Array.from({ length: n }, () => one);

function judgeAll(looks: Look[], given = policy(), between = (state: JudgeState) => state): Verdict[] {
  let state: JudgeState | undefined;
  return looks.map((one) => {
    const judged = judgeSequential(state, one, given);
    state = between(judged.state);
    return judged.verdict;
  });
}
const last = (looks: Look[], given = policy()) => judgeAll(looks, given).at(-1)!;
const codes = (verdict: Verdict) => verdict.reasons.map(({ code }) => code);
const RANK = { promote: 0, inconclusive: 1, hold: 2, rollback: 3 };

const side = (most: number) =>
  fc
    .tuple(fc.integer({ min: 0, max: most }), fc.double({ min: 0, max: 0.4, noNaN: true }))
    .map(([requests, rate]) => counts(requests, Math.floor(requests * rate)));
const anyLook = fc.tuple(side(100), side(900)).map(([canary, baseline]) => look(canary, baseline));
const anyLooks = fc.array(anyLook, { minLength: 1, maxLength: 6 });

describe("sequential judge", () => {
  it("rolls back on more errors than a harmless version has, with the figures and the budget", () => {
    const verdict = last([look(counts(600, 18), counts(5400, 54))]);
    expect(verdict.kind).toBe("rollback");
    expect(verdict.reasons[0]).toMatchObject({ code: "more-errors", observed: 18, baseline: 54, samples: 600 });
    expect(verdict.reasons[0]!.limit).toBeLessThanOrEqual(18);
    expect(verdict.reasons[0]!.spent).toBeLessThanOrEqual(0.006);
    expect(codes(verdict).at(-1)).toBe("effect");
  });

  it("promotes only when a tolerated regression is excluded, and says what is missing", () => {
    const healthy = look(counts(60, 0), counts(540, 0));
    const verdicts = judgeAll(times(4, healthy));
    expect(verdicts[0]).toMatchObject({ kind: "inconclusive" });
    expect(verdicts[0]!.reasons[0]!.code).toBe("not-proven-healthy");
    expect(verdicts[0]!.reasons[0]!.message).toMatch(/about \d+ more canary requests/);
    expect(verdicts.at(-1)!.kind).toBe("promote");
  });

  it("never promotes without evidence", () => {
    for (const nothing of [
      look(counts(0, 0), counts(0, 0)),
      look(counts(0, 0), counts(9000, 0), { expectedShare: 0 }),
      look(counts(0, 0), counts(0, 0), { observed: false }),
      look(counts(19, 0), counts(171, 0)),
    ]) {
      expect(last([nothing]).kind).not.toBe("promote");
      expect(last([nothing, look(counts(0, 0), counts(0, 0), { observed: false })]).kind).not.toBe("promote");
    }
  });

  it("blames no canary for an outage on both versions", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: 40 }), (tenths, minutes) => {
        const outage = look(counts(60, 6 * tenths), counts(540, 54 * tenths));
        const verdicts = judgeAll(times(minutes, outage));
        expect(verdicts.every(({ kind }) => kind !== "rollback")).toBe(true);
        if (minutes > 2) expect(verdicts.at(-1)!.findings[0]?.code).toBe("baseline-unhealthy");
      }),
      { numRuns: 30 },
    );
  });

  // 16.8 % against 10 %: beyond what the whole alpha asks for, not beyond what an outage leaves of it.
  const shared = look(counts(250, 42), counts(2000, 200));

  it("asks for more evidence once the baseline fails too, and says so", () => {
    const verdict = last([shared]);
    expect(verdict.kind).not.toBe("rollback");
    expect(verdict.reasons.find(({ code }) => code === "more-errors")!.message).toMatch(/the baseline fails too/);
    expect(last([shared], policy({ maxErrorRatePercent: 15 })).kind).toBe("rollback");
  });

  it("keeps asking for more when the outage is over", () => {
    const over = look(counts(250, 0), counts(2250, 0));
    for (const verdict of judgeAll([shared, ...times(20, over)])) expect(verdict.kind).not.toBe("rollback");
  });

  it("finds a canary that is worse than the outage, whenever it becomes so", () => {
    const alike = look(counts(60, 12), counts(540, 108));
    for (const before of [0, 1, 20]) {
      const verdicts = judgeAll([...times(before, alike), ...times(5, look(counts(60, 36), counts(540, 108)))]);
      expect(verdicts.slice(0, before).map(({ kind }) => kind)).not.toContain("rollback");
      expect(verdicts.at(-1)!.kind).toBe("rollback");
      const found = verdicts.at(-1)!.reasons.find(({ code }) => code === "more-errors")!;
      expect(found.spent).toBeLessThanOrEqual(0.0005);
    }
  });

  it("lets a relative rule act only together with the test", () => {
    // 3 of 30 is over 5 % and over 1.5 × the baseline, but not more than chance brings.
    const verdict = last(times(2, look(counts(15, 1.5), counts(135, 6))));
    expect(codes(verdict)).not.toContain("more-errors");
    expect(verdict.kind).toBe("hold");
    expect(verdict.reasons[0]!.message).toContain("the sequential test does not agree yet");
  });

  it("finds slowness by counts, and credits cold starts", () => {
    const warm = (slow: number, coldStarts = 0) =>
      look(counts(600, 0, { slow: [slow], coldStarts }), counts(5400, 0, { slow: [54] }));
    expect(codes(last([warm(30)]))[0]).toBe("slower");
    expect(codes(last([warm(30, 28)]))).not.toContain("slower");
    const both = look(counts(600, 0, { slow: [300] }), counts(5400, 0, { slow: [2700] }));
    expect(codes(last(times(5, both)))).not.toContain("slower");
  });

  it("holds a canary that does not finish its share, or rolls it back when the policy says so", () => {
    const hanging = look(counts(0, 0), counts(540, 0));
    expect(last([hanging])).toMatchObject({ kind: "hold" });
    expect(codes(last([hanging]))).toContain("traffic-deficit");
    expect(last([hanging], policy({ onTrafficDeficit: "rollback" })).kind).toBe("rollback");
    expect(codes(last(times(10, look(counts(60, 0), counts(540, 0)))))).not.toContain("traffic-deficit");
  });

  it("waits for the least excess that the policy asks for", () => {
    const slightly = times(5, look(counts(6000, 90), counts(54_000, 540)));
    expect(last(slightly).kind).toBe("rollback");
    expect(last(slightly, policy({ minErrorExcessPercent: 1 })).kind).not.toBe("rollback");
  });

  it("does not improve its verdict when the latest look is worse", () => {
    fc.assert(
      fc.property(anyLooks, anyLook, fc.integer({ min: 1, max: 5 }), (before, latest, more) => {
        const { canary } = latest;
        const errors = Math.min(canary.invocations, canary.errors + more);
        const worse = { ...latest, canary: { ...canary, errors } };
        const [a, b] = [last([...before, latest]), last([...before, worse])];
        expect(RANK[b.kind]).toBeGreaterThanOrEqual(RANK[a.kind]);
      }),
      { numRuns: 300 },
    );
  });

  it("goes on from a state that was written and read back, and from a compacted one", () => {
    fc.assert(
      fc.property(anyLooks, (looks) => {
        const direct = judgeAll(looks).map(({ kind }) => kind);
        const read = judgeAll(looks, policy(), (state) => JSON.parse(JSON.stringify(state)) as JudgeState);
        expect(read.map(({ kind }) => kind)).toEqual(direct);
        const compacted = judgeAll(
          looks,
          policy(),
          (state) => JSON.parse(JSON.stringify(compactState(state))) as JudgeState,
        );
        expect(compacted.map(({ kind }) => kind)).toEqual(direct);
      }),
      { numRuns: 100 },
    );
  });

  it("keeps its compacted state within 8 KB at 10,000 requests a second with everything wrong", () => {
    const slow = (n: number) => ({ slow: [n / 2, n / 10, n / 50], coldStarts: 100 });
    const busy = look(
      counts(60_000, 12_000, { ...slow(60_000), averageDurationMs: 20_000 }),
      counts(540_000, 108_000, { ...slow(540_000), averageDurationMs: 15_000 }),
    );
    let state: JudgeState | undefined;
    for (let minute = 1; minute <= 60; minute++) {
      state = compactState(judgeSequential(state, busy, policy()).state);
      expect(JSON.stringify(state).length).toBeLessThanOrEqual(8192);
    }
    const worse = look(counts(60_000, 17_000, slow(60_000)), counts(540_000, 103_000, slow(540_000)));
    expect(judgeSequential(state, worse, policy()).verdict.kind).toBe("rollback");
  });

  it("refuses counts that cannot be with its own error only", () => {
    const number = fc.oneof(fc.double(), fc.integer());
    const wild = fc.tuple(number, number, number, number, number, number);
    fc.assert(
      fc.property(wild, ([a, b, c, d, seconds, expectedShare]) => {
        try {
          const verdict = judgeSequential(
            undefined,
            look(counts(a, b), counts(c, d), { seconds, expectedShare }),
            policy(),
          ).verdict;
          expect(Object.keys(RANK)).toContain(verdict.kind);
        } catch (error) {
          expect(error).toBeInstanceOf(GoaroundError);
        }
      }),
    );
  });
});
