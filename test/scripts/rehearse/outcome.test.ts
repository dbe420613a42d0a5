import { describe, expect, it } from "vitest";
import { classify, differences, type ReleaseObservation, timesOf } from "../../../scripts/rehearse/outcome.ts";

const promoted: ReleaseObservation = {
  baselineVersion: "1",
  canaryVersion: "2",
  alias: { functionVersion: "2", weights: {} },
  shiftStartMs: 0,
  recordedOutcome: "promoted",
  flagsSwitchedOff: [],
};
const back = { functionVersion: "1", weights: {} };

describe("the outcome of a release", () => {
  it.each([
    { name: "a whole alias on the canary", release: promoted, outcome: "promoted" },
    { name: "the canary without its flags", release: { ...promoted, flagsSwitchedOff: ["f"] }, outcome: "flags-off" },
    { name: "traffic that came back", release: { ...promoted, alias: back }, outcome: "rolled-back" },
    {
      name: "a claim of promotion that traffic contradicts",
      release: { ...promoted, alias: back, recordedOutcome: "promoted" },
      outcome: "rolled-back",
    },
    {
      name: "a refusal before traffic",
      release: { ...promoted, alias: back, shiftStartMs: undefined, recordedOutcome: "blocked" },
      outcome: "blocked",
    },
    {
      name: "no traffic and no decision",
      release: { ...promoted, alias: back, shiftStartMs: undefined, recordedOutcome: undefined },
      outcome: "failed",
    },
    {
      name: "an alias that is still split",
      release: { ...promoted, alias: { functionVersion: "1", weights: { 2: 0.1 } } },
      outcome: "failed",
    },
  ] as { name: string; release: ReleaseObservation; outcome: string }[])(
    "is $outcome for $name",
    ({ release, outcome }) => {
      expect(classify(release)).toBe(outcome);
    },
  );

  it("has no times without a shift", () => {
    const marks = {
      shiftStartMs: undefined,
      faultAtMs: 1,
      firstFailureAtMs: 1,
      detectedAtMs: 2,
      decidedAtMs: 3,
      restoredAtMs: 4,
    };
    expect(Object.values(timesOf(marks))).toEqual([null, null, null, null, null]);
  });

  it("names everything that differs from the expectation", () => {
    const expected = {
      outcome: "promoted",
      findings: ["a"],
      evidence: "logs",
      flagsOff: ["f"],
      stackStatus: "UPDATE_COMPLETE",
      notifications: 1,
      openAtMostSeconds: 370,
      decidedWithinSeconds: 30,
    } as const;
    const seen = {
      outcome: "failed",
      evidence: "logs, then metrics",
      stackStatus: "X",
      notifications: 0,
      openSeconds: 3600,
      decidedAfterSeconds: 90,
    } as const;
    const list = differences(
      { ...expected, findings: [...expected.findings], flagsOff: [...expected.flagsOff] },
      { ...seen, findings: [], flagsOff: [] },
    );
    expect(list).toHaveLength(8);
    expect(list).toContain("judged by logs, then metrics, expected logs");
    expect(list).toContain("decided 90 s after the fault, expected at most 30 s");
    expect(list).toContain("the deployment was open for 3600 s, expected at most 370 s");
  });
});
