import { beforeEach, describe, expect, it } from "vitest";
import { createPostTraffic } from "../../lambdas/post-traffic/post-traffic.ts";
import { createPreTraffic } from "../../lambdas/pre-traffic/pre-traffic.ts";
import { createLookAfter } from "../../lambdas/report-failure/look-after.ts";
import { createSetShare } from "../../lambdas/shift/set-share.ts";
import { logSignals } from "../../lambdas/watch/log-signals.ts";
import { lambdaMetrics } from "../../lambdas/watch/signals.ts";
import { createTurn } from "../../lambdas/watch/turn.ts";
import type { PolicyInput } from "../../lib/contract/policy.ts";
import { VERDICT_SOURCE } from "../../lib/core/release/events.ts";
import { INTERVAL_MS, noSignals } from "../../lib/core/signals/count.ts";
import type { KnownInterval } from "../../lib/core/signals/ports.ts";
import { throttled } from "../fakes/faults.ts";
import type { FakePorts } from "../fakes/index.ts";
import { counts, noCounts } from "../fakes/monitoring.ts";
import { alarmEvent, responder, stateEvent, VERSION_ALARM } from "./respond-scene.ts";
import { contextOf, FUNCTION, ID, reported, runWork, scene, silent } from "./scene.ts";

const STAGES = [
  { percent: 5, minutes: 3 },
  { percent: 20, minutes: 5 },
  { percent: 50, minutes: 10 },
  { percent: 100, minutes: 0 },
];
const AFTER = { DeploymentId: ID, LifecycleEventHookExecutionId: "execution-2" };
const minute = (text: string) => new Date(`2026-03-02T12:${text}.000Z`);

let ports: FakePorts;
/** Canary errors in percent from this minute on. */
let faultFrom: Date | undefined;
/** Requests a minute, both versions together. */
let traffic = 600;
let byLog = false;
/** What the alias did, in order: `12:03 20`, percent on version 2. */
let moves: string[] = [];
beforeEach(() => {
  faultFrom = undefined;
  traffic = 600;
  byLog = false;
  moves = [];
});

const aliasOf = () => ports.functions.functions.get(FUNCTION)!.aliases.get("live")!;
const percent = () => (aliasOf().functionVersion === "2" ? 100 : Math.round((aliasOf().weights["2"] ?? 0) * 100));
const clock = () => ports.clock.now().toISOString().slice(11, 16);
const recordOf = () => ports.ledger.releases.get(ID)!;

/** A release in stages, before its first hook; the fault and the traffic are as the test says. */
function given(policy: Partial<PolicyInput> = {}): void {
  ports = scene({ staged: { stages: STAGES }, ...policy });
  ports.deployments.deployments.get(ID)!.configuration = "CodeDeployDefault.LambdaAllAtOnce";
  const history: { at: Date; share: number }[] = [];
  // A rollback of the fake CodeDeploy may still run when its test has ended.
  const [mine, own] = [ports, [] as string[]];
  moves = own;
  const setAlias = ports.functions.setAlias.bind(ports.functions);
  ports.functions.setAlias = (...change) => {
    setAlias(...change);
    if (ports !== mine) return;
    history.push({ at: ports.clock.now(), share: percent() / 100 });
    own.push(`${clock()} ${percent()}`);
  };
  ports.shift.set = (deploymentId, share) =>
    createSetShare(ports, "dev", silent)({ deploymentId, percent: share }) as ReturnType<FakePorts["shift"]["set"]>;
  const shareAt = (at: Date) => history.findLast((entry) => entry.at <= at)?.share ?? 0;
  ports.books.read = async (_, fromMs, toMs) => {
    const found: KnownInterval[] = [];
    for (let at = fromMs; at + INTERVAL_MS <= Math.min(toMs, ports.clock.now().getTime() - 5000); at += INTERVAL_MS) {
      const share = shareAt(new Date(at));
      const all = (traffic * INTERVAL_MS) / 60_000;
      for (const [version, requests] of Object.entries({
        1: Math.round(all * (1 - share)),
        2: Math.round(all * share),
      })) {
        const thrown = version === "2" && faultFrom && at >= faultFrom.getTime() ? Math.ceil(requests / 2) : 0;
        const { errors, ...none } = noSignals(0);
        found.push({ version, fromMs: at, counts: { ...none, requests, errors: { ...errors, thrown } } });
      }
    }
    return found;
  };
  ports.monitoring.perMinute = ({ version, minute: at }) => {
    if (ports.clock.now().getTime() < at.getTime() + 120_000) return noCounts;
    const share = shareAt(at);
    const errors = faultFrom && at >= faultFrom ? 30 : 0;
    return version === "2" ? counts(Math.round(traffic * share), errors) : counts(Math.round(traffic * (1 - share)), 0);
  };
}

