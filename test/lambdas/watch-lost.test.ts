import { describe, expect, it } from "vitest";
import { createPostTraffic } from "../../lambdas/post-traffic/post-traffic.ts";
import { createPreTraffic } from "../../lambdas/pre-traffic/pre-traffic.ts";
import { createLookAfter } from "../../lambdas/report-failure/look-after.ts";
import { lambdaMetrics } from "../../lambdas/watch/signals.ts";
import { createTurn } from "../../lambdas/watch/turn.ts";
import { never, throttled } from "../fakes/faults.ts";
import { counts, noCounts } from "../fakes/monitoring.ts";
import { contextOf, FUNCTION, ID, runWork, scene, silent } from "./scene.ts";

const SECOND = 1000;
const START = Date.parse("2026-03-02T12:00:20.000Z");
const SHIFT_END = START + 300 * SECOND;
const BAKE_MINUTES = 3;
/** The last whole minute of the shift ends at 12:05 and is out a minute later. */
const LAST_LOOK = Date.parse("2026-03-02T12:06:00.000Z");
const BAKED = SHIFT_END + BAKE_MINUTES * 60 * SECOND;
/** How long after its loss, or after the hook was called, CodeDeploy may wait for the answer. */
const ANSWERED_WITHIN = 120 * SECOND;
/** The state machine's own: after so many retries its execution fails (guard-watch). */
const RETRIES = [2, 4, 8, 16, 30, 30];

interface Trouble {
  /** Somebody or something ends the execution then. */
  endsAt?: number;
  /** Its status event never comes: only the sweep is left. */
  eventLost?: boolean;
  /** From the nth call of the watch on; `once`: that one alone. */
  call?: { nth: number; does: "throw" | "lose-reply" | "hang"; once: boolean };
  /** CodeDeploy throttles so many answers. */
  throttledAnswers?: number;
  canaryErrorPercent?: number;
}

interface Ended {
  answers: string[];
  answeredAt: number | undefined;
  lostAt: number | undefined;
  calls: number;
}

/** A release from its shift to its answer: CodeDeploy, the state machine, its status event and the sweep by the minute. */
async function release(trouble: Trouble): Promise<Ended> {
  const ports = scene({ bakeMinutes: BAKE_MINUTES });
  const { clock, deployments, executions } = ports;
  const now = () => clock.now().getTime();
  await runWork(ports, createPreTraffic(ports, "dev", silent));
  deployments.shifted(ID, new Date(START));
  ports.functions.setAlias(FUNCTION, "live", "1", { 2: 0.1 });
  clock.set(new Date(START));
  ports.monitoring.perMinute = ({ version, minute }) => {
    if (now() < minute.getTime() + 120 * SECOND) return noCounts;
    return version === "2" ? counts(60, trouble.canaryErrorPercent ?? 0) : counts(540, 0);
  };
  let answeredAt: number | undefined;
  const take = deployments.reportHook.bind(deployments);
  let throttles = trouble.throttledAnswers ?? 0;
  deployments.reportHook = async (report) => {
    if (report.executionId === "execution-2" && throttles > 0) {
      throttles -= 1;
      throw throttled();
    }
    const answer = await take(report);
    if (report.executionId === "execution-2" && answer === "reported") answeredAt = now();
    return answer;
  };

  let calls = 0;
  const failing = <Port extends object>(port: Port): Port =>
    new Proxy(port, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return async (...args: unknown[]) => {
          calls += 1;
          const { call } = trouble;
          const struck = call !== undefined && (call.once ? calls === call.nth : calls >= call.nth);
          if (struck && call.does === "throw") throw new Error("killed before the call");
          if (struck && call.does === "hang") return never();
          const result: unknown = await value.apply(target, args);
          if (struck) throw new Error("killed after the call");
          return result;
        };
      },
    });
  const watched = {
    ...ports,
    deployments: failing(deployments),
    ledger: failing(ports.ledger),
    sweep: failing(ports.sweep),
    signals: lambdaMetrics(ports, silent),
    responder: failing(ports.responder),
  };
  const lookAfter = createLookAfter({ ...ports, emit: () => undefined }, "dev", silent);

  let lostAt: number | undefined;
  const lose = async () => {
    lostAt = now();
    executions.statuses.set(ID, "FAILED");
    if (!trouble.eventLost) await lookAfter.one(ID, "event").catch(() => undefined);
  };
  let nextTurn = now();
  let retries = 0;
  let nextSweep = START + 40 * SECOND;
  let hookCalled = false;
  while (now() < START + 3600 * SECOND && answeredAt === undefined) {
    const isRunning = executions.statuses.get(ID) === "RUNNING";
    const due = Math.min(
      nextSweep,
      isRunning ? nextTurn : Number.POSITIVE_INFINITY,
      isRunning ? (trouble.endsAt ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY,
      hookCalled ? Number.POSITIVE_INFINITY : SHIFT_END,
    );
    clock.set(new Date(Math.max(now(), due)));
    if (due === SHIFT_END && !hookCalled) {
      hookCalled = true;
      deployments.shifted(ID, new Date(START), new Date(SHIFT_END));
      ports.functions.setAlias(FUNCTION, "live", "2");
      const event = { DeploymentId: ID, LifecycleEventHookExecutionId: "execution-2" };
      await runWork(ports, createPostTraffic(ports, "dev", silent), { event }).catch(() => undefined);
    } else if (isRunning && due === trouble.endsAt) {
      await lose();
    } else if (due === nextSweep) {
      nextSweep += 60 * SECOND;
      if (ports.sweep.enabled) await lookAfter.sweep("sweep").catch(() => undefined);
    } else {
      try {
        const turn = createTurn(watched, "dev", silent);
        const result = await turn({ deploymentId: ID }, contextOf(ports, 330_000, `turn-${nextTurn}`));
        retries = 0;
        nextTurn = now() + result.waitSeconds * SECOND;
        if (result.next === "done") executions.statuses.set(ID, "SUCCEEDED");
      } catch {
        if (retries >= RETRIES.length) await lose();
        else nextTurn = now() + RETRIES[retries]! * SECOND;
        retries += 1;
      }
    }
  }
  const answers = [...deployments.reports].filter(([key]) => key.endsWith("/execution-2")).map(([, status]) => status);
  return { answers, answeredAt, lostAt, calls };
}

