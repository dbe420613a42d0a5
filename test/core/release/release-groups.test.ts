import { describe, expect, it } from "vitest";
import { standingRefusals } from "../../../lib/core/release/admission-environment.ts";
import { EMPTY_ENVIRONMENT } from "../../../lib/core/release/environment-record.ts";
import {
  flagsOfWave,
  type GroupMember,
  type GroupWave,
  inOrderOfReturn,
  isCurrent,
  withMember,
  withRevert,
  withRevertResult,
} from "../../../lib/core/release/release-groups.ts";

const now = new Date("2026-03-02T12:00:00.000Z");
const minutesAgo = (minutes: number) => new Date(now.getTime() - minutes * 60_000).toISOString();
const profile = { applicationId: "flags", environmentId: "dev", profileId: "router" };

const member = (functionName: string, from: string, to: string, flags: string[] = []): GroupMember => ({
  ...{ functionName, alias: "live", deploymentId: `d-${functionName}${to}`, application: "goaround-dev" },
  ...{ group: functionName, baselineVersion: from, canaryVersion: to, brought: [to], openedAt: minutesAgo(5) },
  flags: flags.length > 0 ? [{ ...profile, flags }] : [],
});

const next = { functionName: "z", alias: "live" };

const waveOf = (...members: GroupMember[]): GroupWave => ({ id: members[0]!.deploymentId, members, revert: undefined });

describe("a wave", () => {
  it("goes on while one of its releases is open, and for an hour after the last has ended", () => {
    const wave = waveOf(member("a", "1", "2"));
    const openedAt = minutesAgo(180);
    expect(isCurrent(wave, [{ openedAt, closedAt: undefined }], next, now)).toBe(true);
    expect(isCurrent(wave, [{ openedAt, closedAt: minutesAgo(59) }], next, now)).toBe(true);
    expect(isCurrent(wave, [{ openedAt, closedAt: minutesAgo(61) }], next, now)).toBe(false);
  });

  it("does not go on for a release that nobody has closed or that is not on record", () => {
    const wave = waveOf(member("a", "1", "2"));
    expect(isCurrent(wave, [{ openedAt: minutesAgo(51 * 60), closedAt: undefined }], next, now)).toBe(false);
    expect(isCurrent(wave, [undefined], next, now)).toBe(false);
  });

  it("ends where a function is released again while nothing of it is open", () => {
    const wave = waveOf(member("a", "1", "2"), member("b", "1", "2"));
    const closed = { openedAt: minutesAgo(30), closedAt: minutesAgo(10) };
    const open = { openedAt: minutesAgo(5), closedAt: undefined };
    const again = { functionName: "a", alias: "live" };
    expect(isCurrent(wave, [closed, closed], again, now)).toBe(false);
    expect(isCurrent(wave, [closed, open], again, now)).toBe(true);
    expect(isCurrent(wave, [closed, closed], next, now)).toBe(true);
  });

  it("is over once it goes back", () => {
    const groups = { shop: waveOf(member("a", "1", "2")) };
    const back = withRevert({ groups }, "shop", "d-a2", { since: minutesAgo(1), by: "respond", reason: "bad" })!;
    expect(isCurrent(back.groups.shop, [{ openedAt: minutesAgo(5), closedAt: undefined }], next, now)).toBe(false);
    const after = withMember(back, "shop", member("a", "1", "3"), "d-a2");
    expect(after?.groups.shop).toMatchObject({ id: "d-a3", revert: undefined });
  });

  it("takes a function that is released twice back to what served before the wave", () => {
    const groups = { shop: waveOf(member("a", "1", "2", ["x"]), member("b", "1", "2")) };
    const after = withMember({ groups }, "shop", member("a", "2", "3", ["y"]), "d-a2")!.groups.shop!;
    expect(after.members.map(({ functionName }) => functionName)).toEqual(["b", "a"]);
    expect(after.members[1]).toMatchObject({ deploymentId: "d-a3", baselineVersion: "1", brought: ["2", "3"] });
    expect(flagsOfWave(after)[0]?.references).toEqual([{ ...profile, flags: ["y", "x"] }]);
  });

  it("has each release once, however often its hook runs", () => {
    const groups = { shop: waveOf(member("a", "1", "2")) };
    expect(withMember({ groups }, "shop", member("a", "1", "2"), "d-a2")).toBeUndefined();
  });

  it("is forgotten, the oldest first, before the record gets too large for its table", () => {
    const hours = (ago: number) => minutesAgo(60 * ago);
    const wide = (name: string, ago: number) =>
      waveOf(...Array.from({ length: 25 }, (_, i) => ({ ...member(`${name}-${i}`, "1", "2"), openedAt: hours(ago) })));
    const back = { since: hours(80), by: "respond", reason: "", doneAt: undefined, members: [], flags: [] };
    let record = {
      groups: { stuck: { ...wide("stuck", 90), revert: back } as GroupWave } as Record<string, GroupWave>,
    };
    for (let group = 0; group < 40; group++) {
      for (const next of wide(`group-${group}`, 80 - group).members) {
        record = withMember(record, `group-${group}`, next, record.groups[`group-${group}`]?.id)!;
      }
    }
    expect(JSON.stringify(record).length).toBeLessThan(251_000);
    const kept = Object.keys(record.groups);
    const newest = Array.from({ length: kept.length - 1 }, (_, i) => `group-${40 - kept.length + 1 + i}`);
    expect([...kept].sort()).toEqual(["stuck", ...newest].sort());
    expect(kept.length).toBeGreaterThan(20);
    expect(Object.values(record.groups).every(({ members }) => members.length === 25)).toBe(true);
  });

  it("goes back with the last released first, and each flag profile once", () => {
    const wave = waveOf(member("a", "1", "2", ["x"]), member("b", "1", "2", ["x", "y"]), member("c", "1", "2"));
    expect(inOrderOfReturn(wave).map(({ functionName }) => functionName)).toEqual(["c", "b", "a"]);
    expect(flagsOfWave(wave)).toMatchObject([
      { member: { functionName: "b" }, references: [{ ...profile, flags: ["x", "y"] }] },
    ]);
  });
});

