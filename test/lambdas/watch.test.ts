import { beforeEach, describe, expect, it } from "vitest";
import { createPostTraffic } from "../../lambdas/post-traffic/post-traffic.ts";
import { createPreTraffic } from "../../lambdas/pre-traffic/pre-traffic.ts";
import { createLookAfter } from "../../lambdas/report-failure/look-after.ts";
import { lambdaMetrics } from "../../lambdas/watch/signals.ts";
import { createTurn, type TurnResult } from "../../lambdas/watch/turn.ts";
import type { PolicyInput } from "../../lib/contract/policy.ts";
import { throttled } from "../fakes/faults.ts";
import type { FakePorts } from "../fakes/index.ts";
import { counts, noCounts } from "../fakes/monitoring.ts";
import { contextOf, FUNCTION, ID, runWork, scene, silent } from "./scene.ts";

const minute = (text: string) => new Date(`2026-03-02T12:${text}.000Z`);
const AFTER = { DeploymentId: ID, LifecycleEventHookExecutionId: "execution-2" };
const SHIFT_MS = 300_000;

let ports: FakePorts;
/** Canary errors in percent from this minute on. */
let faultFrom: { at: Date; percent: number } | undefined;
beforeEach(() => {
  faultFrom = undefined;
});

/** Admitted at 12:00, 10 % on version 2 since 12:00:20; metrics of a minute are out a minute after it. */
async function shifting(policy: Partial<PolicyInput> = {}): Promise<void> {
  ports = scene(policy);
  await runWork(ports, createPreTraffic(ports, "dev", silent));
  ports.deployments.shifted(ID, minute("00:20"));
  ports.functions.setAlias(FUNCTION, "live", "1", { 2: 0.1 });
  ports.clock.set(minute("00:20"));
  ports.monitoring.perMinute = ({ version, minute: at }) => {
    if (ports.clock.now().getTime() < at.getTime() + 120_000) return noCounts;
    const percent = faultFrom && at >= faultFrom.at ? faultFrom.percent : 0;
    return version === "2" ? counts(60, percent) : counts(540, 0);
  };
}

/** One turn, as the state machine takes it. */
function turn(requestId = `turn-${Math.random()}`): Promise<TurnResult> {
  const all = { ...ports, signals: lambdaMetrics(ports, silent) };
  return createTurn(all, "dev", silent)({ deploymentId: ID }, contextOf(ports, 330_000, requestId));
}

/** What CodeDeploy does on its own between two turns: ends the shift after five minutes, and calls the hook. */
async function passTime(seconds: number): Promise<void> {
  const to = ports.clock.now().getTime() + seconds * 1000;
  const end = minute("00:20").getTime() + SHIFT_MS;
  const deployment = ports.deployments.deployments.get(ID)!;
  const target = ports.deployments.targets.get(ID)!;
  const shifting = target.lifecycleEvents.find(({ name }) => name === "AllowTraffic")?.endedAt === undefined;
  if (to >= end && shifting && deployment.status === "InProgress") {
    ports.clock.set(new Date(end));
    ports.deployments.shifted(ID, minute("00:20"), new Date(end));
    ports.functions.setAlias(FUNCTION, "live", "2");
    await postTraffic();
  }
  ports.clock.set(new Date(Math.max(to, ports.clock.now().getTime())));
}

/** Not what a test kills when it kills turns. */
let isInHook = false;
const postTraffic = async () => {
  isInHook = true;
  await runWork(ports, createPostTraffic(ports, "dev", silent), { event: AFTER });
  isInHook = false;
};

/** The state machine: turns and waits until the watch is done; `each` sees every turn. */
async function watch(each: (result: TurnResult) => void = () => undefined): Promise<void> {
  for (let turns = 0; turns < 200; turns += 1) {
    const result = await turn();
    each(result);
    if (result.next === "done") {
      ports.executions.statuses.set(ID, "SUCCEEDED");
      return;
    }
    await passTime(result.waitSeconds);
  }
  throw new Error("the watch does not end");
}

const lookAfter = () => createLookAfter({ ...ports, emit: () => undefined }, "dev", silent);
const answer = () => ports.deployments.reports.get(`${ID}/execution-2`);
const answers = () =>
  ports.deployments.calls
    .of("reportHook")
    .filter((call) => (call as { executionId: string }).executionId === "execution-2");
const recordOf = () => ports.ledger.releases.get(ID)!;
const time = () => ports.clock.now().toISOString().slice(14, 19);

