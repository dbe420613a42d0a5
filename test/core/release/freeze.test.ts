import { Cron } from "croner";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  activeFreezes,
  everHolds,
  type FreezeTimes,
  type FreezeWindow,
  freezeProblems,
  frozenAt,
} from "../../../lib/core/release/freeze.ts";

const windowOf = (times: FreezeTimes, changes: Partial<FreezeWindow> = {}): FreezeWindow => ({
  id: "holidays",
  scope: "all",
  functionName: undefined,
  timeZone: "Europe/Berlin",
  times,
  reason: "holidays",
  by: "alice",
  ...changes,
});
const dates = (from: string, until?: string): FreezeTimes => ({ from, until });
const weekend: FreezeTimes = { cron: "0 18 * * FRI", minutes: 62 * 60 };

describe("a freeze", () => {
  it.each([
    ["before it begins", dates("2026-12-24", "2026-12-27"), "2026-12-23T22:59:59Z", undefined],
    [
      "as it begins, at midnight where it is meant",
      dates("2026-12-24", "2026-12-27"),
      "2026-12-23T23:00:00Z",
      "2026-12-26T23:00:00.000Z",
    ],
    ["as it ends", dates("2026-12-24", "2026-12-27"), "2026-12-26T23:00:00Z", undefined],
    [
      "with a local time",
      dates("2026-07-01T18:00", "2026-07-02T08:00:00"),
      "2026-07-01T16:00:00Z",
      "2026-07-02T06:00:00.000Z",
    ],
    [
      "with an offset of its own",
      dates("2026-07-01T18:00-05:00", "2026-07-02T08:00Z"),
      "2026-07-01T22:59:59Z",
      undefined,
    ],
    [
      "with an offset of its own, begun",
      dates("2026-07-01T18:00-05:00", "2026-07-02T08:00Z"),
      "2026-07-01T23:00:00Z",
      "2026-07-02T08:00:00.000Z",
    ],
    ["on a Friday before six", weekend, "2026-03-06T16:59:59Z", undefined],
    ["on a Friday at six", weekend, "2026-03-06T17:00:00Z", "2026-03-09T07:00:00.000Z"],
    ["within the second in which it begins", weekend, "2026-03-06T17:00:00.400Z", "2026-03-09T07:00:00.000Z"],
    ["on the Sunday", weekend, "2026-03-08T12:00:00Z", "2026-03-09T07:00:00.000Z"],
    ["on the Monday at eight", weekend, "2026-03-09T07:00:00Z", undefined],
    ["in summer time, on a Friday at six", weekend, "2026-04-03T16:00:00Z", "2026-04-06T06:00:00.000Z"],
  ])("%s (%j at %s) holds until %s", (_, times, now, until) => {
    const held = frozenAt(windowOf(times), new Date(now));
    expect(held?.until?.toISOString()).toBe(until);
    expect(held === undefined).toBe(until === undefined);
  });

  it("without an end holds until somebody ends it", () => {
    expect(frozenAt(windowOf(dates("2026-03-01")), new Date("2030-01-01"))).toEqual({ until: undefined });
  });

  it("that nobody can read holds: a typing error must not let releases through", () => {
    expect(frozenAt(windowOf({ cron: "every friday", minutes: 60 }), new Date())).toEqual({ until: undefined });
  });

  it.each([
    [dates("2026-12-24", "2026-12-27"), "Europe/Berlin", []],
    [weekend, "America/New_York", []],
    [weekend, "Mars/Base", ['"Mars/Base" is not a time zone (IANA name such as Europe/Berlin)']],
    [
      dates("tomorrow", "31.12.2026"),
      "UTC",
      [
        '"tomorrow" is not a date (2026-12-24 or 2026-12-24T18:00, with or without offset)',
        '"31.12.2026" is not a date (2026-12-24 or 2026-12-24T18:00, with or without offset)',
      ],
    ],
    [
      dates("2026-13-01"),
      "UTC",
      ['"2026-13-01" is not a date (2026-12-24 or 2026-12-24T18:00, with or without offset)'],
    ],
    ...["2027-02-30", "2027-02-29T10:00Z", "2026-04-31T10:00"].map(
      (day) =>
        [
          dates(day),
          "UTC",
          [`"${day}" is not a date (2026-12-24 or 2026-12-24T18:00, with or without offset)`],
        ] as const,
    ),
    [dates("2026-12-27", "2026-12-24"), "UTC", ["it ends (2026-12-24) before it begins (2026-12-27)"]],
    [
      { cron: "0 18 * *", minutes: 0 },
      "UTC",
      [
        '"0 18 * *" is not a cron expression of five fields: minute hour day month weekday',
        "0 minutes is not a whole number from 1 to 20160",
      ],
    ],
  ] as const)("%j in %s has the problems %j", (times, timeZone, problems) => {
    expect(freezeProblems({ times, timeZone })).toEqual(problems);
  });

  it.each([
    ["one that is over", dates("2025-12-24", "2025-12-27"), false],
    ["one that holds", dates("2026-03-01", "2026-03-03"), true],
    ["one to come", dates("2026-12-24", "2026-12-27"), true],
    ["one without end", dates("2025-12-24"), true],
    ["a day that never comes", { cron: "0 0 31 2 *", minutes: 60 }, false],
    ["a day that comes every four years", { cron: "0 0 29 2 *", minutes: 60 }, true],
    ["every weekend", weekend, true],
  ] as const)("of %s (%j) will hold: %s", (_, times, expected) => {
    expect(everHolds({ times, timeZone: "UTC" }, new Date("2026-03-02T12:00:00Z"))).toBe(expected);
  });

  it("by cron holds exactly when it began within its minutes, in any zone and at any time", () => {
    const cron = fc.constantFrom("0 18 * * FRI", "30 2 * * *", "*/7 9-17 * * 1-5", "0 0 1 * *", "0 3 29 3 *");
    const zone = fc.constantFrom("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe");
    const second = fc.integer({ min: Date.UTC(2026, 0, 1) / 1000, max: Date.UTC(2027, 0, 1) / 1000 });
    fc.assert(
      fc.property(cron, zone, second, fc.integer({ min: 1, max: 3000 }), (pattern, timeZone, seconds, minutes) => {
        const now = new Date(seconds * 1000);
        const next = new Cron(pattern, { timezone: timeZone }).nextRun(new Date(now.getTime() - minutes * 60_000));
        const expected = next !== null && next <= now;
        expect(frozenAt(windowOf({ cron: pattern, minutes }, { timeZone }), now) !== undefined).toBe(expected);
      }),
    );
  });
});

describe("the freezes that hold back a change", () => {
  const now = new Date("2026-03-02T12:00:00Z");
  const always = dates("2026-01-01");
  it.each([
    ["code", "checkout", ["all", "code", "checkout"]],
    ["flags", "checkout", ["all", "flags"]],
    ["code", "search", ["all", "code"]],
    ["flags", undefined, ["all", "flags"]],
  ] as const)("of %s of %s are %j", (lever, functionName, ids) => {
    const windows = [
      windowOf(always, { id: "all" }),
      windowOf(always, { id: "code", scope: "code" }),
      windowOf(always, { id: "flags", scope: "flags" }),
      windowOf(always, { id: "checkout", scope: "code", functionName: "checkout" }),
      windowOf(dates("2027-01-01"), { id: "later" }),
    ];
    expect(activeFreezes(windows, lever, functionName, now).map(({ window }) => window.id)).toEqual(ids);
  });
});
