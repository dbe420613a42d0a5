import { describe, expect, it } from "vitest";
import { policySchema } from "../../../lib/contract/policy.ts";
import type { Verdict } from "../../../lib/core/judge/types.ts";
import type { Judging } from "../../../lib/core/release/records.ts";
import {
  alertOf,
  lookAfter,
  nextStep,
  type OrphanFacts,
  remember,
  type WatchFacts,
} from "../../../lib/core/release/watch.ts";

const at = (text: string) => new Date(`2026-03-02T12:${text}.000Z`);
const policy = (changes: object = {}) =>
  policySchema.parse({ schemaVersion: 1, functionName: "f", alias: "live", deploymentGroup: "g", ...changes });
const reason = (code: string) => ({ code, message: code, observed: null, limit: null, baseline: null, samples: 0 });
const verdict = (kind: Verdict["kind"], code: string = kind): Verdict => ({
  kind,
  reasons: [reason(code)],
  findings: [],
});
const judged = (kind: Verdict["kind"], code: string = kind, until = "02:00") =>
  ({ verdict: verdict(kind, code), judgedUntil: at(until).toISOString() }) as Judging;
const SHIFTING = { startedAt: at("00:20"), endedAt: undefined };
const SHIFTED = { startedAt: at("00:20"), endedAt: at("05:20") };

const next = ({ release, ...facts }: Partial<Omit<WatchFacts, "release">> & { release?: object } = {}) =>
  nextStep({
    now: at("02:30"),
    deployment: { status: "InProgress" },
    shift: SHIFTING,
    nextLookAt: at("03:00"),
    release: { policy: policy(), ...release },
    ...facts,
  });

