import { describe, expect, it } from "vitest";
import { applyOrders, OVERRIDABLE, standingRefusals } from "../../../lib/core/release/admission-environment.ts";
import {
  arm,
  breakGlass,
  disarm,
  disarmedBy,
  EMPTY_ENVIRONMENT,
  type EnvironmentRecord,
  freeze,
  releaseKilled,
  releaseLatch,
  rememberKilled,
  setLatch,
  unfreeze,
} from "../../../lib/core/release/environment-record.ts";
import type { AliasRecord } from "../../../lib/core/release/records.ts";

const now = new Date("2026-03-02T12:00:00.000Z");
const minutesAway = (minutes: number) => new Date(now.getTime() + minutes * 60_000).toISOString();
const order = (minutes: number) => ({
  reason: "incident 7",
  by: "alice",
  at: now.toISOString(),
  until: minutesAway(minutes),
});
const environmentOf = (changes: Partial<EnvironmentRecord> = {}) => ({ ...EMPTY_ENVIRONMENT, ...changes });
const rolledBack = (secondsAgo: number): AliasRecord => ({
  functionName: "checkout",
  alias: "live",
  lastKnownGood: undefined,
  knownBad: {},
  rollbacks: [
    {
      id: "1",
      at: new Date(now.getTime() - secondsAgo * 1000).toISOString(),
      automatic: true,
      actor: "respond",
      to: "1",
      left: ["2"],
      deploymentId: "d-1",
    },
  ],
});
const facts = (environment: EnvironmentRecord, aliasRecord?: AliasRecord) => ({
  functionName: "checkout",
  alias: "live",
  environment,
  aliasRecord,
  now,
});
const window = {
  id: "quarter-end",
  scope: "code" as const,
  functionName: undefined,
  timeZone: "UTC",
  times: { from: "2026-03-01", until: "2026-03-05" },
  reason: "quarter end",
  by: "alice",
};
const latch = { since: minutesAway(-30), reason: "3 automatic rollbacks", by: "respond" };

describe("a release is refused", () => {
  it.each([
    ["never, when nothing is ordered", environmentOf(), undefined, []],
    ["in a freeze", environmentOf({ freezes: [window] }), undefined, ["frozen"]],
    ["not in a freeze of flags", environmentOf({ freezes: [{ ...window, scope: "flags" }] }), undefined, []],
    ["when latched", environmentOf({ latches: { "checkout:live": latch } }), undefined, ["latched"]],
    ["not for another's latch", environmentOf({ latches: { "search:live": latch } }), undefined, []],
    ["in the cooldown", environmentOf(), rolledBack(120), ["cooldown"]],
    ["not after the cooldown", environmentOf(), rolledBack(300), []],
    [
      "not in a cooldown that a person has ended",
      environmentOf({ latchReleased: { "checkout:live": { at: now.toISOString(), by: "alice", reason: "fixed" } } }),
      rolledBack(120),
      [],
    ],
    [
      "with everything that is wrong at once",
      environmentOf({ freezes: [window], latches: { "checkout:live": latch } }),
      rolledBack(120),
      ["frozen", "latched", "cooldown"],
    ],
  ])("%s", (_, environment, aliasRecord, codes) => {
    expect(standingRefusals(facts(environment, aliasRecord)).map(({ code }) => code)).toEqual(codes);
  });

  it("with words that say by whom, why, until when, and what to run", () => {
    const environment = environmentOf({ freezes: [window], latches: { "checkout:live": latch } });
    expect(
      standingRefusals(facts(environment, rolledBack(120))).map(({ message, advice }) => [message, advice]),
    ).toEqual([
      [
        "releases of checkout are frozen until 2026-03-05T00:00:00.000Z by quarter-end (alice): quarter end",
        'Wait, or let this one through: goaround guard --action break-glass --function-name checkout --rules frozen --for 1h --reason "why"',
      ],
      [
        "checkout:live is latched since 2026-03-02T11:30:00.000Z (respond): 3 automatic rollbacks",
        'Find the cause, then release the latch: goaround guard --action release-latch --function-name checkout --alias live --reason "why it is safe now"',
      ],
      [
        "checkout:live was rolled back a moment ago and rests for another 180 s, until 2026-03-02T12:03:00.000Z",
        'Release again after that, or let this one through: goaround guard --action break-glass --function-name checkout --rules cooldown --for 1h --reason "why"',
      ],
    ]);
  });
});