const preTraffic = () => runWork(ports, createPreTraffic(ports, "dev", silent));

async function begun(policy: Partial<PolicyInput> = {}): Promise<void> {
  given(policy);
  await preTraffic();
}

const turn = () =>
  createTurn(
    {
      ...ports,
      signals: byLog ? logSignals(ports, lambdaMetrics(ports, silent), silent) : lambdaMetrics(ports, silent),
    },
    "dev",
    silent,
  )({ deploymentId: ID }, contextOf(ports, 330_000, `turn-${Math.random()}`));

/** What CodeDeploy does when the first hook has been answered: it refuses an alias with weights, or moves it. */
async function codeDeploy(): Promise<void> {
  const deployment = ports.deployments.deployments.get(ID)!;
  const target = ports.deployments.targets.get(ID)!;
  const waits = target.lifecycleEvents[0]!.status === "InProgress" && deployment.status === "InProgress";
  if (!waits || reported(ports) === undefined) return;
  expect(aliasOf().weights).toEqual({});
  if (reported(ports) === "Failed") {
    target.lifecycleEvents[0]!.status = "Failed";
    ports.deployments.end(ID, "Failed", { code: "HOOK_EXECUTION_FAILURE", message: "a hook failed" });
    return;
  }
  ports.deployments.shifted(ID, ports.clock.now(), ports.clock.now());
  ports.functions.setAlias(FUNCTION, "live", "2");
  await runWork(ports, createPostTraffic(ports, "dev", silent), { event: AFTER });
}

/** The state machine, until the watch is done or `until` says so. Turns that fail are tried again. */
async function watch(until: () => boolean = () => false): Promise<void> {
  for (let turns = 0; turns < 400; turns += 1) {
    if (until()) return;
    const result = await turn().catch((error) => {
      if (!(error instanceof Killed)) throw error;
      return { next: "again", waitSeconds: 2 };
    });
    await codeDeploy();
    if (result.next === "done") return;
    ports.clock.advance(result.waitSeconds * 1000);
  }
  throw new Error("the watch does not end");
}

class Killed extends Error {}

const lookAfter = () => createLookAfter({ ...ports, emit: () => undefined }, "dev", silent);

/** The watch's word reaches the real responder. */
function responds(): void {
  ports.responder.rollBack = async (deploymentId, verdict) => {
    const event = { source: VERDICT_SOURCE, detail: { deploymentId, verdict } };
    await responder(ports).send(event);
  };
}

