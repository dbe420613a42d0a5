import { describe, expect, it } from "vitest";
import { ALARMS, stopByAlarm } from "../../bench/release/alarms.ts";
import { MUST, type ReleaseCell, releaseCells } from "../../bench/release/cells.ts";
import { tallyOf } from "../../bench/release/jobs.ts";
import { NO_CALLS, OWN_CALLS } from "../../bench/release/lags.ts";
import { METHODS, OURS, ownWith, stopAll, USUAL_ALARMS } from "../../bench/release/methods.ts";
import { exactInterval, ratioOfMeans } from "../../bench/release/tally.ts";
import { ReleaseWorld } from "../../bench/release/world.ts";

const cells = releaseCells();
const cellOf = (key: string): ReleaseCell => {
  const found = cells.find((cell) => cell.key === key);
  if (!found) throw new Error(`there is no cell ${key}`);
  return found;
};
const release = async (key: string, run: number, calls = OWN_CALLS) => {
  const world = new ReleaseWorld(cellOf(key), run);
  return { world, ...(await stopAll(world, calls)) };
};
const minutes = (count: number) => 60_000 * count;

describe("benchmark of a release", () => {
  it("names every row once", () => {
    expect(new Set(cells.map(({ key }) => key)).size).toBe(cells.length);
  });

  it("gives the same releases for the same seed, and others for another", async () => {
    const [a, again, other] = [
      await release(MUST.usual, 1),
      await release(MUST.usual, 1),
      await release(MUST.usual, 2),
    ];
    expect(again.stops).toEqual(a.stops);
    expect(other.stops).not.toEqual(a.stops);
  });

  it("finds a canary of which a fifth fails on logs before metrics, and on metrics before two minutes of an alarm", async () => {
    const { stops } = await release(MUST.usual, 3);
    const [logs, metrics, alarm] = [OURS.clears, OURS.metrics, USUAL_ALARMS.two].map((i) => stops[i]!.restoredMs);
    expect(logs).toBeLessThan(metrics!);
    expect(metrics).toBeLessThan(alarm!);
  });

  it("has traffic restored later by the lag after a stop, and by no lag where the weights are cleared", async () => {
    const { stops } = await release(MUST.usual, 4, NO_CALLS);
    const since = (lag: 0 | 30 | "clears") => stops[ownWith("logs", lag)]!.restoredMs - stops[OURS.logs]!.decidedMs;
    expect([since("clears"), since(0), since(30)]).toEqual([0, 1000, 31_000]);
  });

  it("counts what fails on the canary until traffic is restored, from the first failure of the fault", async () => {
    const { world, stops } = await release(MUST.usual, 5);
    const early = tallyOf(world, stops[OURS.clears]);
    const never = tallyOf(world, undefined);
    expect(early.failed[0]).toBeGreaterThan(1);
    expect(early.failed[0]).toBeLessThan(never.failed[0]!);
    expect(early.restore[0]).toBeGreaterThan(early.decide[0]!);
    expect([never.back, never.restore]).toEqual([0, []]);
  });

  it("tells a release that is taken back before its fault from one that is taken back for it", () => {
    const world = new ReleaseWorld(cellOf(MUST.usual), 6);
    const at = world.shifting.startMs + 1000;
    expect(tallyOf(world, { detectedMs: at, decidedMs: at, restoredMs: at })).toMatchObject({ back: 1, early: 1 });
  });

  it("leaves a good release alone", async () => {
    const { stops } = await release("10/s, errors 0.1 %", 1);
    expect([stops[OURS.clears], stops[OURS.metrics]]).toEqual([undefined, undefined]);
  });

  it("has an alarm on the version see in two published minutes what one on the alias never sees", () => {
    const phases = { evaluatedMs: 10_000, polledMs: 0 };
    const world = new ReleaseWorld(cellOf(MUST.usual), 7);
    const stop = (name: string) => stopByAlarm(world, ALARMS.find((alarm) => alarm.name === name)!, phases);
    const found = stop("alarm 5 %, 2 of 2 min, version")!;
    expect(stop("alarm 5 %, 2 of 2 min, alias")).toBeUndefined();
    expect(found.detectedMs % 60_000).toBe(10_000);
    // A whole minute and the better part of another have to go by, and the lag of metrics.
    expect(found.detectedMs - world.faultMs!).toBeGreaterThan(minutes(2));
    expect(found.decidedMs - found.detectedMs).toBeLessThanOrEqual(10_000);
  });

  it("counts a batch once that comes twice, and leaves the log for metrics where many are lost", async () => {
    const twice = { ...cellOf("10/s, errors 1 %"), disturbed: [{ duplicate: 1 }] };
    const world = new ReleaseWorld(twice, 1);
    world.advanceTo(world.shifting.endMs);
    const from = Math.ceil(world.shifting.startMs / minutes(1)) * minutes(1);
    const known = await world.book.read("", from, from + minutes(2));
    const requests = known.reduce((sum, { counts }) => sum + counts.requests, 0);
    const sent = ["canary" as const, "baseline" as const].map((side) => world.countsOf(side, from, from + minutes(2)));
    expect(requests / sent.reduce((sum, counts) => sum + counts.requests, 0)).toBeCloseTo(1, 1);
    expect((await release("10/s, errors 1 %, a third of the batches lost", 1)).watched.logs.left).toBe(true);
  });

  it("has as many results as methods", async () => {
    expect((await release("low-traffic", 1)).stops).toHaveLength(METHODS.length);
  });

  it("gives exact intervals of shares", () => {
    // Clopper and Pearson's for 0 of 20 and 5 of 50.
    expect(exactInterval(0, 20)).toMatchObject({ low: 0, high: expect.closeTo(0.1684, 4) });
    expect(exactInterval(5, 50)).toMatchObject({ low: expect.closeTo(0.0333, 4), high: expect.closeTo(0.2181, 4) });
  });

  it("gives the ratio of two means of the same runs, certain where they are proportional", () => {
    expect(ratioOfMeans([2, 4, 6], [1, 2, 3])).toEqual({ ratio: 2, low: 2, high: 2 });
    expect(ratioOfMeans([2, 9, 6], [1, 2, 3]).low).toBeLessThan(17 / 6);
  });
});