describe("an order of a person", () => {
  const refusals = [...OVERRIDABLE, "policy-missing", "alias-moved", "foreign-application"].map((code) => ({
    code,
    message: code,
    advice: "",
  }));
  const glass = (changes = {}) => ({ ...order(60), functionName: undefined, rules: [], ...changes });
  const through = (environment: EnvironmentRecord) =>
    applyOrders(refusals, facts(environment)).findings.map(({ code }) => code);

  it("lets through what it names, recorded with who and why", () => {
    const environment = environmentOf({ breakGlass: [glass({ rules: ["frozen"] })] });
    const { refusals: left, findings } = applyOrders(refusals, facts(environment));
    expect(findings.map(({ code, message }) => [code, message])).toEqual([
      ["break-glass-frozen", "frozen; let through by alice until 2026-03-02T13:00:00.000Z: incident 7"],
    ]);
    expect(left.map(({ code }) => code)).not.toContain("frozen");
    expect(left).toHaveLength(refusals.length - 1);
  });

  it("keeps which alarm was red of what it lets through", () => {
    const red = { code: "blocker-red", message: "db is red", advice: "", alarm: "db" };
    const { findings } = applyOrders([red], facts(environmentOf({ breakGlass: [glass()] })));
    expect(findings).toMatchObject([{ code: "break-glass-blocker-red", alarm: "db" }]);
  });

  it("without rules lets through every rule that may be overridden, and nothing that cannot work", () => {
    const environment = environmentOf({ breakGlass: [glass()] });
    expect(through(environment)).toEqual(OVERRIDABLE.map((rule) => `break-glass-${rule}`));
    expect(applyOrders(refusals, facts(environment)).refusals.map(({ code }) => code)).toEqual([
      "policy-missing",
      "alias-moved",
      "foreign-application",
    ]);
  });

  it.each([
    ["that has run out", glass({ until: minutesAway(0) })],
    ["for another function", glass({ functionName: "search" })],
    ["for what cannot be overridden", glass({ rules: ["policy-missing"] })],
  ])("%s lets nothing through", (_, orderGiven) => {
    expect(through(environmentOf({ breakGlass: [orderGiven] }))).toEqual([]);
  });

  it("to disarm lets through what it would have refused, and says so", () => {
    const environment = environmentOf(disarm(EMPTY_ENVIRONMENT, "checkout", order(60)));
    expect(through(environment)).toEqual(OVERRIDABLE.map((rule) => `report-only-${rule}`));
  });
});

describe("the record of an environment", () => {
  it.each([
    ["the function", "checkout", 60, true],
    ["all functions", "*", 60, true],
    ["another function", "search", 60, false],
    ["the function, run out", "checkout", -1, false],
  ])("says that the guard is disarmed for %s (%s, %i minutes): %s", (_, scope, minutes, expected) => {
    const record = environmentOf(disarm(EMPTY_ENVIRONMENT, scope, order(minutes)));
    expect(disarmedBy(record, "checkout", now) !== undefined).toBe(expected);
    expect(disarmedBy({ ...record, ...arm(record, scope, now) }, "checkout", now)).toBeUndefined();
  });

  it("has one freeze of each id", () => {
    const first = environmentOf(freeze(EMPTY_ENVIRONMENT, window, now));
    const second = environmentOf(freeze(first, { ...window, reason: "longer" }, now));
    expect(second.freezes.map(({ reason }) => reason)).toEqual(["longer"]);
    expect(unfreeze(second, "quarter-end").freezes).toEqual([]);
  });

  it("forgets orders that have run out when another is given", () => {
    const old = { ...order(-1), functionName: undefined, rules: [] };
    const young = { ...order(5), functionName: undefined, rules: [] };
    expect(breakGlass(environmentOf({ breakGlass: [old] }), young, now).breakGlass).toEqual([young]);
  });

  it("keeps the first latch, and remembers who released it", () => {
    const latched = environmentOf(setLatch(EMPTY_ENVIRONMENT, "checkout:live", latch));
    expect(setLatch(latched, "checkout:live", { ...latch, reason: "later" })).toBeUndefined();
    const release = { at: now.toISOString(), by: "alice", reason: "fixed" };
    expect(releaseLatch(latched, "checkout:live", release)).toEqual({
      latches: {},
      latchReleased: { "checkout:live": release },
    });
    expect(releaseLatch(latched, "search:live", release)).toBeUndefined();
  });

  it("remembers killed flags until they are released", () => {
    const flag = {
      applicationId: "a",
      environmentId: "e",
      profileId: "p",
      flag: "new_api",
      at: now.toISOString(),
      by: "respond",
      reason: "errors",
      version: 4,
    };
    const killed = environmentOf(rememberKilled(EMPTY_ENVIRONMENT, [flag, { ...flag, flag: "other" }]));
    expect(Object.keys(killed.killedFlags)).toEqual(["a/e/p/new_api", "a/e/p/other"]);
    expect(releaseKilled(killed, ["a/e/p/new_api"])?.killedFlags).toEqual({
      "a/e/p/other": { ...flag, flag: "other" },
    });
    expect(releaseKilled(killed, ["a/e/p/none"])).toBeUndefined();
  });
});
