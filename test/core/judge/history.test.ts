import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type PolicyInput, policySchema } from "../../../lib/contract/policy.ts";
import { GoaroundError } from "../../../lib/core/errors.ts";
import { compactState, judgeSequential } from "../../../lib/core/judge/sequential/judge.ts";
import type { JudgeState, Look, SideCounts, Verdict } from "../../../lib/core/judge/types.ts";

const policy = (changes: Partial<PolicyInput> = {}) =>
  policySchema.parse({ schemaVersion: 1, functionName: "f", alias: "live", deploymentGroup: "g", ...changes });

const RANK = { promote: 0, inconclusive: 1, hold: 1, rollback: 2 };
const nothing: SideCounts = {
  invocations: 0,
  errors: 0,
  throttles: 0,
  averageDurationMs: undefined,
  p99DurationMs: undefined,
};

/** A release is over with its first rollback; otherwise the last look speaks. */
function outcomeOf(looks: Look[], given = policy()): Verdict {
  let state: JudgeState | undefined;
  let verdict: Verdict | undefined;
  for (const look of looks) {
    const judged = judgeSequential(state, look, given);
    ({ verdict } = judged);
    state = compactState(judged.state);
    if (verdict.kind === "rollback") break;
  }
  return verdict!;
}

const side = (most: number) =>
  fc
    .record({
      invocations: fc.integer({ min: 0, max: most }),
      errorShare: fc.constantFrom(0, 0, 0.01, 0.05, 0.3, 1),
      slowShare: fc.constantFrom(0, 0.01, 0.1, 0.5, 1),
      averageMs: fc.constantFrom(50, 300, 3000, 12_000),
    })
    .map(
      ({ invocations, errorShare, slowShare, averageMs }): SideCounts => ({
        invocations,
        errors: Math.round(invocations * errorShare),
        throttles: 0,
        averageDurationMs: invocations === 0 ? undefined : averageMs,
        p99DurationMs: invocations === 0 ? undefined : averageMs * 2,
        slow: [Math.round(invocations * slowShare), Math.round((invocations * slowShare) / 2)],
      }),
    );
const history = fc.array(
  fc.record({ canary: side(150), baseline: side(1200), observed: fc.constantFrom(true, true, true, false) }),
  {
    minLength: 1,
    maxLength: 8,
  },
);
type Drawn = { canary: SideCounts; baseline: SideCounts; observed: boolean };
const toLooks = (drawn: readonly Drawn[], expectedShare = 0.1): Look[] =>
  drawn.map((one, i) => ({ ...one, elapsedSeconds: 60 * (i + 1), seconds: 60, expectedShare }));

