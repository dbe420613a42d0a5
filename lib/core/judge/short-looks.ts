import type { Look, SideCounts } from "./types.ts";

/**
 * Rules, triggers and trends read single looks, and a look at a few requests says nothing: shorter ones are put together
 * for them. The tests take any look as it is.
 */
const LONG_ENOUGH_SECONDS = 10;

export const isLongEnough = ({ seconds }: Look) => seconds >= LONG_ENOUGH_SECONDS;

/** Two looks, one right after the other, as one. What cannot be added up is taken as it was seen last. */
export function together(a: Look, b: Look): Look {
  const seconds = a.seconds + b.seconds;
  return {
    ...b,
    seconds,
    expectedShare: (a.expectedShare * a.seconds + b.expectedShare * b.seconds) / seconds,
    unreadable: { ...a.unreadable, ...b.unreadable },
    canary: both(a.canary, b.canary),
    baseline: both(a.baseline, b.baseline),
  };
}

function both(a: SideCounts, b: SideCounts): SideCounts {
  const invocations = a.invocations + b.invocations;
  const weighed = (a.averageDurationMs ?? 0) * a.invocations + (b.averageDurationMs ?? 0) * b.invocations;
  const metrics = a.metrics || b.metrics ? { ...a.metrics, ...b.metrics } : undefined;
  return {
    invocations,
    errors: a.errors + b.errors,
    throttles: a.throttles + b.throttles,
    averageDurationMs: invocations === 0 ? undefined : weighed / invocations,
    p99DurationMs: b.p99DurationMs ?? a.p99DurationMs,
    percentilesMs: b.percentilesMs ?? a.percentilesMs,
    metrics,
    slow: a.slow && b.slow ? a.slow.map((count, i) => count + (b.slow![i] ?? 0)) : (a.slow ?? b.slow),
    coldStarts: (a.coldStarts ?? 0) + (b.coldStarts ?? 0),
  };
}