describe("the watch of a good release", () => {
  it("is started by the pre-traffic hook, together with the sweep", async () => {
    await shifting();
    expect(ports.executions.statuses.get(ID)).toBe("RUNNING");
    expect([...ports.sweep.open]).toEqual([ID]);
    expect(ports.sweep.enabled).toBe(true);
    expect(recordOf().preTrafficHookId).toBe("execution-1");
  });

  it("looks at each minute as soon as it is out, bakes ten minutes, and answers once", async () => {
    await shifting();
    const looks: string[] = [];
    const lookedAt = ports.monitoring.versionCounts.bind(ports.monitoring);
    ports.monitoring.versionCounts = (query) => {
      if (query.version === "2") looks.push(time());
      return lookedAt(query);
    };
    const phases: string[] = [];
    await watch(({ next }) => phases.push(next));
    expect(looks).toEqual(["03:00", "04:00", "05:00", "06:00"]);
    expect([...new Set(phases)]).toEqual(["again", "bake", "done"]);
    expect(time()).toBe("15:20");
    expect(answer()).toBe("Succeeded");
    expect(answers()).toHaveLength(1);
    expect(recordOf()).toMatchObject({
      outcome: "promoted",
      verdict: { kind: "promote" },
      postTrafficStatus: "Succeeded",
    });
    expect(ports.notifier.sent).toEqual([]);
    expect([...ports.sweep.open]).toEqual([]);
  });

  it("waits outside of its turns, so that a shift costs next to nothing", async () => {
    await shifting();
    const took: number[] = [];
    let begun = ports.clock.now().getTime();
    const advance = ports.clock.set.bind(ports.clock);
    ports.clock.set = (to) => {
      took.push(ports.clock.now().getTime() - begun);
      advance(to);
      begun = ports.clock.now().getTime();
    };
    await watch();
    expect(Math.max(...took)).toBeLessThanOrEqual(12_000);
  });

  it("takes metrics that come later than a minute when they are there, and those that never come as none", async () => {
    await shifting();
    const prompt = ports.monitoring.perMinute;
    ports.monitoring.perMinute = (side) =>
      ports.clock.now().getTime() < side.minute.getTime() + 60_000 + 75_000 ? noCounts : prompt(side);
    const looks: string[] = [];
    const lookedAt = ports.monitoring.versionCounts.bind(ports.monitoring);
    ports.monitoring.versionCounts = (query) => {
      if (query.version === "2") looks.push(time());
      return lookedAt(query);
    };
    await watch();
    expect(looks.slice(0, 2)).toEqual(["03:20", "04:20"]);
    expect(answer()).toBe("Succeeded");
  });
});

describe("the watch of a bad release", () => {
  it("asks the responder for a rollback as soon as the minute is out, and is over with the deployment", async () => {
    await shifting();
    faultFrom = { at: minute("02:00"), percent: 20 };
    const stop = ports.responder.rollBack.bind(ports.responder);
    let askedAt = "";
    ports.responder.rollBack = async (deploymentId, verdict) => {
      await stop(deploymentId, verdict);
      askedAt = time();
      ports.deployments.end(ID, "Stopped");
    };
    await watch();
    expect(askedAt).toBe("04:00");
    expect(ports.responder.asked).toMatchObject([{ deploymentId: ID, verdict: { kind: "rollback" } }]);
    expect(answers()).toEqual([]);
  });

  it("asks again when nothing comes of it, and fails the hook when the shift has ended meanwhile", async () => {
    await shifting();
    faultFrom = { at: minute("02:00"), percent: 20 };
    await watch();
    expect(ports.responder.asked.length).toBeGreaterThan(1);
    expect(answer()).toBe("Failed");
    expect(recordOf()).toMatchObject({ postTrafficStatus: "Failed", actor: "watch" });
    expect(ports.ledger.aliases.get(`${FUNCTION}:live`)?.knownBad["sha-2/config-2"]?.reason).toBe("more-errors");
  });

  it("fails the hook for what only the last minute of the shift shows", async () => {
    await shifting();
    faultFrom = { at: minute("04:00"), percent: 40 };
    await watch();
    expect(ports.responder.asked).toEqual([]);
    expect(answer()).toBe("Failed");
    expect(time()).toBe("06:00");
  });

  it("tells once and goes on when automatic rollback is off", async () => {
    await shifting({ automaticRollback: false });
    faultFrom = { at: minute("02:00"), percent: 20 };
    await watch();
    expect(answer()).toBe("Succeeded");
    expect(ports.notifier.sent.map(({ severity, data }) => [severity, data.outcome])).toEqual([
      ["critical", "open"],
      ["critical", "promoted"],
    ]);
  });
});

