import { withinBudget } from "../../lib/core/deadline.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import { factsOf, type Log } from "../../lib/core/log.ts";
import type { Clock } from "../../lib/core/ports.ts";
import { boundedLedger, DECISION_LIMITS } from "../../lib/core/release/bounded-ledger.ts";
import { isPoison, parseTurnEvent } from "../../lib/core/release/events.ts";
import type { RunContext } from "../runtime/context.ts";
import type { Remembered } from "./known-release.ts";
import { ReleaseWatch, STAY_MS, type WatchPorts } from "./release-watch.ts";

/** What the state machine does after a turn: end, or wait and take another. */
export interface TurnResult {
  next: "again" | "bake" | "done";
  waitSeconds: number;
}

/** A turn takes at most so long: releases for which no execution is left take turns. Milliseconds. */
const TURN_MS = 60_000;
const EXIT_RESERVE_MS = 20_000;
/** Until CodeDeploy has taken up the answer to its first hook. */
const ANSWERED_MS = 15_000;
/** Dependencies that fail are asked again, for so long; then the turn fails and its state machine begins another. */
const RETRY_MS = 5000;
const PATIENCE_MS = 60_000;
/**
 * An execution has room for 25,000 events (Step Functions quotas, 2026), a turn and its wait take eleven: after half a
 * day turns begin 4.5 minutes apart at least.
 */
const FREQUENT_MS = 12 * 3_600_000;
const RARE_TURN_MS = 270_000;

/**
 * One turn of the watch: does what is due and says when to come back. All that it knows is in CodeDeploy and the ledger,
 * so that a turn may die anywhere and the next goes on. Throws only when nothing could be learnt for a minute.
 */
export function createTurn(unbounded: WatchPorts, environment: string, log: Log) {
  const ports = { ...unbounded, ledger: boundedLedger(unbounded.ledger, unbounded.clock, DECISION_LIMITS) };
  const remembered: Remembered = new Map();
  return async function turn(event: unknown, context: RunContext): Promise<TurnResult> {
    const parsed = parseTurnEvent(event);
    if (isPoison(parsed)) throw new GoaroundError("defect", "defect", `not a turn of the watch: ${parsed.why}`);
    const budgetMs = context.getRemainingTimeInMillis() - EXIT_RESERVE_MS;
    return withinBudget(ports.clock, budgetMs, ({ signal }) => {
      const run = new ReleaseWatch(
        ports,
        environment,
        log,
        parsed.deploymentId,
        context.awsRequestId,
        signal,
        remembered,
      );
      return keepGoing(ports.clock, run, log, budgetMs, signal);
    });
  };
}

async function keepGoing(
  clock: Clock,
  run: ReleaseWatch,
  log: Log,
  budgetMs: number,
  signal: AbortSignal,
): Promise<TurnResult> {
  const startMs = clock.now().getTime();
  for (let failingSince: number | undefined; ; ) {
    try {
      const step = await run.step();
      failingSince = undefined;
      if (step.kind === "done" || step.kind === "report") return { next: "done", waitSeconds: 0 };
      const untilMs = step.kind === "wait" ? step.until.getTime() - clock.now().getTime() : 0;
      const waitMs = step.kind === "answer" ? ANSWERED_MS : untilMs;
      const isLong = startMs - (run.openedAt?.getTime() ?? startMs) > FREQUENT_MS;
      const endMs = startMs + Math.min(budgetMs, isLong ? RARE_TURN_MS : TURN_MS);
      const now = clock.now().getTime();
      if (waitMs > STAY_MS || now + waitMs >= endMs) {
        const next = step.kind === "wait" && step.phase === "bake" ? "bake" : "again";
        const restMs = isLong ? endMs - now : 0;
        return { next, waitSeconds: Math.max(0, Math.ceil(Math.max(waitMs, restMs) / 1000)) };
      }
      if (waitMs > 0) await clock.sleep(waitMs, signal);
    } catch (error) {
      signal.throwIfAborted();
      const now = clock.now().getTime();
      failingSince ??= now;
      log.error("the watch cannot go on; trying again", factsOf(error));
      if (now - failingSince >= PATIENCE_MS || now + RETRY_MS >= startMs + budgetMs) throw error;
      await clock.sleep(RETRY_MS, signal);
    }
  }
}
