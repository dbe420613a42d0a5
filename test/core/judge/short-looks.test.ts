import { describe, expect, it } from "vitest";
import { policySchema } from "../../../lib/contract/policy.ts";
import { compactState, judgeSequential } from "../../../lib/core/judge/sequential/judge.ts";
import { together } from "../../../lib/core/judge/short-looks.ts";
import type { JudgeState, Look, SideCounts } from "../../../lib/core/judge/types.ts";

const policy = policySchema.parse({ schemaVersion: 1, functionName: "f", alias: "live", deploymentGroup: "g" });
const side = (invocations: number, errors: number, averageDurationMs: number): SideCounts => ({
  invocations,
  errors,
  throttles: 0,
  averageDurationMs,
  p99DurationMs: undefined,
  slow: [errors],
  coldStarts: 0,
});
const look = (seconds: number, canary: SideCounts, baseline: SideCounts): Look => ({
  elapsedSeconds: seconds,
  seconds,
  expectedShare: 0.1,
  observed: true,
  canary,
  baseline,
});

/** The same 120 s in looks of so many seconds: slower and slower, with failures on both sides. */
function judged(seconds: number) {
  let state: JudgeState | undefined;
  for (let second = 0; second < 120; second += seconds) {
    const averageMs = 1000 + 50 * Math.floor(second / 10);
    const canary = side(10 * seconds, seconds / 2, averageMs);
    const judged = judgeSequential(state, look(seconds, canary, side(90 * seconds, 4 * seconds, 1000)), policy);
    state = compactState(JSON.parse(JSON.stringify(judged.state)) as JudgeState);
  }
  return state!;
}

describe("short looks", () => {
  it("are to rules, triggers and trends what longer ones are", () => {
    const [short, long] = [judged(2), judged(10)];
    expect(short.rules).toEqual(long.rules);
    expect(short.triggers).toEqual(long.triggers);
    expect(short.durations).toEqual(long.durations);
    expect(long.durations).toHaveLength(10);
  });

  it("are one after the other what they are together", () => {
    const a = look(2, side(10, 1, 100), side(90, 0, 50));
    const b = look(6, { ...side(30, 0, 200), p99DurationMs: 900 }, { ...side(0, 0, 0), averageDurationMs: undefined });
    expect(together(a, { ...b, expectedShare: 0.1 })).toMatchObject({
      seconds: 8,
      expectedShare: 0.1,
      canary: { invocations: 40, errors: 1, averageDurationMs: 175, p99DurationMs: 900, slow: [1] },
      baseline: { invocations: 90, averageDurationMs: 50 },
    });
  });
});