describe("a watch that cannot see", () => {
  it.each([
    ["promote-and-bake", "Succeeded"],
    ["rollback", "Failed"],
  ] as const)(
    "holds to the end of the shift, tells once, and then does what the policy says: %s",
    async (onInconclusive, status) => {
      await shifting({ onInconclusive });
      for (const operation of ["versionCounts", "minuteCounts", "peakConcurrency"])
        ports.monitoring.calls.fail(operation);
      await watch();
      expect(ports.responder.asked).toEqual([]);
      expect(answer()).toBe(status);
      expect(recordOf().verdict).toMatchObject({ kind: "inconclusive", reasons: [{ code: "monitoring-unavailable" }] });
      expect(ports.ledger.aliases.get(`${FUNCTION}:live`)?.knownBad ?? {}).toEqual({});
      const alerts = ports.notifier.sent.filter(({ data }) => data.outcome === "open");
      expect(alerts.map(({ severity }) => severity)).toEqual(["warning"]);
    },
  );

  it("goes on where a dependency failed for less than a minute", async () => {
    await shifting();
    ports.deployments.calls.fail("get", throttled(), 5);
    await watch();
    expect(answer()).toBe("Succeeded");
  });

  it("fails its turn when nothing can be learnt for a minute, so that the state machine begins another", async () => {
    await shifting();
    ports.deployments.calls.fail("get");
    await expect(turn()).rejects.toMatchObject({ code: "throttled" });
  });

  it("gives up a turn in which a call hangs", async () => {
    await shifting();
    ports.deployments.calls.hang("target");
    await expect(turn()).rejects.toMatchObject({ code: "timed-out" });
  });

  it("judges on when the ledger does not take what it saw", async () => {
    await shifting();
    await passTime(160);
    ports.ledger.calls.fail("updateRelease", throttled(), 1);
    await watch();
    expect(answer()).toBe("Succeeded");
    expect(recordOf().judging?.looks).toBe(4);
  });
});

describe("a watch whose ledger does not answer", () => {
  const LEDGER = ["getRelease", "getAlias", "getEnvironment", "claim", "complete", "updateRelease", "changeAlias"];
  const stopsAt = () => {
    const stop = ports.responder.rollBack.bind(ports.responder);
    const at: string[] = [];
    ports.responder.rollBack = async (deploymentId, verdict) => {
      at.push(time());
      await stop(deploymentId, verdict);
      ports.deployments.end(ID, "Stopped");
    };
    return at;
  };

  it.each(["fail", "hang"] as const)(
    "compares by what CodeDeploy and the policy say, in turns that know nothing, when its calls %s",
    async (how) => {
      await shifting();
      faultFrom = { at: minute("01:00"), percent: 50 };
      ports.clock.set(minute("01:30"));
      for (const operation of LEDGER) ports.ledger.calls[how](operation);
      const at = stopsAt();
      await watch();
      expect(at).toHaveLength(1);
      expect(at[0]! <= "04:00").toBe(true);
      expect(ports.responder.asked[0]).toMatchObject({ deploymentId: ID, verdict: { kind: "rollback" } });
    },
  );

  it("goes on from the last word that it had, and waits seconds for another", async () => {
    await shifting({ bakeMinutes: 0 });
    ports.policies.calls.fail("read");
    const all = { ...ports, signals: lambdaMetrics(ports, silent) };
    const process = createTurn(all, "dev", silent);
    const inOne = () => process({ deploymentId: ID }, contextOf(ports, 330_000));
    await inOne();
    ports.clock.set(minute("01:30"));
    for (const operation of LEDGER) ports.ledger.calls.hang(operation);
    faultFrom = { at: minute("01:00"), percent: 50 };
    const at = stopsAt();
    for (let turns = 0; turns < 20 && at.length === 0; turns += 1)
      ports.clock.advance((await inOne()).waitSeconds * 1000);
    expect(at[0]! <= "03:30").toBe(true);
  });

  it("writes nothing over what the ledger has, once it answers again", async () => {
    await shifting();
    ports.clock.set(minute("03:05"));
    await turn();
    const { judging } = recordOf();
    const process = createTurn({ ...ports, signals: lambdaMetrics(ports, silent) }, "dev", silent);
    ports.clock.set(minute("03:30"));
    let calls = 0;
    const read = ports.ledger.getRelease.bind(ports.ledger);
    ports.ledger.getRelease = async (id) => {
      calls += 1;
      if (calls === 1) throw throttled();
      return read(id);
    };
    await process({ deploymentId: ID }, contextOf(ports, 330_000));
    expect(recordOf().judging).toEqual(judging);
  });

  it("has a release rolled back whose bad end it cannot write down", async () => {
    await shifting();
    faultFrom = { at: minute("04:00"), percent: 40 };
    ports.ledger.calls.fail("changeAlias");
    ports.ledger.calls.fail("getEnvironment");
    const at = stopsAt();
    await watch().catch(() => undefined);
    expect(at).toHaveLength(1);
  });

  it("waits where there is no record yet", async () => {
    await shifting();
    ports.ledger.releases.delete(ID);
    await expect(turn()).rejects.toMatchObject({ code: "partly-done" });
  });
});