/** When CodeDeploy must have its answer: the bake is over, or else two minutes after the loss and the hook's call. */
const inTime = ({ answeredAt, lostAt }: Ended) =>
  (answeredAt ?? Number.POSITIVE_INFINITY) <=
  (lostAt === undefined ? BAKED : Math.max(lostAt, SHIFT_END)) + ANSWERED_WITHIN;

describe("CodeDeploy gets exactly one answer, in time,", () => {
  it.each([false, true])("wherever the execution is ended (its event lost: %s)", async (eventLost) => {
    for (let endsAt = START + 5 * SECOND; endsAt < BAKED; endsAt += 15 * SECOND) {
      const ended = await release({ endsAt, eventLost });
      const second = (endsAt - START) / SECOND;
      expect([second, ended.answers.length, inTime(ended)]).toEqual([second, 1, true]);
      // In the shift the hook judges by itself; in the bake nobody does, and what has not been judged to its end fails.
      const isJudged = endsAt < SHIFT_END || endsAt > LAST_LOOK;
      expect([second, ended.answers]).toEqual([second, [isJudged ? "Succeeded" : "Failed"]]);
    }
  });

  it.each(["throw", "lose-reply", "hang"] as const)("when one call of the watch does this: %s", async (does) => {
    const { calls } = await release({});
    expect(calls).toBeGreaterThan(50);
    for (let nth = 1; nth <= calls; nth += does === "hang" ? 7 : 1) {
      const ended = await release({ call: { nth, does, once: true } });
      expect([nth, ended.answers.length]).toEqual([nth, 1]);
      if (does !== "hang") expect([nth, ended.answers, inTime(ended)]).toEqual([nth, ["Succeeded"], true]);
    }
  });

  it.each(["throw", "lose-reply"] as const)("when from some call on each one does this: %s", async (does) => {
    const { calls } = await release({});
    for (let nth = 1; nth <= calls; nth += 5) {
      const ended = await release({ call: { nth, does, once: false }, eventLost: nth % 2 === 0 });
      expect([nth, ended.answers.length, inTime(ended)]).toEqual([nth, 1, true]);
    }
  });

  it.each([0, 30])("however often CodeDeploy throttles it, with %i %% errors of the canary", async (percent) => {
    for (const throttledAnswers of [1, 3, 8]) {
      const ended = await release({ throttledAnswers, canaryErrorPercent: percent });
      expect(ended.answers).toEqual([percent > 0 ? "Failed" : "Succeeded"]);
      expect(inTime(ended)).toBe(true);
    }
  });
});
