import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { policySchema } from "../../../../lib/contract/policy.ts";
import { compactState, judgeSequential } from "../../../../lib/core/judge/sequential/judge.ts";
import type { EnvironmentCounts, JudgeState, SideCounts, Verdict } from "../../../../lib/core/judge/types.ts";

const policy = policySchema.parse({ schemaVersion: 1, functionName: "f", alias: "live", deploymentGroup: "g" });
const counts = (invocations: number, errors: number, environments?: SideCounts["environments"]): SideCounts => ({
  invocations,
  errors,
  throttles: 0,
  averageDurationMs: undefined,
  p99DurationMs: undefined,
  environments,
});
/** Requests and errors of each environment of the canary. */
type Minute = [requests: number, errors: number][];

const canaryOf = (minute: Minute): SideCounts =>
  counts(
    minute.reduce((sum, [requests]) => sum + requests, 0),
    minute.reduce((sum, [, errors]) => sum + errors, 0),
    Object.fromEntries(
      minute.map(([requests, errors], i): [string, EnvironmentCounts] => [`env${i}`, { requests, errors }]),
    ),
  );

function judge(minutes: readonly Minute[], given = policy, told = true): Verdict[] {
  let state: JudgeState | undefined;
  return minutes.map((minute, i) => {
    const canary = canaryOf(minute);
    const look = {
      elapsedSeconds: 60 * (i + 1),
      seconds: 60,
      expectedShare: 0.1,
      observed: true,
      canary: told ? canary : { ...canary, environments: undefined },
      baseline: counts(540, 5),
    };
    const judged = judgeSequential(state, look, given);
    state = compactState(judged.state);
    return judged.verdict;
  });
}
const times = (n: number, one: Minute) => Array.from({ length: n }, () => one);
const kinds = (verdicts: Verdict[]) => [...new Set(verdicts.map(({ kind }) => kind))];

describe("one execution environment that goes bad", () => {
  const bad: Minute = [
    [30, 30],
    [30, 0],
  ];

  it("holds the release for as long as the others are healthy, and is named with its figures", () => {
    expect(judge(times(1, bad), policy, false)[0]!.kind).toBe("rollback");
    const verdicts = judge(times(10, bad));
    expect(kinds(verdicts)).toEqual(["hold"]);
    expect(verdicts.at(-1)!.reasons[0]).toMatchObject({ code: "one-environment", observed: 0, samples: 300 });
    expect(verdicts.at(-1)!.reasons[0]!.message).toContain("300 of the canary's 300 errors are of one execution");
  });

  it("is not the version's fault, however it fails and however many others there are", () => {
    const release = fc.record({
      others: fc.integer({ min: 1, max: 8 }),
      failing: fc.array(fc.constantFrom(0.2, 0.5, 0.8, 1), { minLength: 2, maxLength: 8 }),
    });
    fc.assert(
      fc.property(release, ({ others, failing }) => {
        const minutes = failing.map((share): Minute => [[50, 50 * share], ...times(others, [[50, 0]]).flat()]);
        expect(kinds(judge(minutes))).not.toContain("rollback");
      }),
      { numRuns: 60 },
    );
  });

  it("does not save a version whose other environments fail too", () => {
    const all: Minute = [
      [30, 12],
      [30, 12],
    ];
    expect(judge(times(1, all))[0]!.kind).toBe("rollback");
    expect(
      judge([
        bad,
        bad,
        [
          [30, 30],
          [30, 6],
        ],
      ]).at(-1)!.kind,
    ).toBe("rollback");
  });

  it("is waited for two minutes at most while the others have served too little to tell and the canary serves little", () => {
    const alone: Minute = [
      [20, 10],
      [1, 0],
    ];
    const verdicts = judge(times(4, alone));
    expect(verdicts.map(({ kind }) => kind)).toEqual(["hold", "hold", "rollback", "rollback"]);
    expect(verdicts[0]!.reasons[0]!.message).toContain("the judge waits for more, 120 s at most");
  });

  it("is not waited for where the canary serves more than a request in two seconds", () => {
    const alone: Minute = [
      [60, 12],
      [1, 0],
    ];
    expect(judge(times(1, alone))[0]!.kind).toBe("rollback");
  });

  it("is not excused by what another one served before anything was wrong", () => {
    const before: Minute = [
      [0, 0],
      [60, 0],
    ];
    const after: Minute = [
      [60, 12],
      [0, 0],
    ];
    expect(judge([...times(5, before), after]).at(-1)!.kind).toBe("rollback");
  });

  it("cannot be told from the version where it is the only one, or nobody counts", () => {
    expect(judge(times(1, [[60, 30]]))[0]!.kind).toBe("rollback");
    expect(judge(times(1, bad), policy, false)[0]!.kind).toBe("rollback");
  });

  it("does not excuse what nothing excuses: zero tolerance, and a limit that a person set for the release", () => {
    const trigger = { name: "t", expression: "error_rate > 5%", severity: "critical", delaySeconds: 0 };
    const strict = policySchema.parse({ ...policy, triggers: [{ ...trigger, zeroTolerance: true }] });
    expect(judge(times(1, bad), strict)[0]!.kind).toBe("rollback");
    const usual = policySchema.parse({ ...policy, triggers: [trigger] });
    expect(judge(times(1, bad), usual)[0]!.kind).toBe("hold");
    const limited = policySchema.parse({ ...policy, checks: { ...policy.checks, rollbackThresholdPercent: 10 } });
    expect(judge(times(3, bad), limited).at(-1)!.kind).toBe("rollback");
  });

  it("is found among a thousand environments in a state that stays within 8 KB", () => {
    let state: JudgeState | undefined;
    for (let minute = 1; minute <= 5; minute++) {
      const names = Array.from(
        { length: 1000 },
        (_, i) => `2026/11/21/[5]${String(minute * 1000 + i).padStart(32, "0")}`,
      );
      const environments = Object.fromEntries(names.map((name) => [name, { requests: 10, errors: 0 }]));
      environments[`2026/11/21/[5]${"bad".padStart(32, "f")}`] = { requests: 100, errors: 100 };
      const canary = { ...counts(10_100, 100, environments), slow: [5000, 1000, 100] };
      const baseline = { ...counts(90_000, 10), slow: [45_000, 9000, 900] };
      const look = { elapsedSeconds: 60 * minute, seconds: 60, expectedShare: 0.1, observed: true, canary, baseline };
      const judged = judgeSequential(state, look, policy);
      expect(judged.verdict.kind).toBe("hold");
      state = compactState(judged.state);
      expect(JSON.stringify(state).length).toBeLessThanOrEqual(8192);
    }
  });
});