describe("a watch of a guard that is disarmed", () => {
  it("asks for nothing, tells who disarmed it, and lets the release go on through its bake", async () => {
    await shifting();
    faultFrom = { at: minute("02:00"), percent: 20 };
    const order = { reason: "drill", by: "user/alice", at: "2026-03-02T12:00:00Z", until: "2026-03-02T16:00:00Z" };
    ports.ledger.environment.disarmed["*"] = order;
    await watch();
    expect(ports.responder.asked).toEqual([]);
    expect([answer(), time()]).toEqual(["Succeeded", "15:20"]);
    expect(ports.notifier.sent[0]).toMatchObject({ severity: "critical" });
    expect(ports.notifier.sent[0]!.data.trouble).toContain("disarmed by user/alice");
  });

  it("asks as soon as it is armed again", async () => {
    await shifting();
    faultFrom = { at: minute("01:00"), percent: 20 };
    const order = { reason: "drill", by: "user/alice", at: "2026-03-02T12:00:00Z", until: "2026-03-02T12:04:00Z" };
    ports.ledger.environment.disarmed["*"] = order;
    const stop = ports.responder.rollBack.bind(ports.responder);
    let askedAt = "";
    ports.responder.rollBack = async (...asked) => {
      askedAt ||= time();
      await stop(...asked);
      ports.deployments.end(ID, "Stopped");
    };
    await watch();
    expect(askedAt >= "04:00" && askedAt <= "05:00").toBe(true);
  });
});

