import type { Judge, JudgeState, Look, Verdict } from "../../lib/core/judge/types.ts";
import type { Clock, MonitoringPort, TrafficRouting } from "../../lib/core/ports.ts";
import { judgingPolicy } from "../../lib/core/release/conclusion.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { lookWindows, type Shift } from "../../lib/core/release/shift.ts";
import type { Log } from "../runtime/log.ts";
import { publishedAt, takeLook, unobserved } from "../runtime/look.ts";

export interface EvaluationPorts {
  clock: Clock;
  monitoring: Pick<MonitoringPort, "versionCounts">;
}

export interface Evaluation {
  release: ReleaseRecord;
  shift: Shift;
  routing: TrafficRouting | undefined;
  judge: Judge;
  /** The last moment at which a look may still begin. */
  deadline: Date;
  signal: AbortSignal;
}

/** Kept for the last look and what comes after it. Milliseconds. */
const LAST_LOOK_MS = 10_000;

/**
 * Judges a shift look by look. Each look waits until its metrics are published; a rollback verdict ends it at once,
 * and what cannot be awaited within the hook's time counts as not seen.
 */
export async function evaluateShift(ports: EvaluationPorts, evaluation: Evaluation, log: Log): Promise<Verdict> {
  const { release, shift, routing, judge, deadline, signal } = evaluation;
  const policy = judgingPolicy(release);
  const latest = deadline.getTime() - LAST_LOOK_MS;
  let state: JudgeState | undefined;
  let verdict: Verdict | undefined;
  const apply = (look: Look) => {
    ({ state, verdict } = judge(state, look, policy));
    log.info("looked", { kind: verdict.kind, elapsedSeconds: look.elapsedSeconds, observed: look.observed });
    return verdict.kind === "rollback";
  };

  for (const window of lookWindows(shift, routing, ports.clock.now())) {
    const out = publishedAt(window).getTime();
    if (out > latest) {
      const seconds = (window.to.getTime() - window.from.getTime()) / 1000;
      log.warn("metrics come too late for this hook", { until: window.to.toISOString() });
      apply({ ...unobserved, seconds, elapsedSeconds: window.elapsedSeconds, expectedShare: window.expectedShare });
      break;
    }
    const waitMs = out - ports.clock.now().getTime();
    if (waitMs > 0) await ports.clock.sleep(waitMs, signal);
    if (apply(await takeLook(ports, release, window, log, signal))) break;
  }
  return verdict ?? NOTHING_SEEN;
}

const NOTHING_SEEN: Verdict = {
  kind: "inconclusive",
  reasons: [
    {
      code: "too-few-samples",
      message: "traffic was not split for one whole minute, so the versions could not be compared",
      observed: 0,
      limit: null,
      baseline: null,
      samples: 0,
    },
  ],
  findings: [],
};