describe("a staged release that is judged by its log", () => {
  it("gets its shares as one that is judged by metrics, with looks of seconds, and leaves no filter behind", async () => {
    byLog = true;
    await begun({ signals: { source: "logs" } });
    await watch();
    const { staged, judging, outcome } = recordOf();
    expect({ outcome, shares: staged!.steps.map(({ percent: share }) => share) }).toEqual({
      outcome: "promoted",
      shares: STAGES.slice(0, -1).map(({ percent: share }) => share),
    });
    expect(judging!.logs?.left).toBeUndefined();
    expect(judging!.looks).toBeGreaterThan(30);
    expect(staged!.steps.every(({ judged }) => judged >= 20)).toBe(true);
    expect([...ports.subscriptions.filters.values()].flatMap((names) => [...names])).toEqual([]);
  });

  it("is taken back half a minute after it went bad", async () => {
    byLog = true;
    await begun({ signals: { source: "logs" } });
    responds();
    await watch(() => (recordOf().staged?.steps.length ?? 0) === 2);
    faultFrom = new Date(ports.clock.now().getTime() + 60_000);
    await watch();
    expect(aliasOf()).toMatchObject({ functionVersion: "1", weights: {} });
    expect(Date.parse(recordOf().watch!.askedAt!) - faultFrom.getTime()).toBeLessThanOrEqual(30_000);
  });
});

describe("a good staged release", () => {
  it("gets its shares one after the other, none for CodeDeploy's last step, and bakes", async () => {
    await begun();
    expect(reported(ports)).toBeUndefined();
    await watch();
    expect(moves).toEqual(["12:00 5", "12:03 20", "12:08 50", "12:19 0", "12:19 100"]);
    expect(reported(ports)).toBe("Succeeded");
    expect(ports.deployments.reports.get(`${ID}/execution-2`)).toBe("Succeeded");
    expect(recordOf()).toMatchObject({
      outcome: "promoted",
      verdict: { kind: "promote" },
      preTrafficStatus: "Succeeded",
    });
    expect(clock()).toBe("12:29");
    expect(ports.notifier.sent).toEqual([]);
  });

  it("is judged over all of its stages, to the last minute before the last step", async () => {
    await begun();
    const looked: string[] = [];
    const counted = ports.monitoring.versionCounts.bind(ports.monitoring);
    ports.monitoring.versionCounts = (query) => {
      if (query.version === "2") looked.push(query.from.toISOString().slice(14, 16));
      return counted(query);
    };
    await watch(() => reported(ports) !== undefined);
    expect(looked).toEqual(Array.from({ length: 18 }, (_, i) => String(i).padStart(2, "0")));
  });

  it("stays in a stage until enough of the canary's requests in it have been judged", async () => {
    traffic = 100;
    await begun({ staged: { stages: STAGES, minSamples: 40 } });
    await watch();
    // Five requests a minute: the ninth minute brings the fortieth, and so on.
    expect(moves.slice(0, 2)).toEqual(["12:00 5", "12:09 20"]);
    expect(reported(ports)).toBe("Succeeded");
  });

  it("stays in a stage until the judge says promote where the policy asks for that", async () => {
    await begun({ staged: { stages: STAGES, goOn: "promote" } });
    await watch(() => moves.length === 2);
    expect(recordOf().judging?.verdict.kind).toBe("promote");
    expect(moves[1]! > "12:03 20").toBe(true);
  });

  it("takes a repeated event of the hook for what it is", async () => {
    await begun();
    await watch(() => moves.length === 2);
    await preTraffic();
    await watch();
    expect(moves).toHaveLength(5);
    expect(recordOf().outcome).toBe("promoted");
  });

  it("does not begin when nobody can watch it", async () => {
    given();
    ports.executions.calls.fail("start");
    await preTraffic();
    expect(reported(ports)).toBe("Failed");
    expect(recordOf()).toMatchObject({ outcome: "blocked", verdict: { reasons: [{ code: "unwatched" }] } });
    expect(moves).toEqual([]);
  });
});