describe("the watch", () => {
  it.each(["Succeeded", "Failed", "Stopped"] as const)("is over when the deployment is %s", (status) => {
    expect(next({ deployment: { status }, release: { judging: judged("rollback") } }).kind).toBe("done");
  });

  it("waits for traffic to move", () => {
    expect(next({ shift: undefined, nextLookAt: undefined })).toEqual({
      kind: "wait",
      until: at("02:45"),
      phase: "shift",
    });
  });

  it("waits for the next look, and takes it when it is due", () => {
    expect(next()).toEqual({ kind: "wait", until: at("03:00"), phase: "shift" });
    expect(next({ now: at("03:00") }).kind).toBe("look");
  });

  it("asks for a rollback while traffic is split, and again after a minute without effect", () => {
    const bad = (askedAt?: string) => ({ judging: judged("rollback"), watch: { unseen: 0, askedAt } });
    expect(next({ release: bad() }).kind).toBe("roll-back");
    expect(next({ release: bad("2026-03-02T12:01:31.000Z") })).toMatchObject({ kind: "wait" });
    expect(next({ release: bad("2026-03-02T12:01:30.000Z") }).kind).toBe("roll-back");
  });

  it("only watches on when automatic rollback is off", () => {
    const release = { judging: judged("rollback"), policy: policy({ automaticRollback: false }) };
    expect(next({ release, nextLookAt: undefined }).kind).toBe("wait");
  });

  it("bakes after the shift, as long as the policy says, once the hook has handed over", () => {
    const release = { judging: judged("promote"), handedOverAt: "2026-03-02T12:05:22.000Z" };
    const step = (time: string, changes = {}) =>
      next({ now: at(time), shift: SHIFTED, nextLookAt: undefined, release: { ...release, ...changes } });
    expect(step("05:30", { handedOverAt: undefined })).toMatchObject({ kind: "wait", phase: "shift" });
    expect(step("05:30")).toEqual({ kind: "wait", until: at("06:30"), phase: "bake" });
    expect(step("15:10")).toEqual({ kind: "wait", until: at("15:20"), phase: "bake" });
    expect(step("15:20")).toEqual({ kind: "report", verdict: verdict("promote") });
    expect(step("05:30", { policy: policy({ bakeMinutes: 0 }) }).kind).toBe("report");
  });

  it("judges the last split minute however short the bake is", () => {
    const release = { policy: policy({ bakeMinutes: 0 }), handedOverAt: "2026-03-02T12:05:22.000Z" };
    expect(next({ now: at("05:30"), shift: SHIFTED, nextLookAt: at("06:00"), release })).toEqual({
      kind: "wait",
      until: at("06:00"),
      phase: "bake",
    });
  });

  it("answers before CodeDeploy's hour is over, even if the bake and the metrics are not", () => {
    const release = { policy: policy({ bakeMinutes: 55 }), handedOverAt: "2026-03-02T12:05:22.000Z" };
    const late = new Date(at("05:20").getTime() + 57 * 60_000);
    const pending = new Date(late.getTime() + 60_000);
    expect(next({ now: late, shift: SHIFTED, nextLookAt: pending, release }).kind).toBe("report");
  });

  it("reports a bad version at once when only the hook can still stop it", () => {
    const release = { judging: judged("rollback"), handedOverAt: "2026-03-02T12:05:22.000Z" };
    expect(next({ now: at("06:00"), shift: SHIFTED, release }).kind).toBe("report");
  });

  it.each([
    ["at once where policy says rollback", { onInconclusive: "rollback" }, "report"],
    ["after the bake where policy says promote-and-bake", {}, "wait"],
    [
      "after the bake while automatic rollback is off",
      { onInconclusive: "rollback", automaticRollback: false },
      "wait",
    ],
  ] as const)("reports what its last look left undecided %s", (_, changes, kind) => {
    const release = { policy: policy({ bakeMinutes: 30, ...changes }), handedOverAt: "2026-03-02T12:05:22.000Z" };
    const step = (judging: Judging, facts: Partial<WatchFacts> = {}) =>
      next({ now: at("06:00"), shift: SHIFTED, nextLookAt: undefined, ...facts, release: { ...release, judging } })
        .kind;
    expect(step(judged("inconclusive"))).toBe(kind);
    expect(step(judged("hold"))).toBe(kind);
    expect(step(judged("inconclusive"), { unanswered: [{ name: "red", since: at("05:50") }] })).toBe(kind);
    expect(step(judged("promote"))).toBe("wait");
    expect(step(judged("inconclusive"), { nextLookAt: at("06:30") })).toBe("wait");
    expect(step(judged("inconclusive"), { nextLookAt: at("06:00") })).toBe("look");
  });

  it("has nothing to go by when the shift was one step", () => {
    const release = { handedOverAt: "2026-03-02T12:05:22.000Z" };
    expect(next({ now: at("15:20"), shift: SHIFTED, nextLookAt: undefined, release })).toMatchObject({
      kind: "report",
      verdict: { kind: "inconclusive", reasons: [{ code: "too-few-samples" }] },
    });
  });
});

describe("what the watch tells while a release goes on", () => {
  const told = (...looks: Judging[]) => {
    const memory = looks.reduce<ReturnType<typeof remember> | undefined>(remember, undefined)!;
    return alertOf(memory, looks.at(-1)!, policy()).map(({ code }) => code);
  };
  const unseen = judged("inconclusive", "monitoring-unavailable");

  it("is a hold that lasts, not one bad minute", () => {
    expect(told(judged("hold", "traffic-share"))).toEqual([]);
    const again = judged("hold", "traffic-share", "03:00");
    expect(told(judged("hold"), judged("promote"), again)).toEqual([]);
    expect(told(judged("hold"), again)).toEqual(["traffic-share"]);
  });

  it("is not a hold of seconds, at however many looks", () => {
    const looks = ["02:00", "02:02", "02:04", "02:06", "02:50"].map((until) => judged("hold", "traffic-share", until));
    expect(told(...looks)).toEqual([]);
  });

  it("is that nothing can be seen, after three looks", () => {
    expect(told(unseen, unseen)).toEqual([]);
    expect(told(unseen, unseen, unseen)).toEqual(["monitoring-unavailable"]);
  });

  it("is a bad version that it may not roll back", () => {
    const bad = judged("rollback", "more-errors");
    const codes = alertOf(remember(undefined, bad), bad, policy({ automaticRollback: false })).map(({ code }) => code);
    expect(codes).toEqual(["more-errors"]);
  });
});

