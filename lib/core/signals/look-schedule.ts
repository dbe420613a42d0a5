import { type LookWindow, shareBetween, splitEnd } from "../release/shift.ts";
import type { WatchedShift } from "../release/watch-ports.ts";
import { errorCount, INTERVAL_MS } from "./count.ts";
import type { KnownInterval } from "./ports.ts";

/** Batches that come so much later than their interval began are not looked for any more. */
export const LATE_MS = 300_000;
const MINUTE_MS = 60_000;

/** How long what is logged takes to be counted, until it has been seen [unverified: AWS gives no figure]. */
const USUAL_LAG_MS = 6000;
/** Longer ones are those of single batches, which come late; nobody waits for them. */
const LONGEST_LAG_MS = 12_000;
/** The last look waits longer: nothing is taken after it. */
const LAST_LAG_MS = 20_000;
/** So far back it is looked how long batches take. */
const POLLED_MS = 30_000;
/** Looks that find nothing wrong are so far apart: each is a write. */
const EVERY_MS = 10_000;

const floorTo = (ms: number, step: number) => Math.floor(ms / step) * step;
const ceilTo = (ms: number, step: number) => Math.ceil(ms / step) * step;

/** The first whole interval of a shift: weights were not applied in all of the one before. */
export const firstInterval = ({ startedAt }: { startedAt: Date }) => ceilTo(startedAt.getTime(), INTERVAL_MS);

/**
 * What a look at the log takes next: whole intervals while traffic is split, all that are over at `until`. One at least;
 * a minute where the policy has triggers or metrics of its own, which say nothing over a few requests.
 */
export function logWindow({ release, shift, routing }: WatchedShift, until: Date): LookWindow | undefined {
  const { triggers, metrics } = release.policy;
  const step = triggers || metrics ? MINUTE_MS : INTERVAL_MS;
  const start = shift.startedAt.getTime();
  const since = firstInterval(shift);
  const end = floorTo(splitEnd(shift, routing), INTERVAL_MS);
  const from = Math.max(since, release.judging ? Date.parse(release.judging.judgedUntil) : 0);
  if (from + INTERVAL_MS > end) return undefined;
  const to = Math.min(end, Math.max(from + step, floorTo(until.getTime(), INTERVAL_MS)));
  return {
    from: new Date(from),
    to: new Date(to),
    since: new Date(since),
    expectedShare: shareBetween(routing, shift, from, to, INTERVAL_MS),
    elapsedSeconds: (to - start) / 1000,
    ...(to === end ? { last: true } : {}),
  };
}

/**
 * How long what is logged takes to be counted, milliseconds: the longest of the last half minute. Streams come each at
 * their own time, and the versions must be compared over the same: of an outage that is told of one of them first, it
 * would be accused.
 */
function lagOf(intervals: readonly KnownInterval[], nowMs: number): number {
  const longest = (known: readonly KnownInterval[]) =>
    1000 * Math.max(0, ...known.map(({ counts }) => counts.lagSeconds ?? 0));
  // Of the newest intervals only the batches that were quick are known.
  const whole = longest(intervals.filter(({ fromMs }) => fromMs <= nowMs - LONGEST_LAG_MS));
  return Math.min(Math.max(longest(intervals), whole === 0 ? USUAL_LAG_MS : 0), LONGEST_LAG_MS);
}

/** Up to when the log is taken to be known, epoch milliseconds, and `nextMs`: when one interval more is. */
export function settled(intervals: readonly KnownInterval[], nowMs: number): { untilMs: number; nextMs: number } {
  const lag = lagOf(intervals, nowMs);
  const untilMs = floorTo(nowMs - lag, INTERVAL_MS);
  return { untilMs, nextMs: untilMs + INTERVAL_MS + lag };
}

const isTold = ({ counts }: KnownInterval) => counts.requests > 0;

/** Failures, and requests that are slower than nearly all were. */
const isWrong = ({ counts }: KnownInterval) => errorCount(counts) > 0 || (counts.slow.at(-1) ?? 0) > 0;

/**
 * The look at the log that is due at `nowMs`, if one is: as soon as a settled interval has something wrong with either
 * version, at the latest after ten seconds. `intervals`: what is known from `pollFrom` on. The tests hold for any schedule
 * that does not depend on which of the versions the errors are of, and this one does not.
 */
export function dueLogLook(
  watched: WatchedShift,
  intervals: readonly KnownInterval[],
  nowMs: number,
): LookWindow | undefined {
  const { untilMs } = settled(intervals, nowMs);
  const window = logWindow(watched, new Date(untilMs));
  if (!window || window.to.getTime() > untilMs) return undefined;
  if (window.last) return nowMs - window.to.getTime() >= LAST_LAG_MS ? window : undefined;
  const isLong = window.to.getTime() - window.from.getTime() >= EVERY_MS;
  return isLong || intervals.some((one) => isIn(window, one) && isWrong(one)) ? window : undefined;
}

const isIn = ({ from, to }: Pick<LookWindow, "from" | "to">, { fromMs }: KnownInterval) =>
  fromMs >= from.getTime() && fromMs < to.getTime();

/** Neither version's log tells of a request in the window. */
export const isSilent = (window: LookWindow, intervals: readonly KnownInterval[]) =>
  !intervals.some((one) => isIn(window, one) && isTold(one));

/** The first interval that is read to see whether a look is due. Epoch milliseconds. */
export const pollFrom = ({ since, from }: LookWindow) => Math.max(since.getTime(), from.getTime() - POLLED_MS);

/**
 * The first interval that a look is to read, so that what comes late is found: whole minutes, as what was taken is kept.
 * Epoch milliseconds.
 */
export const readFrom = ({ since, from }: LookWindow) =>
  Math.max(since.getTime(), floorTo(from.getTime() - LATE_MS, MINUTE_MS));
