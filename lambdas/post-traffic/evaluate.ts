import type { Verdict } from "../../lib/core/judge/types.ts";
import { factsOf, type Log } from "../../lib/core/log.ts";
import type { LedgerPort } from "../../lib/core/ports.ts";
import { judgeLook, judgeWindow, type ShiftUnderJudgement, windowsAhead } from "../../lib/core/release/judge-shift.ts";
import { type LookPorts, nothingTaken, publishedAt, unobserved } from "../../lib/core/release/look.ts";
import type { Judging } from "../../lib/core/release/records.ts";
import { NOTHING_SEEN } from "../../lib/core/release/watch.ts";

export interface EvaluationPorts extends LookPorts {
  ledger: Pick<LedgerPort, "updateRelease">;
}

export interface Evaluation extends ShiftUnderJudgement {
  /** The last moment at which a look may still begin. */
  deadline: Date;
  signal: AbortSignal;
}

/** Kept for the last look and what comes after it. Milliseconds. */
const LAST_LOOK_MS = 10_000;

/**
 * Judges what is left of a shift look by look. Each look waits until its metrics are published; a rollback verdict ends
 * it at once, and what cannot be awaited within the hook's time counts as not seen.
 */
export async function evaluateShift(ports: EvaluationPorts, evaluation: Evaluation, log: Log): Promise<Verdict> {
  const { deadline, signal } = evaluation;
  const latest = deadline.getTime() - LAST_LOOK_MS;
  let { release } = evaluation;
  if (release.judging?.verdict.kind === "rollback") return release.judging.verdict;

  for (const window of windowsAhead(evaluation, ports.clock.now())) {
    const out = publishedAt(window).getTime();
    const tooLate = out > latest;
    if (tooLate) log.warn("metrics come too late for this hook", { until: window.to.toISOString() });
    const waitMs = out - ports.clock.now().getTime();
    if (waitMs > 0 && !tooLate) await ports.clock.sleep(waitMs, signal);
    const judging = tooLate
      ? judgeLook(release, unobserved(window), release.judging ?? nothingTaken, window, log)
      : await judgeWindow(ports, release, window, log, signal);
    release = { ...release, judging };
    await keep(ports, release.deploymentId, judging, log);
    if (tooLate || judging.verdict.kind === "rollback") break;
  }
  return release.judging?.verdict ?? NOTHING_SEEN;
}

/** A look that is not kept is taken again by whoever comes next; the verdict does not depend on it. */
async function keep({ ledger }: EvaluationPorts, deploymentId: string, judging: Judging, log: Log): Promise<void> {
  try {
    await ledger.updateRelease(deploymentId, { judging });
  } catch (error) {
    log.warn("a look could not be kept", factsOf(error));
  }
}