describe("a bad staged release", () => {
  it("loses its share before the deployment is stopped, and is known bad", async () => {
    faultFrom = minute("05:00");
    await begun();
    responds();
    let shareAtStop: number | undefined;
    const stop = ports.deployments.stopWithRollback.bind(ports.deployments);
    ports.deployments.stopWithRollback = (id) => {
      shareAtStop = percent();
      return stop(id);
    };
    await watch();
    await responder(ports).send(stateEvent("STOP"));
    expect(moves.slice(0, 3)).toEqual(["12:00 5", "12:03 20", "12:07 0"]);
    expect(shareAtStop).toBe(0);
    expect(recordOf()).toMatchObject({ outcome: "rolled-back", verdict: { kind: "rollback" } });
    expect(Object.keys(ports.ledger.aliases.get(`${FUNCTION}:live`)!.knownBad)).toEqual(["sha-2/config-2"]);
    expect(reported(ports)).toBeUndefined();
  });

  it("loses its share when its own alarm stops the deployment, and gets no other one", async () => {
    await begun();
    await watch(() => moves.length === 2);
    const stop = ports.deployments.stopWithRollback.bind(ports.deployments);
    ports.deployments.stopWithRollback = async (id) => {
      // A turn of the watch that knows nothing of it comes in between.
      expect(await ports.shift.setShare(ID, 50)).toMatchObject({ isSet: false });
      return stop(id);
    };
    ports.ledger.releases.set(ID, { ...recordOf(), verdict: { kind: "rollback", reasons: [], findings: [] } });
    await responder(ports).send(alarmEvent(VERSION_ALARM));
    expect(percent()).toBe(0);
  });

  it("loses its share when CodeDeploy stops it and nobody else did anything", async () => {
    await begun();
    await watch(() => moves.length === 2);
    ports.deployments.rollsBack = false;
    ports.deployments.end(ID, "Stopped", { code: "ALARM_ACTIVE", message: "alarms" });
    const at = ports.clock.now().getTime();
    const setAlias = ports.functions.setAlias;
    let clearedMs = 0;
    ports.functions.setAlias = (...change) => {
      setAlias(...change);
      clearedMs = ports.clock.now().getTime() - at;
    };
    await responder(ports).send(stateEvent("STOP"));
    expect(percent()).toBe(0);
    expect(clearedMs).toBeLessThan(1000);
    expect(recordOf().outcome).toBe("rolled-back");
  });

  it("is failed by its hook when the responder never answers", async () => {
    faultFrom = minute("05:00");
    await begun();
    await watch();
    expect(ports.responder.asked.length).toBeGreaterThan(1);
    expect(reported(ports)).toBe("Failed");
    expect(percent()).toBe(0);
    expect(clock() <= "12:58").toBe(true);
  });

  it("goes through its stages in their time, and people are told, while the guard is disarmed", async () => {
    faultFrom = minute("01:00");
    await begun();
    responds();
    const order = { reason: "drill", by: "user/alice", at: "2026-03-02T12:00:00Z", until: "2026-03-02T18:00:00Z" };
    ports.ledger.environment.disarmed["*"] = order;
    await watch();
    expect(moves.map((move) => move.split(" ")[1])).toEqual(["5", "20", "50", "0", "100"]);
    expect(moves[1]).toBe("12:03 20");
    expect(recordOf().outcome).toBe("promoted");
    expect(ports.notifier.sent.map(({ severity }) => severity)).toContain("critical");
  });

  it("goes through its stages, and people are told, while automatic rollback is off", async () => {
    faultFrom = minute("05:00");
    await begun({ automaticRollback: false });
    await watch();
    expect(moves).toHaveLength(5);
    expect(ports.notifier.sent.map(({ severity }) => severity)).toContain("critical");
  });
});