describe("looking after a release", () => {
  const before = { hook: "BeforeAllowTraffic" as const, since: at("00:00") };
  const afterHook = { hook: "AfterAllowTraffic" as const, since: at("05:20") };
  const handedOver = { postTrafficHookId: "e2", handedOverAt: "2026-03-02T12:05:22.000Z" };
  const look = (facts: Partial<OrphanFacts>) =>
    lookAfter({
      now: at("06:00"),
      deployment: { status: "InProgress" },
      waiting: undefined,
      release: { preTrafficStatus: "Succeeded" },
      watch: "running",
      ...facts,
    });

  it("ends with the deployment", () => {
    expect(look({ deployment: { status: "Stopped" }, watch: "over" })).toEqual({ kind: "over" });
  });

  it("leaves alone what is watched, and hooks that have time", () => {
    expect(look({})).toEqual({ kind: "leave" });
    expect(look({ waiting: afterHook, release: handedOver })).toEqual({ kind: "leave" });
    expect(look({ waiting: before, now: at("05:04"), release: { preTrafficHookId: "e1" } })).toEqual({ kind: "leave" });
  });

  it("answers Failed for a hook that has not answered within its timeout", () => {
    expect(look({ waiting: before, now: at("05:05"), release: { preTrafficHookId: "e1" } })).toMatchObject({
      kind: "report",
      executionId: "e1",
      status: "Failed",
    });
  });

  it("answers for a watch that ended after the hand-over, as decided if it had decided", () => {
    expect(look({ waiting: afterHook, watch: "over", release: handedOver })).toMatchObject({
      kind: "report",
      executionId: "e2",
      status: "Failed",
    });
    const release = { ...handedOver, postTrafficStatus: "Succeeded" as const };
    expect(look({ waiting: afterHook, watch: "over", release })).toMatchObject({ status: "Succeeded" });
  });

  it.each([
    ["promote", "05:00", {}, "Succeeded"],
    ["promote", "04:00", {}, "Failed"],
    ["promote", "02:00", { staged: { clearedAt: at("04:00").toISOString(), steps: [] } }, "Succeeded"],
    ["inconclusive", "05:00", {}, "Failed"],
    ["hold", "05:00", {}, "Failed"],
    ["rollback", "05:00", {}, "Failed"],
  ] as const)(
    "answers for a watch that was lost in the bake by its verdict: %s, judged until %s (%j): %s",
    (kind, until, staged, status) => {
      const release = { ...handedOver, ...staged, judging: judged(kind, kind, until) } as OrphanFacts["release"];
      expect(look({ waiting: afterHook, watch: "over", release })).toMatchObject({ kind: "report", status });
    },
  );

  it("leaves the first half minute after the hand-over to the hook, which looks itself", () => {
    const facts = { waiting: afterHook, watch: "over" as const, release: handedOver };
    expect(look({ ...facts, now: at("05:51") })).toEqual({ kind: "leave" });
    expect(look({ ...facts, now: at("05:52") }).kind).toBe("report");
  });

  it("says when nobody compares the versions during the shift", () => {
    expect(look({ watch: "over" })).toEqual({ kind: "unwatched" });
    expect(look({ watch: "over", release: undefined })).toEqual({ kind: "leave" });
  });

  it("says when it cannot answer, because nobody wrote down for what", () => {
    expect(look({ waiting: before, release: undefined }).kind).toBe("unreachable");
  });
});
