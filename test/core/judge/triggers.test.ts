import { describe, expect, it } from "vitest";
import { policySchema } from "../../../lib/contract/policy.ts";
import { judgeSequential } from "../../../lib/core/judge/sequential/judge.ts";
import { trendOf } from "../../../lib/core/judge/trend.ts";
import type { JudgeState, SideCounts, Verdict } from "../../../lib/core/judge/types.ts";

it("says which metrics could not be read, and holds it against nobody", () => {
  const metrics = [{ name: "refusals", source: "http", url: "https://shop.example.com", value: "refusals" }];
  const triggers = [{ name: "t", expression: "refusals > 5", severity: "critical", delaySeconds: 0 }];
  const names = { schemaVersion: 1, functionName: "f", alias: "live", deploymentGroup: "g" };
  const policy = policySchema.parse({ ...names, metrics, triggers });
  const look = {
    elapsedSeconds: 60,
    seconds: 60,
    expectedShare: 0.5,
    observed: true,
    canary: side(0),
    baseline: side(0),
  };
  const told = judgeSequential(undefined, { ...look, unreadable: { refusals: "answered 503" } }, policy).verdict;
  expect(told.kind).toBe(judgeSequential(undefined, look, policy).verdict.kind);
  expect(told.findings).toMatchObject([
    { code: "metric-unreadable", message: expect.stringMatching(/refusals.*answered 503/) as string },
  ]);
  const bad = { ...look, canary: { ...side(0), metrics: { refusals: 6 } } };
  expect(judgeSequential(undefined, bad, policy).verdict.kind).toBe("rollback");
});

const side = (errors: number, averageDurationMs = 100): SideCounts => ({
  invocations: 100,
  errors,
  throttles: 0,
  averageDurationMs,
  p99DurationMs: undefined,
});

interface Trigger {
  expression: string;
  severity?: string;
  delaySeconds?: number;
  zeroTolerance?: boolean;
  minSamples?: number;
  sure?: boolean;
}

function judge(trigger: Trigger | undefined, looks: [SideCounts, SideCounts][], seconds = 60): Verdict[] {
  const policy = policySchema.parse({
    schemaVersion: 1,
    functionName: "f",
    alias: "live",
    deploymentGroup: "g",
    checks: { maxErrorRatePercent: 100, minErrorExcessPercent: 100, maxAverageDurationMs: 900_000 },
    ...(trigger ? { triggers: [{ name: "t", severity: "critical", delaySeconds: 0, ...trigger }] } : {}),
  });
  let state: JudgeState | undefined;
  return looks.map(([canary, baseline], i) => {
    const look = { elapsedSeconds: (i + 1) * seconds, seconds, expectedShare: 0.5, observed: true, canary, baseline };
    const judged = judgeSequential(state, look, policy);
    state = judged.state;
    return judged.verdict;
  });
}
const kinds = (verdicts: Verdict[]) => verdicts.map(({ kind }) => kind);