describe("a staged release that cannot be decided", () => {
  it.each([
    ["promote-and-bake", "Succeeded", 100],
    ["rollback", "Failed", 0],
  ] as const)(
    "waits until the hook's hour is nearly over, then does as the policy says: %s",
    async (onInconclusive, status, end) => {
      traffic = 0;
      await begun({ onInconclusive });
      await watch(() => reported(ports) !== undefined);
      expect(reported(ports)).toBe(status);
      expect(clock()).toBe("12:57");
      await watch();
      expect(percent()).toBe(end);
      if (status === "Failed") {
        expect(recordOf().verdict).toMatchObject({
          kind: "inconclusive",
          reasons: [{ code: "stage-not-decided" }, {}],
        });
      }
    },
  );

  it.each([
    ["promote-and-bake", "Succeeded", "12:13", true],
    ["rollback", "Failed", "12:57", false],
  ] as const)(
    "is given all traffic on requests that are enough to look at and too few to decide only as the policy says: %s",
    async (onInconclusive, status, until, getsAll) => {
      traffic = 2;
      await begun({ onInconclusive, staged: { stages: STAGES.slice(2), minSamples: 5 } });
      await watch(() => reported(ports) !== undefined);
      expect([reported(ports), clock() <= until, recordOf().judging?.verdict.kind]).toEqual([
        status,
        true,
        "inconclusive",
      ]);
      expect(moves.filter((move) => move.endsWith(" 50"))).toHaveLength(1);
      await watch();
      expect(moves.some((move) => move.endsWith(" 100"))).toBe(getsAll);
    },
  );

  it("is promoted with a word of what its last stage left open, although the evidence before says promote", async () => {
    const stages = [
      { percent: 50, minutes: 10 },
      { percent: 60, minutes: 10 },
      { percent: 100, minutes: 0 },
    ];
    await begun({ staged: { stages, minSamples: 100 } });
    await watch(() => moves.length === 2);
    traffic = 2;
    await watch();
    const { outcome, verdict } = recordOf();
    expect([outcome, verdict?.kind]).toEqual(["promoted", "promote"]);
    expect(verdict?.findings.map(({ code }) => code)).toContain("stage-not-decided");
    expect(ports.notifier.sent.flatMap(({ data }) => data.findings)).toContain("stage-not-decided");
  });

  it("is failed when somebody else has moved its alias", async () => {
    await begun();
    await watch(() => moves.length === 1);
    ports.functions.setAlias(FUNCTION, "live", "7");
    await watch();
    expect(reported(ports)).toBe("Failed");
    expect(recordOf().verdict).toMatchObject({ kind: "hold", reasons: [{ code: "share-refused" }] });
    expect(aliasOf().functionVersion).toBe("7");
  });
});

describe("exactly one answer to the first hook, and no share left, whatever dies", () => {
  it("is so after a call of any kind that had its effect and no reply, at any time", async () => {
    const calls = ["get", "target", "reportHook", "getRelease", "updateRelease", "getAlias", "splitAlias", "moveAlias"];
    for (const operation of [...calls, "setShare"]) {
      for (const nth of [1, 2, 3, 5, 30]) {
        await begun({ bakeMinutes: 0 });
        let left = nth;
        for (const port of [ports.deployments, ports.ledger, ports.functions, ports.shift]) {
          const method = (port as unknown as Record<string, ((...args: unknown[]) => unknown) | undefined>)[operation];
          if (!method) continue;
          (port as unknown as Record<string, unknown>)[operation] = async (...args: unknown[]) => {
            left -= 1;
            const result = await method.apply(port, args);
            if (left === 0) throw new Killed();
            return result;
          };
        }
        await watch();
        const shares = moves.splice(0).map((move) => move.split(" ")[1]);
        expect([operation, nth, shares]).toEqual([operation, nth, ["5", "20", "50", "0", "100"]]);
        expect(reported(ports)).toBe("Succeeded");
        expect(recordOf().staged?.steps.map((step) => step.percent)).toEqual([5, 20, 50]);
      }
    }
  });

  it("comes from the net when the watch is lost, by event or by sweep: first the share goes", async () => {
    for (const how of ["event", "sweep"] as const) {
      await begun();
      await watch(() => percent() === 20);
      ports.clock.advance(60_000);
      ports.executions.statuses.set(ID, "ABORTED");
      if (how === "event") await lookAfter().one(ID, "request-9");
      else await lookAfter().sweep("request-9");
      expect(percent()).toBe(0);
      expect(reported(ports)).toBe("Failed");
      moves = [];
    }
  });

  it("comes from the net although the share cannot be taken away", async () => {
    await begun();
    await watch(() => percent() === 20);
    ports.executions.statuses.set(ID, "ABORTED");
    ports.shift.calls.fail("setShare");
    ports.clock.advance(60_000);
    await lookAfter().one(ID, "request-9");
    expect(reported(ports)).toBe("Failed");
  });

  it("is left to a watch that lives, however long the stages take", async () => {
    await begun();
    await watch(() => percent() === 50);
    ports.clock.advance(7 * 60_000);
    await lookAfter().sweep("request-9");
    expect(reported(ports)).toBeUndefined();
  });

  it("is given by the next turn where one died between its decision and its answer", async () => {
    await begun();
    ports.deployments.calls.fail("reportHook", throttled(), 2);
    await watch();
    expect(reported(ports)).toBe("Succeeded");
    expect(recordOf().outcome).toBe("promoted");
  });
});

