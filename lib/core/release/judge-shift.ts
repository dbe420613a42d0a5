import { compactState, judgeSequential } from "../judge/sequential/judge.ts";
import type { Look } from "../judge/types.ts";
import type { Log } from "../log.ts";
import { leaving, metricsSince } from "../signals/log-looks.ts";
import { judgingPolicy } from "./conclusion.ts";
import { type LookPorts, nothingTaken, publishedAt, type Taken, takeLook } from "./look.ts";
import type { Judging, ReleaseRecord } from "./records.ts";
import { type LookWindow, lookWindows } from "./shift.ts";
import type { WatchedShift } from "./watch-ports.ts";

/** A shift under judgement. `release.judging` is what earlier looks left; each look takes it further. */
export type ShiftUnderJudgement = WatchedShift;

/** The windows that have not been judged yet, published or not. */
export function windowsAhead({ release, shift, routing }: ShiftUnderJudgement, now: Date): LookWindow[] {
  const { judging } = release;
  const begin = judging && metricsSince(judging);
  return lookWindows(shift, routing, now, judging && new Date(judging.judgedUntil)).map((window) =>
    begin && begin > window.since ? { ...window, since: begin } : window,
  );
}

/**
 * Judges whatever is published and not judged yet, look by look, up to a rollback. Undefined while there is nothing to
 * judge. The caller keeps the result in the release record (`judging`) and comes back with it: a minute is judged once
 * however often this runs. Throws only when `signal` says so.
 */
export async function judgePublished(
  ports: LookPorts,
  { release, ...about }: ShiftUnderJudgement,
  log: Log,
  signal: AbortSignal,
): Promise<Judging | undefined> {
  let judging = release.judging;
  const now = ports.clock.now();
  for (const window of windowsAhead({ release, ...about }, now)) {
    if (judging?.verdict.kind === "rollback" || publishedAt(window) > now) break;
    judging = await judgeWindow(ports, { ...release, ...(judging ? { judging } : {}) }, window, log, signal);
  }
  return judging;
}

/** One look at a window that is published. */
export async function judgeWindow(
  ports: LookPorts,
  release: ReleaseRecord,
  window: LookWindow,
  log: Log,
  signal: AbortSignal,
): Promise<Judging> {
  const { look, taken } = await takeLook(ports, release, window, release.judging ?? nothingTaken, log, signal);
  return judgeLook(release, look, taken, window, log);
}

/** One look that has been taken, or could not be. */
export function judgeLook(release: ReleaseRecord, look: Look, taken: Taken, window: LookWindow, log: Log): Judging {
  const { state, verdict } = judgeSequential(release.judging?.state, look, judgingPolicy(release));
  const { canary, baseline, peak } = taken;
  const looks = (release.judging?.looks ?? 0) + 1;
  log.info("looked", {
    look: looks,
    kind: verdict.kind,
    observed: look.observed,
    elapsedSeconds: look.elapsedSeconds,
    canary: figuresOf(look.canary),
    baseline: figuresOf(look.baseline),
    reasons: verdict.reasons.map(({ code }) => code),
  });
  const logs = release.judging?.logs;
  const left = logs && (logs.left ?? { at: release.judging!.judgedUntil, reason: NOT_FOLLOWED });
  // What could not be seen now may be seen with the next look, as late data.
  return {
    state: compactState(state),
    verdict: left ? { ...verdict, findings: [...verdict.findings, left.reason] } : verdict,
    judgedUntil: window.to.toISOString(),
    looks,
    canary,
    baseline,
    peak,
    ...(left ? { logs: { ...logs, left } } : {}),
  };
}

const NOT_FOLLOWED = leaving("nobody followed the log any more, so the versions are compared by metrics");

const figuresOf = ({ invocations, errors, slow, coldStarts, averageDurationMs, p99DurationMs }: Look["canary"]) => ({
  invocations,
  errors,
  slow,
  coldStarts,
  averageDurationMs,
  p99DurationMs,
});