describe("admission", () => {
  const groups = { shop: waveOf(member("a", "1", "2")) };
  const back = withRevert({ groups }, "shop", "d-a2", { since: minutesAgo(1), by: "respond", reason: "b failed" })!;
  const refusals = (environment: { groups: Record<string, GroupWave> }, functionName: string, releaseGroup?: string) =>
    standingRefusals({
      ...{ functionName, alias: "live", aliasRecord: undefined, releaseGroup, now },
      environment: { ...EMPTY_ENVIRONMENT, ...environment },
    }).map(({ code }) => code);

  it("refuses members of a group that is on its way back, those that were not released yet too", () => {
    expect(refusals(back, "a")).toEqual(["group-reverting"]);
    expect(refusals(back, "z", "shop")).toEqual(["group-reverting"]);
    expect(refusals(back, "z", "other")).toEqual([]);
  });

  const doneBefore = (minutes: number, from = back) =>
    withRevertResult(from, "shop", "d-a2", { doneAt: minutesAgo(minutes), members: [], flags: [] })!;

  it("lets them through before, and when the group has rested", () => {
    expect(refusals({ groups }, "a", "shop")).toEqual([]);
    expect(refusals(doneBefore(5), "a", "shop")).toEqual([]);
  });

  it("refuses the rest of a deploy whose group the guard has just put back", () => {
    expect(refusals(doneBefore(1), "a")).toEqual(["group-reverting"]);
    expect(refusals(doneBefore(4.9), "z", "shop")).toEqual(["group-reverting"]);
    expect(refusals(doneBefore(1), "z", "other")).toEqual([]);
  });

  it("lets the next release through at once where a person has put the group back", () => {
    const order = { since: minutesAgo(1), by: "alice", reason: "wrong prices" };
    expect(refusals(doneBefore(0, withRevert({ groups }, "shop", "d-a2", order)!), "a", "shop")).toEqual([]);
  });
});