describe("the Lambda that gives the share", () => {
  const set = (share: unknown, deploymentId = ID) =>
    createSetShare(ports, "dev", silent)({ deploymentId, percent: share });

  it("gives what the frozen policy has a stage for, and once", async () => {
    await begun();
    expect(await set(20)).toEqual({ isSet: true });
    expect(await set(20)).toEqual({ isSet: true });
    expect(ports.functions.calls.of("splitAlias")).toHaveLength(1);
    expect(aliasOf()).toMatchObject({ functionVersion: "1", weights: { 2: 0.2 } });
    expect(await set(0)).toEqual({ isSet: true });
    expect(aliasOf().functionVersion).toBe("1");
    expect(aliasOf().weights).toEqual({});
  });

  it.each([
    ["a share that is no stage", async () => set(30), /no stage of 30 %/],
    [
      "another application's deployment",
      async () => {
        ports.deployments.deployments.get(ID)!.application = "other";
        return set(5);
      },
      /no release of this guard/,
    ],
    [
      "an undo",
      async () => {
        ports.deployments.deployments.get(ID)!.creator = "codeDeployRollback";
        return set(5);
      },
      /no release of this guard/,
    ],
    [
      "a deployment that has ended",
      async () => {
        ports.deployments.end(ID, "Stopped");
        return set(5);
      },
      /does not wait for its hook/,
    ],
    [
      "a deployment in which CodeDeploy moves the alias",
      async () => {
        ports.deployments.shifted(ID, minute("01:00"));
        return set(5);
      },
      /does not wait for its hook/,
    ],
    [
      "a release that is not staged",
      async () => {
        const { staged: _, ...plain } = recordOf();
        ports.ledger.releases.set(ID, plain as typeof plain & { staged: never });
        return set(5);
      },
      /no staged release/,
    ],
    [
      "a release that has been judged",
      async () => {
        ports.ledger.releases.set(ID, { ...recordOf(), verdict: { kind: "rollback", reasons: [], findings: [] } });
        return set(5);
      },
      /has been judged: rollback/,
    ],
    [
      "an alias that somebody else has moved",
      async () => {
        ports.functions.setAlias(FUNCTION, "live", "1", { 7: 0.1 });
        return set(5);
      },
      /somebody else has moved it/,
    ],
  ] as const)("refuses %s", async (_, act, why) => {
    await begun();
    expect(await act()).toMatchObject({ isSet: false, why: expect.stringMatching(why) });
    expect(ports.functions.calls.of("splitAlias")).toEqual([]);
  });

  it.each([[100], [-1], [2.5], ["5"]])("takes %j for no share at all", async (share) => {
    await begun();
    await expect(set(share)).rejects.toThrow("not a share of traffic");
  });

  it("reads an alias again that has changed meanwhile, at most three times", async () => {
    await begun();
    const conflict = Object.assign(throttled(), { code: "conflict" });
    ports.functions.calls.fail("splitAlias", conflict, 2);
    expect(await set(5)).toEqual({ isSet: true });
    ports.functions.calls.fail("splitAlias", conflict);
    await expect(set(20)).rejects.toMatchObject({ code: "conflict" });
    expect(ports.functions.calls.of("splitAlias")).toHaveLength(6);
  });
});