describe("triggers", () => {
  it("roll back when critical, hold when a warning", () => {
    const looks: [SideCounts, SideCounts][] = [[side(10), side(0)]];
    expect(kinds(judge({ expression: "error_rate > 5%" }, looks))).toEqual(["rollback"]);
    expect(kinds(judge({ expression: "error_rate > 5%", severity: "warning" }, looks))).toEqual(["hold"]);
  });

  it("wait for their delay, and one good look does not start it again", () => {
    const bad: [SideCounts, SideCounts] = [side(10), side(0)];
    const good: [SideCounts, SideCounts] = [side(0), side(0)];
    const trigger = { expression: "error_rate > 5%", delaySeconds: 180 };
    expect(kinds(judge(trigger, [bad, bad, bad]))).toEqual(["hold", "hold", "rollback"]);
    expect(kinds(judge(trigger, [bad, good, bad]))).toEqual(["hold", "hold", "rollback"]);
    expect(kinds(judge(trigger, [bad, good, good, bad])).at(-1)).toBe("hold");
  });

  it("are a finding when the baseline fulfils them as well, unless nothing is tolerated", () => {
    const both: [SideCounts, SideCounts][] = [[side(10), side(10)]];
    const [shared] = judge({ expression: "error_rate > 5%" }, both);
    expect(shared!.kind).not.toBe("rollback");
    expect(shared!.findings[0]?.code).toBe("baseline-unhealthy");
    expect(kinds(judge({ expression: "error_rate > 5%", zeroTolerance: true }, both))).toEqual(["rollback"]);
  });

  it("do not hold against the canary, a look later, what both versions had in common", () => {
    const down: [SideCounts, SideCounts] = [side(100), side(100)];
    const well: [SideCounts, SideCounts] = [side(0), side(0)];
    const trigger = { expression: "service_status == 'down'" };
    expect(kinds(judge(trigger, [down, well, well]))).not.toContain("rollback");
    expect(kinds(judge(trigger, [[side(100), side(0)]]))).toEqual(["rollback"]);
  });

  it("say nothing as a warning of what is so on both versions", () => {
    const slow: [SideCounts, SideCounts] = [side(0, 4000), side(0, 4000)];
    const [verdict] = judge({ expression: "average_response_time > 2000", severity: "warning" }, [slow]);
    expect(verdict).toMatchObject({ findings: [] });
    expect(verdict!.kind).not.toBe("hold");
  });

  it("count a rate only as far as it is sure, where they are told to be", () => {
    const looks: [SideCounts, SideCounts][] = [[side(10), side(0)]];
    expect(kinds(judge({ expression: "error_rate > 5%", sure: true }, looks))).not.toEqual(["rollback"]);
    expect(kinds(judge({ expression: "error_rate > 5%", sure: true }, [[side(40), side(0)]]))).toEqual(["rollback"]);
  });

  it("wait for as many requests as they ask for", () => {
    const looks: [SideCounts, SideCounts][] = [[side(10), side(0)]];
    expect(kinds(judge({ expression: "error_rate > 5%", minSamples: 101 }, looks))).not.toEqual(["rollback"]);
  });

  it("need the test's agreement when they compare with the baseline", () => {
    const [verdict] = judge({ expression: "error_rate > 1.5 * baseline" }, [[side(20), side(1)]]);
    expect(verdict!.kind).toBe("hold");
    expect(verdict!.reasons.some(({ message }) => message.includes("does not agree"))).toBe(true);
  });

  it("hold over a declared metric that compares with the baseline, and roll back when a test agrees", () => {
    const metric = { name: "conversion_rate", namespace: "Shop", metric: "ConversionRate", versionDimension: "V" };
    const policy = policySchema.parse({
      schemaVersion: 1,
      functionName: "f",
      alias: "live",
      deploymentGroup: "g",
      metrics: [metric],
      triggers: [
        { name: "drop", expression: "conversion_rate < 0.8 * baseline", severity: "critical", delaySeconds: 60 },
      ],
    });
    const look = (errors: number, rate: number | undefined) => ({
      elapsedSeconds: 60,
      seconds: 60,
      expectedShare: 0.5,
      observed: true,
      canary: { ...side(errors), metrics: rate === undefined ? undefined : { conversion_rate: rate } },
      baseline: { ...side(0), metrics: { conversion_rate: 0.05 } },
    });
    const verdict = (errors: number, rate: number | undefined) =>
      judgeSequential(undefined, look(errors, rate), policy).verdict;
    const codes = ({ reasons }: Verdict) => reasons.map(({ code }) => code);
    expect(verdict(0, 0.03)).toMatchObject({ kind: "hold" });
    expect(codes(verdict(0, 0.03))).toContain("trigger-drop");
    expect(verdict(20, 0.03).kind).toBe("rollback");
    expect(codes(verdict(20, 0.03))).toContain("trigger-drop");
    expect(codes(verdict(0, 0.05))).not.toContain("trigger-drop");
    expect(codes(verdict(0, undefined))).not.toContain("trigger-drop");
  });
});

describe("trend", () => {
  it("finds a canary that is slow and gets slower, not one that is only slow or only noisy", () => {
    const series = (durations: number[]) =>
      judge(
        undefined,
        durations.map((ms) => [side(0, ms), side(0)]),
      ).at(-1)!;
    const codes = (durations: number[]) => series(durations).findings.map(({ code }) => code);
    expect(codes([1500, 1700, 2000, 2100, 2600, 3000])).toContain("degrading");
    expect(codes([3000, 2990, 3010, 2995, 3005, 3000])).toEqual([]);
    expect(codes([100, 120, 140, 160, 180, 200])).toEqual([]);
  });

  it("is not moved by one outlier", () => {
    expect(trendOf([1, 2, 3, 4, 5])).toMatchObject({ slope: 1 });
    expect(trendOf([1, 2, 300, 4, 5])!.slope).toBeLessThan(2);
    expect(trendOf([1, 2, 3])).toBeUndefined();
    expect(trendOf([1, 2, 3, 4, 5])!.pValue).toBeCloseTo(0.0138, 3);
    expect(trendOf([5, 4, 3, 2, 1])!.pValue).toBeGreaterThan(0.9);
  });
});
