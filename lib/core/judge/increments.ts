import type { MinuteCounts } from "../ports.ts";

/**
 * Minutes are read again for as long as late data may still come; what is new since they were read last belongs to the
 * look that finds it. Nothing is ever tested twice.
 */
export const LATE_MINUTES = 10;

/** Requests, errors, and requests above each threshold. */
type Tally = number[];

/** What has been taken of one version so far. Serialisable; bounded by `LATE_MINUTES`. */
export interface Counted {
  /** By minutes since 1970. */
  minutes: Record<string, Tally>;
  /** Errors and slow requests that were published before their requests: for the next look. */
  owed: Tally;
}

export const nothingCounted: Counted = { minutes: {}, owed: [] };

export interface Increment {
  invocations: number;
  errors: number;
  slow: number[] | undefined;
}

const MINUTE_MS = 60_000;

/**
 * What `minutes` hold beyond what was counted before. `bound`: which end of an uncertain count of slow requests is
 * meant; "least" never blames, "most" never excuses.
 */
export function countNew(
  before: Counted,
  minutes: readonly MinuteCounts[],
  bound: "least" | "most",
): { increment: Increment; counted: Counted } {
  const thresholds = minutes.length > 0 && minutes.every(({ slow }) => slow !== undefined);
  const kept: Counted["minutes"] = {};
  let fresh: Tally = before.owed;
  for (const { at, invocations, errors, slow } of minutes) {
    const key = String(Math.floor(at.getTime() / MINUTE_MS));
    const now = [invocations, errors, ...(thresholds ? (slow ?? []).map((one) => one[bound]) : [])];
    // A minute that comes twice in one reading counts once as well.
    const known = kept[key] ?? before.minutes[key] ?? [];
    // A figure that was corrected downwards takes nothing back: it has been judged.
    kept[key] = now.map((value, i) => Math.max(value, known[i] ?? 0));
    fresh = added(
      fresh,
      kept[key].map((value, i) => value - (known[i] ?? 0)),
    );
  }
  const [requests = 0, ...others] = fresh;
  const taken = others.map((count) => Math.min(count, requests));
  const [errors = 0, ...slow] = taken;
  const newest = Math.max(0, ...Object.keys({ ...before.minutes, ...kept }).map(Number));
  const all = Object.entries({ ...before.minutes, ...kept }).filter(([key]) => Number(key) > newest - LATE_MINUTES);
  return {
    increment: { invocations: requests, errors, slow: thresholds ? slow : undefined },
    counted: { minutes: Object.fromEntries(all), owed: [0, ...others.map((count, i) => count - taken[i]!)] },
  };
}

const added = (a: Tally, b: Tally): Tally =>
  Array.from({ length: Math.max(a.length, b.length) }, (_, i) => (a[i] ?? 0) + (b[i] ?? 0));