describe("exactly one status, whatever dies", () => {
  it("comes from the hook itself when nobody watches", async () => {
    await shifting();
    ports.executions.statuses.set(ID, "ABORTED");
    await passTime(SHIFT_MS);
    expect(answer()).toBe("Succeeded");
    expect(recordOf().handedOverAt).toBeUndefined();
    expect(answers()).toHaveLength(1);
  });

  it("comes from the hook itself when it cannot find out whether somebody watches", async () => {
    await shifting();
    ports.executions.calls.fail("status");
    await passTime(SHIFT_MS);
    expect(answer()).toBe("Succeeded");
    expect(answers()).toHaveLength(1);
  });

  it("is the watch's own when it has answered between the hand-over and the hook's look", async () => {
    await shifting({ bakeMinutes: 0 });
    const status = ports.executions.status.bind(ports.executions);
    ports.executions.status = async (id) => {
      ports.ledger.releases.set(ID, { ...recordOf(), postTrafficStatus: "Succeeded" });
      ports.deployments.reports.set(`${ID}/execution-2`, "Succeeded");
      ports.executions.statuses.set(ID, "SUCCEEDED");
      return status(id);
    };
    faultFrom = { at: minute("01:00"), percent: 50 };
    await passTime(SHIFT_MS);
    expect(answer()).toBe("Succeeded");
    expect(recordOf().postTrafficStatus).toBe("Succeeded");
  });

  it("comes from the net when the watch is stopped while it bakes, by event or by sweep", async () => {
    for (const how of ["event", "sweep"] as const) {
      await shifting();
      await passTime(SHIFT_MS);
      await passTime(120);
      ports.executions.statuses.set(ID, "ABORTED");
      if (how === "event") await lookAfter().one(ID, "request-9");
      else await lookAfter().sweep("request-9");
      expect(answer()).toBe("Failed");
      ports.deployments.end(ID, "Failed");
      await lookAfter().sweep("request-10");
      expect(answers()).toHaveLength(1);
      expect(ports.sweep.enabled).toBe(false);
    }
  });

  it("comes from the sweep within a minute of the timeout of a pre-traffic hook that fell silent", async () => {
    ports = scene();
    ports.functions.calls.hang("getAlias");
    const dead = createPreTraffic(
      ports,
      "dev",
      silent,
    )({
      deploymentId: ID,
      executionId: "execution-1",
      requestId: "r",
      deployment: ports.deployments.deployments.get(ID)!,
      at: minute("05:00"),
      signal: new AbortController().signal,
    });
    dead.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 5));
    for (const time of ["01:00", "02:00", "03:00", "04:00", "05:00"]) {
      ports.clock.set(minute(time));
      await lookAfter().sweep(`sweep-${time}`);
      expect(ports.deployments.reports.size).toBe(0);
    }
    ports.clock.set(minute("06:00"));
    await lookAfter().sweep("sweep-6");
    expect(ports.deployments.reports.get(`${ID}/execution-1`)).toBe("Failed");
  });

  it("is the same after a turn that died at any of its calls, or between its decision and its answer", async () => {
    await shifting({ bakeMinutes: 0 });
    await watch();
    const calls = ["get", "target", "reportHook", "getRelease", "updateRelease", "changeAlias", "putAlias", "remove"];
    for (const operation of calls) {
      for (const nth of [1, 2, 3, 8]) {
        await shifting({ bakeMinutes: 0 });
        let left = nth;
        const dies = (port: object) => {
          const method = (port as Record<string, ((...args: unknown[]) => unknown) | undefined>)[operation];
          if (!method) return;
          (port as Record<string, unknown>)[operation] = async (...args: unknown[]) => {
            if (!isInHook) left -= 1;
            const result = await method.apply(port, args);
            // The effect is there; the process is not.
            if (left === 0 && !isInHook) throw new Killed();
            return result;
          };
        };
        for (const port of [ports.deployments, ports.ledger, ports.sweep]) dies(port);
        await survive(() => watch());
        // Books that the killed turn left open are the responder's to close: it hears of the end.
        const record = recordOf();
        expect([operation, nth, answer(), record.postTrafficStatus]).toEqual([
          operation,
          nth,
          "Succeeded",
          "Succeeded",
        ]);
        const accepted = [...ports.deployments.reports].filter(([key]) => key.endsWith("/execution-2"));
        expect(accepted).toHaveLength(1);
      }
    }
  });
});

class Killed extends Error {}

/** The state machine tries a turn again that was killed. */
async function survive(work: () => Promise<void>): Promise<void> {
  for (let attempts = 0; attempts < 5; attempts += 1) {
    try {
      await work();
      return;
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
    }
  }
}

describe("the sweep", () => {
  it("tells once that nobody compares the versions when the watch is lost during the shift", async () => {
    await shifting();
    ports.executions.statuses.set(ID, "ABORTED");
    ports.clock.set(minute("02:00"));
    await lookAfter().one(ID, "a");
    await lookAfter().sweep("b");
    expect(ports.notifier.sent.map(({ severity, data }) => [severity, data.findings])).toEqual([
      ["warning", ["unwatched"]],
    ]);
    expect(ports.deployments.calls.of("reportHook")).toHaveLength(1);
  });

  it("leaves deployments alone that are not the guard's", async () => {
    await shifting();
    ports.deployments.deployments.get(ID)!.application = "other";
    ports.executions.statuses.set(ID, "ABORTED");
    await lookAfter().sweep("a");
    expect(ports.notifier.sent).toEqual([]);
    expect([...ports.sweep.open]).toEqual([]);
  });

  it("goes on with the others when one release cannot be looked after, and forgets what does not exist", async () => {
    await shifting();
    ports.sweep.open.add("d-GONE00001");
    ports.executions.calls.fail("status");
    await lookAfter().sweep("a");
    expect([...ports.sweep.open]).toEqual([ID]);
    expect(ports.sweep.enabled).toBe(true);
  });

  it("stays on for a release that begins while it switches itself off", async () => {
    await shifting();
    ports.deployments.end(ID, "Succeeded");
    const disable = ports.sweep.disable.bind(ports.sweep);
    ports.sweep.disable = async () => {
      ports.sweep.open.add("d-NEXT00001");
      await disable();
    };
    await lookAfter().sweep("a");
    expect(ports.sweep.enabled).toBe(true);
  });
});