describe("the judge, over whole histories", () => {
  it("is never kinder when the canary was worse at any look", () => {
    const worse = fc.record({ index: fc.nat(), errors: fc.nat(60), slow: fc.nat(60), ms: fc.nat(20_000) });
    fc.assert(
      fc.property(history, worse, (drawn, { index, errors, slow, ms }) => {
        const at = index % drawn.length;
        const worsened = drawn.map((one, i) =>
          i === at ? { ...one, canary: worsen(one.canary, errors, slow, ms) } : one,
        );
        expect(RANK[outcomeOf(toLooks(worsened)).kind]).toBeGreaterThanOrEqual(RANK[outcomeOf(toLooks(drawn)).kind]);
      }),
      { numRuns: Number(process.env.RUNS ?? 400) },
    );
  });

  it("never promotes without a request of the canary that was seen", () => {
    fc.assert(
      fc.property(history, (drawn) => {
        const silent = drawn.map((one) => ({ ...one, canary: nothing }));
        expect(outcomeOf(toLooks(silent)).kind).not.toBe("promote");
        const unseen = drawn.map((one) => ({ ...one, observed: false }));
        expect(outcomeOf(toLooks(unseen)).kind).toBe("inconclusive");
        const nobody = drawn.map((one) => ({ ...one, canary: nothing, baseline: nothing }));
        expect(outcomeOf(toLooks(nobody)).kind).not.toBe("promote");
      }),
    );
  });

  it("blames no canary for what hits both versions alike, and calls it by its name", () => {
    const outage = fc.record({
      requests: fc.integer({ min: 2, max: 60 }),
      looks: fc.array(fc.constantFrom(0, 0.1, 0.2, 0.5, 1), { minLength: 3, maxLength: 10 }),
      slow: fc.constantFrom(0, 0.1, 0.5, 1),
    });
    fc.assert(
      fc.property(outage, ({ requests, looks, slow }) => {
        const alike = (invocations: number, share: number): SideCounts => ({
          ...nothing,
          invocations,
          errors: invocations * share,
          averageDurationMs: 100,
          p99DurationMs: 400,
          slow: [invocations * slow],
        });
        const drawn = looks.map((share) => ({
          canary: alike(10 * requests, share),
          baseline: alike(90 * requests, share),
          observed: true,
        }));
        const verdict = outcomeOf(toLooks(drawn));
        expect(verdict.kind).not.toBe("rollback");
        const mean = looks.reduce<number>((sum, share) => sum + share, 0) / looks.length;
        if (mean > 0.06) expect(verdict.findings.map(({ code }) => code)).toContain("baseline-unhealthy");
      }),
      { numRuns: 200 },
    );
  });

  it("does not depend on the order in which rules, triggers and metrics are written", () => {
    const triggers = [
      { name: "errors", expression: "error_rate > 8%", severity: "critical" as const, delaySeconds: 60 },
      { name: "slow", expression: "p99_response_time > 5000", severity: "warning" as const },
      { name: "worse", expression: "error_rate > 2 * baseline", severity: "critical" as const, delaySeconds: 0 },
      { name: "down", expression: "service_status == 'down'", severity: "critical" as const, delaySeconds: 0 },
    ];
    fc.assert(
      fc.property(history, fc.shuffledSubarray(triggers, { minLength: 4 }), (drawn, shuffled) => {
        const codes = (order: typeof triggers) => {
          const { kind, reasons } = outcomeOf(toLooks(drawn), policy({ triggers: order }));
          return { kind, codes: reasons.map(({ code }) => code).sort() };
        };
        expect(codes(shuffled)).toEqual(codes(triggers));
      }),
      { numRuns: 100 },
    );
  });

  it("throws its own error only, whatever a look holds", () => {
    const any = fc.oneof(
      fc.double(),
      fc.integer(),
      fc.constantFrom(Number.NaN, -1, 1e308, 0.5),
      fc.constant(undefined),
    );
    const wild = fc.record({
      invocations: any,
      errors: any,
      throttles: any,
      averageDurationMs: any,
      p99DurationMs: any,
      slow: fc.option(fc.array(any, { maxLength: 4 }), { nil: undefined }),
      coldStarts: any,
    });
    fc.assert(
      fc.property(wild, wild, any, any, (canary, baseline, seconds, expectedShare) => {
        const look = {
          canary,
          baseline,
          seconds,
          expectedShare,
          elapsedSeconds: 60,
          observed: true,
        } as unknown as Look;
        try {
          expect(Object.keys(RANK)).toContain(judgeSequential(undefined, look, policy()).verdict.kind);
        } catch (error) {
          expect(error).toBeInstanceOf(GoaroundError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("lets a person recompute every reason: each has a sentence, and the budget never exceeds the policy's", () => {
    fc.assert(
      fc.property(history, (drawn) => {
        const verdict = outcomeOf(toLooks(drawn));
        for (const { code, message, spent = 0 } of [...verdict.reasons, ...verdict.findings]) {
          expect(code).toMatch(/^[a-z][a-z0-9_-]+$/);
          expect(message).not.toMatch(/NaN|undefined|Infinity/);
          expect(spent).toBeLessThanOrEqual(0.01);
        }
      }),
      { numRuns: 200 },
    );
  });
});

function worsen(canary: SideCounts, errors: number, slow: number, ms: number): SideCounts {
  const { invocations } = canary;
  if (invocations === 0) return canary;
  return {
    ...canary,
    errors: Math.min(invocations, canary.errors + errors),
    slow: canary.slow!.map((count) => Math.min(invocations, count + slow)),
    averageDurationMs: canary.averageDurationMs! + ms,
    p99DurationMs: canary.p99DurationMs! + ms,
  };
}
