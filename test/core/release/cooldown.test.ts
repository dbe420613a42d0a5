import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  calledBefore,
  cooldownUntil,
  type Latch,
  mayRollBack,
  withRollback,
} from "../../../lib/core/release/cooldown.ts";
import type { RollbackEntry } from "../../../lib/core/release/records.ts";

const start = Date.parse("2026-03-02T12:00:00.000Z");
const at = (seconds: number) => new Date(start + seconds * 1000);
const entry = (seconds: number, automatic = true): RollbackEntry => ({
  id: `checkout:live/${seconds}`,
  at: at(seconds).toISOString(),
  automatic,
  actor: "respond",
  to: "1",
  left: ["2"],
  deploymentId: "d-1",
});
const ask = (seconds: number, rollbacks: RollbackEntry[], latch?: Latch, releasedAt?: string) =>
  mayRollBack({ rollbacks, latch, releasedAt, now: at(seconds) });

describe("a rollback of an alias that was rolled back before", () => {
  const hour = 3600;
  const calls = (seconds: number, others: RollbackEntry[], releasedAt?: string) => {
    const mine = entry(seconds);
    return calledBefore([mine, ...others], mine.id, releasedAt) === undefined;
  };

  it.each<[string, number, RollbackEntry[], boolean]>([
    ["the first", 0, [], true],
    ["another within the hour", 1000, [entry(0)], false],
    ["a third within the hour", 2000, [entry(1000), entry(0)], false],
    ["one an hour after the one that called", hour, [entry(3000), entry(0)], true],
    ["one within the hour of one that did not call", hour + 60, [entry(3000), entry(0)], true],
    ["the first after a person's", 1000, [entry(0, false)], true],
  ])("%s, after %i s, calls people or does not", (_, seconds, others, expected) => {
    expect(calls(seconds, others)).toBe(expected);
  });

  it("calls again when a person has released the latch in between", () => {
    expect(calls(1000, [entry(0)], at(500).toISOString())).toBe(true);
  });

  it("calls where it is not on record itself", () => {
    expect(calledBefore([entry(0)], "d-unknown", undefined)).toBeUndefined();
  });
});

describe("permission to move traffic automatically", () => {
  it.each([
    ["nothing was rolled back", 0, [], "go"],
    ["a rollback ended a second ago", 1, [entry(0)], "wait"],
    ["… or a person's did", 1, [entry(0, false)], "wait"],
    ["299 s have passed", 299, [entry(0)], "wait"],
    ["300 s have passed", 300, [entry(0)], "go"],
    ["two were made within the hour", 900, [entry(0), entry(400)], "go"],
    ["three were made within the hour", 1500, [entry(0), entry(400), entry(800)], "latch"],
    ["one of the three was a person's", 1500, [entry(0), entry(400, false), entry(800)], "go"],
    ["the first of three is an hour old", 3600, [entry(0), entry(400), entry(800)], "go"],
  ] as const)("when %s: after %i s with %j it is %s", (_, seconds, rollbacks, kind) => {
    expect(ask(seconds, [...rollbacks]).kind).toBe(kind);
  });

  it("tells which attempt it is, and when the cooldown ends", () => {
    expect(ask(900, [entry(0), entry(400)])).toEqual({ kind: "go", attempt: 3 });
    expect(ask(60, [entry(0)])).toEqual({
      kind: "wait",
      until: at(300),
      why: "in cooldown until 2026-03-02T12:05:00.000Z",
    });
  });

  it("ends with the latch, whatever else is true", () => {
    const latch = { since: at(0).toISOString(), reason: "3 automatic rollbacks", by: "respond" };
    expect(ask(100_000, [], latch)).toEqual({
      kind: "latched",
      latch,
      why: "latched since 2026-03-02T12:00:00.000Z by respond: 3 automatic rollbacks",
    });
  });

  it("begins anew when a person has released the latch", () => {
    const rollbacks = [entry(0), entry(400), entry(800)];
    expect(ask(850, rollbacks, undefined, at(840).toISOString())).toEqual({ kind: "go", attempt: 1 });
  });

  it("is given three times at most to an alarm that flaps for six hours, and never twice within the cooldown", () => {
    let rollbacks: RollbackEntry[] = [];
    let latch: Latch | undefined;
    const made: number[] = [];
    let pages = 0;
    for (let seconds = 0; seconds < 6 * 3600; seconds += 60) {
      const permission = ask(seconds, rollbacks, latch);
      if (permission.kind === "go") {
        made.push(seconds);
        rollbacks = withRollback(
          { functionName: "f", alias: "live", lastKnownGood: undefined, knownBad: {}, rollbacks },
          entry(seconds),
        );
      }
      if (permission.kind === "latch") {
        pages += 1;
        latch = { since: at(seconds).toISOString(), reason: permission.why, by: "respond" };
      }
    }
    expect(made).toEqual([0, 300, 600]);
    expect(pages).toBe(1);
  });

  it("is never given within the cooldown, nor more than three times within an hour, whenever it is asked for", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 4 * 3600 }), { maxLength: 60 }), (times) => {
        let rollbacks: RollbackEntry[] = [];
        const made: number[] = [];
        for (const seconds of times.sort((a, b) => a - b)) {
          if (ask(seconds, rollbacks).kind !== "go") continue;
          made.push(seconds);
          rollbacks = [entry(seconds), ...rollbacks];
        }
        for (const [i, seconds] of made.entries()) {
          expect(made.filter((other) => other < seconds && seconds - other < 300)).toEqual([]);
          expect(made.slice(0, i).filter((other) => seconds - other < 3600).length).toBeLessThan(3);
        }
      }),
    );
  });
});

describe("the cooldown", () => {
  it("lasts no longer than it should when the entry's clock was ahead", () => {
    expect(cooldownUntil([entry(400)], undefined, at(0))).toBeUndefined();
    expect(cooldownUntil([entry(200)], undefined, at(0))).toEqual(at(500));
  });
});

describe("the rollbacks of an alias", () => {
  const record = (rollbacks: RollbackEntry[]) => ({
    functionName: "f",
    alias: "live",
    lastKnownGood: undefined,
    knownBad: {},
    rollbacks,
  });

  it("hold each rollback once, newest first, and no more than twenty", () => {
    const many = Array.from({ length: 25 }, (_, i) => entry(i));
    const kept = many.reduce<RollbackEntry[]>((before, next) => withRollback(record(before), next), []);
    expect(kept.map(({ at }) => at)).toEqual(
      many
        .slice(5)
        .map(({ at }) => at)
        .reverse(),
    );
    expect(withRollback(record(kept), entry(24))).toEqual(kept);
  });
});
