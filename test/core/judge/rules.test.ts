import { describe, expect, it } from "vitest";
import { type PolicyInput, policySchema } from "../../../lib/contract/policy.ts";
import { judgeSequential } from "../../../lib/core/judge/sequential/judge.ts";
import type { JudgeState, Look, SideCounts, Verdict } from "../../../lib/core/judge/types.ts";
import { counts } from "../../fakes/monitoring.ts";

const policyOf = (changes: Partial<PolicyInput> = {}) =>
  policySchema.parse({
    schemaVersion: 1,
    functionName: "f",
    alias: "live",
    deploymentGroup: "g",
    triggers: [],
    ...changes,
  });
const look = (canary: SideCounts, baseline: SideCounts): Look => ({
  elapsedSeconds: 60,
  seconds: 60,
  expectedShare: 0.1,
  observed: true,
  canary,
  baseline,
});
const times = (n: number, one: Look) => Array.from({ length: n }, () => one);

/** The verdict after a row of looks, and whether any before it rolled back. */
function judge(looks: Look[], changes: Partial<PolicyInput> = {}): Verdict {
  let state: JudgeState | undefined;
  let verdict: Verdict | undefined;
  for (const one of looks) {
    ({ state, verdict } = judgeSequential(state, one, policyOf(changes)));
    if (verdict.kind === "rollback") break;
  }
  return verdict!;
}
const codes = (verdict: Verdict) => verdict.reasons.map(({ code }) => code);

describe("fixed rules of a policy", () => {
  it("roll back over an absolute limit that is surely passed, although the baseline shows no difference yet", () => {
    // The whole alias is on the canary: there is nobody to compare with.
    const alone = times(3, { ...look(counts(60, 12), counts(0)), expectedShare: 1 });
    expect(codes(judge(alone))).toContain("absolute-error-rate");
    const slightly = times(3, { ...look(counts(60, 3.5), counts(0)), expectedShare: 1 });
    expect(codes(judge(slightly))).not.toContain("absolute-error-rate");
  });

  it("look back as far as the rule says: a success rate below 95 % for three minutes", () => {
    const off = { "absolute-error-rate": { enabled: false }, "error-rate": { enabled: false } };
    const alone = (n: number) => times(n, { ...look(counts(200, 15), counts(0)), expectedShare: 1 });
    expect(codes(judge(alone(2), { rules: off }))).not.toContain("success-rate");
    expect(codes(judge(alone(3), { rules: off }))).toContain("success-rate");
  });

  it("are a finding where the baseline is over the absolute limit too", () => {
    const verdict = judge(times(4, look(counts(60, 20), counts(540, 20))));
    expect(verdict.kind).not.toBe("rollback");
    expect(verdict.findings.map(({ code }) => code)).toContain("baseline-unhealthy");
  });

  it("name a multiple of the baseline beside the test that agrees, and never act on it alone", () => {
    const worse = times(6, look(counts(600, 2), counts(5400, 0.5)));
    const late = judge([...times(5, look(counts(600, 0.5), counts(5400, 0.5))), ...worse]);
    expect(late.kind).toBe("rollback");
    expect(codes(late)[0]).toBe("more-errors");
    const chance = judge(times(6, look(counts(60, 1.7), counts(540, 0.9))));
    expect(codes(chance)).not.toContain("error-ratio");
  });

  it("change with the policy: limit, duration, least samples, and off", () => {
    const slow = times(2, look(counts(60, 0, 3000, 3000), counts(540, 0, 100, 3000)));
    expect(judge(slow).kind).not.toBe("rollback");
    const limit = { "average-duration": { limit: 2000 } };
    expect(codes(judge(slow, { rules: limit }))).toContain("average-duration");
    expect(judge(slow, { rules: { "average-duration": { limit: 2000, forSeconds: 300 } } }).kind).toBe("hold");
    const many = { "average-duration": { limit: 2000, minSamples: 500 } };
    expect(codes(judge(slow, { rules: many }))).not.toContain("average-duration");
    const off = { "average-duration": { limit: 2000, enabled: false } };
    expect(codes(judge(slow, { rules: off }))).not.toContain("average-duration");
  });

  it("tell of a canary that gets clearly less than its share, from enough requests", () => {
    const findings = (canary: number, baseline: number) =>
      judge(times(4, look(counts(canary), counts(baseline)))).findings.map(({ code }) => code);
    expect(findings(150, 1850)).toContain("traffic-low");
    expect(findings(15, 185)).not.toContain("traffic-low");
    expect(findings(190, 1810)).not.toContain("traffic-low");
  });
});

describe("a p99 of few requests", () => {
  const slow = (some: object) => look({ ...counts(60, 0, 50, 900), ...some }, { ...counts(540, 0, 50, 200), ...some });

  it("holds where durations are not counted, and not where they are", () => {
    expect(codes(judge(times(2, slow({}))))).toContain("p99-duration");
    expect(codes(judge(times(2, slow({ slow: [1] }))))).not.toContain("p99-duration");
  });
});

describe("what must be ruled out before a promotion", () => {
  it("is the policy's own bound", () => {
    const healthy = times(4, look(counts(60), counts(540)));
    expect(judge(healthy).kind).toBe("promote");
    const strict = judge(healthy, { checks: { promotionBoundPercent: 0.5 } });
    expect(strict).toMatchObject({ kind: "inconclusive" });
    expect(strict.reasons[0]!.message).toContain("fewer than 0.5 %");
  });
});

describe("small differences of duration", () => {
  it("are no regression within the tolerated odds, and are beyond them", () => {
    // 10.9 % against 10 % of a great many requests: odds 1.1 times the baseline's.
    const slightly = times(5, look({ ...counts(60_000), slow: [6540] }, { ...counts(540_000), slow: [54_000] }));
    expect(judge(slightly).kind).not.toBe("rollback");
    expect(codes(judge(slightly, { checks: { toleratedSlowOdds: 1 } }))).toContain("slower");
  });
});
