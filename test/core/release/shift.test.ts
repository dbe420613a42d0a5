import { describe, expect, it } from "vitest";
import { lookWindows, shareAt } from "../../../lib/core/release/shift.ts";

const at = (text: string) => new Date(`2026-03-02T${text}.000Z`);
const canary = { kind: "canary", percentage: 10, intervalMinutes: 5 } as const;
const linear = { kind: "linear", percentage: 20, intervalMinutes: 2 } as const;
const allAtOnce = { kind: "all-at-once", percentage: 100, intervalMinutes: 0 } as const;
const spans = (windows: ReturnType<typeof lookWindows>) =>
  windows.map(({ from, to }) => `${from.toISOString().slice(11, 16)}-${to.toISOString().slice(11, 16)}`);

describe("looks at a shift", () => {
  it("are the whole minutes in which both versions served", () => {
    const shift = { startedAt: at("12:00:20"), endedAt: at("12:05:21") };
    const windows = lookWindows(shift, canary, at("12:06:00"));
    expect(spans(windows)).toEqual(["12:01-12:02", "12:02-12:03", "12:03-12:04", "12:04-12:05"]);
    expect(windows.every((window) => window.expectedShare === 0.1)).toBe(true);
    expect(windows[0]?.elapsedSeconds).toBe(100);
  });

  it("end where the split ends, although the event that says so comes later", () => {
    const shift = { startedAt: at("12:00:00"), endedAt: at("12:09:00") };
    expect(spans(lookWindows(shift, canary, at("12:10:00"))).at(-1)).toBe("12:04-12:05");
  });

  it("reach up to now while traffic is still moving", () => {
    const shift = { startedAt: at("12:00:00"), endedAt: undefined };
    expect(spans(lookWindows(shift, canary, at("12:02:59")))).toEqual(["12:00-12:01", "12:01-12:02"]);
  });

  it("follow the share of a linear shift", () => {
    const shift = { startedAt: at("12:00:00"), endedAt: at("12:08:00") };
    const shares = lookWindows(shift, linear, at("12:09:00")).map((window) => window.expectedShare);
    expect(shares).toEqual([0.2, 0.2, 0.4, 0.4, 0.6, 0.6, 0.8, 0.8]);
  });

  it("are none for a shift in one step: nothing served beside the canary", () => {
    const shift = { startedAt: at("12:00:00"), endedAt: at("12:00:01") };
    expect(lookWindows(shift, allAtOnce, at("12:30:00"))).toEqual([]);
  });

  it("are at most twenty, however long the shift", () => {
    const shift = { startedAt: at("00:00:00"), endedAt: at("20:00:00") };
    const windows = lookWindows(shift, { ...canary, intervalMinutes: 1200 }, at("20:01:00"));
    expect(windows).toHaveLength(20);
    expect([windows[0]?.from, windows.at(-1)?.to]).toEqual([at("00:00:00"), at("20:00:00")]);
  });

  it("go on from where the judge has come to, and know where the split began", () => {
    const shift = { startedAt: at("12:00:20"), endedAt: at("12:05:21") };
    const windows = lookWindows(shift, canary, at("12:06:00"), at("12:03:00"));
    expect(spans(windows)).toEqual(["12:03-12:04", "12:04-12:05"]);
    expect(windows.map(({ since }) => since)).toEqual([at("12:01:00"), at("12:01:00")]);
    expect(windows[0]?.elapsedSeconds).toBe(220);
  });

  it("take the whole shift when the configuration is not known", () => {
    const shift = { startedAt: at("12:00:00"), endedAt: at("12:03:00") };
    expect(lookWindows(shift, undefined, at("12:04:00"))).toHaveLength(3);
  });
});

describe("the canary's share", () => {
  it.each([
    [canary, 0, 0.1],
    [canary, 299_999, 0.1],
    [canary, 300_000, 1],
    [linear, 0, 0.2],
    [linear, 120_000, 0.4],
    [linear, 3_600_000, 1],
    [allAtOnce, 0, 1],
  ])("of %j after %d ms is %d", (routing, ms, share) => {
    expect(shareAt(routing, ms)).toBeCloseTo(share, 10);
  });
});
