import type { DeploymentTarget, TrafficRouting } from "../ports.ts";

/** Minutes over which both versions served, cut into looks of whole minutes. */
export interface LookWindow {
  from: Date;
  to: Date;
  /** Start of the first whole minute in which traffic was split: nothing before it is compared. */
  since: Date;
  /** Share of traffic on the canary over the window, 0 to 1. */
  expectedShare: number;
  /** Seconds from the start of the shift to the end of the window. */
  elapsedSeconds: number;
  /** Present on the last window of the shift, where that is known. */
  last?: true;
}

const MINUTE_MS = 60_000;
/** Bounds the number of calls for a shift of two days; each look costs two reads. */
const MAX_LOOKS = 20;

export interface Shift {
  startedAt: Date;
  /** Undefined while traffic is still moving. */
  endedAt: Date | undefined;
}

/** Shares that were given step by step, by the guard and not by a deployment configuration. */
export interface StepsTaken {
  kind: "steps";
  /** Percent on the canary from this moment on, in order of time. */
  steps: readonly { percent: number; at: Date }[];
}

export function shiftOf(target: DeploymentTarget | undefined): Shift | undefined {
  const event = target?.lifecycleEvents.find((candidate) => candidate.name === "AllowTraffic");
  return event?.startedAt && { startedAt: event.startedAt, endedAt: event.endedAt };
}

/**
 * The looks at a shift up to `now`: both versions over the same minutes, while traffic was split. The first, partial
 * minute is left out because the weight was not applied in all of it. A shift in one step has no such minute.
 * `judgedUntil`: minutes before it are done with.
 */
export function lookWindows(
  shift: Shift,
  routing: TrafficRouting | StepsTaken | undefined,
  now: Date,
  judgedUntil?: Date,
): LookWindow[] {
  const start = shift.startedAt.getTime();
  const end = Math.min(splitEnd(shift, routing), now.getTime());
  const since = new Date(Math.ceil(start / MINUTE_MS) * MINUTE_MS);
  const begin = Math.max(since.getTime(), judgedUntil?.getTime() ?? 0);
  return cut(wholeMinutes(begin, end)).map(([from, to]) => ({
    from: new Date(from),
    to: new Date(to),
    since,
    expectedShare: shareBetween(routing, shift, from, to),
    elapsedSeconds: (to - start) / 1000,
  }));
}

/** Share of traffic on the canary after so many milliseconds, 0 to 1. */
export function shareAt(routing: TrafficRouting | undefined, ms: number): number {
  if (routing === undefined || routing.kind === "all-at-once") return 1;
  const steps = Math.floor(ms / (routing.intervalMinutes * MINUTE_MS)) + 1;
  const percent = routing.kind === "linear" ? routing.percentage * steps : steps > 1 ? 100 : routing.percentage;
  return Math.min(percent, 100) / 100;
}

/** When all traffic is on one version; infinity while that is not known. Epoch milliseconds. */
export const splitEnd = (shift: Shift, routing: TrafficRouting | StepsTaken | undefined): number =>
  Math.min(shift.endedAt?.getTime() ?? Number.POSITIVE_INFINITY, shift.startedAt.getTime() + splitMs(routing));

/** How long traffic is split. Percentages are added at the start of each interval (CodeDeploy user guide, 2023). */
function splitMs(routing: TrafficRouting | StepsTaken | undefined): number {
  // An unknown configuration: take the whole shift.
  if (routing === undefined || routing.kind === "steps") return Number.POSITIVE_INFINITY;
  if (routing.kind === "all-at-once") return 0;
  const steps = routing.kind === "canary" ? 1 : Math.ceil(100 / routing.percentage) - 1;
  return steps * routing.intervalMinutes * MINUTE_MS;
}

/** Share of traffic on the canary, 0 to 1, on average between two times, epoch milliseconds. */
export function shareBetween(
  routing: TrafficRouting | StepsTaken | undefined,
  { startedAt }: Shift,
  fromMs: number,
  toMs: number,
  stepMs = MINUTE_MS,
): number {
  if (routing?.kind === "steps") return shareOver(routing, fromMs, toMs);
  const start = startedAt.getTime();
  return averageShare(routing, fromMs - start, toMs - start, stepMs);
}

/** Averaged over the minutes of the window, or over steps of `stepMs`; an unknown routing is taken as half and half. */
function averageShare(routing: TrafficRouting | undefined, fromMs: number, toMs: number, stepMs: number): number {
  if (routing === undefined) return 0.5;
  let sum = 0;
  let steps = 0;
  for (let at = fromMs; at < toMs; at += stepMs, steps += 1) sum += shareAt(routing, at + stepMs / 2);
  return sum / steps;
}

/** Averaged over the time: steps are taken when they are due, and not on the minute. */
function shareOver({ steps }: StepsTaken, fromMs: number, toMs: number): number {
  let weighed = 0;
  for (const [i, { percent, at }] of steps.entries()) {
    const until = Math.min(toMs, steps[i + 1]?.at.getTime() ?? toMs);
    weighed += percent * Math.max(0, until - Math.max(fromMs, at.getTime()));
  }
  return weighed / 100 / (toMs - fromMs);
}

function wholeMinutes(fromMs: number, toMs: number): number[] {
  const minutes: number[] = [];
  for (let at = Math.ceil(fromMs / MINUTE_MS) * MINUTE_MS; at + MINUTE_MS <= toMs; at += MINUTE_MS) minutes.push(at);
  return minutes;
}

/** Groups of equal length, of as many minutes as keep their number at or below `MAX_LOOKS`. */
function cut(minutes: number[]): [number, number][] {
  const size = Math.ceil(minutes.length / MAX_LOOKS);
  const groups: [number, number][] = [];
  for (let i = 0; i < minutes.length; i += size) {
    groups.push([minutes[i]!, minutes[Math.min(i + size, minutes.length) - 1]! + MINUTE_MS]);
  }
  return groups;
}
