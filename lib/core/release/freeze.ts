import { Cron } from "croner";

/** Which changes a freeze holds back. Rollbacks and switching flags off are never frozen. */
export type FreezeScope = "code" | "flags" | "all";

/** From one point in time to another, or again and again by cron. */
export type FreezeTimes =
  | { from: string; until: string | undefined; cron?: undefined }
  | { cron: string; minutes: number; from?: undefined };

export interface FreezeWindow {
  id: string;
  scope: FreezeScope;
  /** Only this function; undefined: all of the environment. */
  functionName: string | undefined;
  /** IANA name; dates without an offset and cron fields are read in it. */
  timeZone: string;
  times: FreezeTimes;
  reason: string;
  by: string;
}

/** A recurring window may last a fortnight: the longest shutdown between two years. Minutes. */
const MAX_WINDOW_MINUTES = 14 * 1440;
const HAS_OFFSET = /(?:Z|[+-]\d{2}:?\d{2})$/i;
const IS_DATE = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/i;

/** Everything that is wrong with a window, in words; empty when it is fine. */
export function freezeProblems({ timeZone, times }: Pick<FreezeWindow, "timeZone" | "times">): string[] {
  if (!isTimeZone(timeZone)) return [`"${timeZone}" is not a time zone (IANA name such as Europe/Berlin)`];
  if (times.cron === undefined) {
    const from = instant(times.from, timeZone);
    const until = times.until === undefined ? undefined : instant(times.until, timeZone);
    const problems = [times.from, times.until]
      .filter((text) => text !== undefined && instant(text, timeZone) === undefined)
      .map((text) => `"${text}" is not a date (2026-12-24 or 2026-12-24T18:00, with or without offset)`);
    return from && until && until <= from ? [`it ends (${times.until}) before it begins (${times.from})`] : problems;
  }
  const problems: string[] = [];
  if (!isCron(times.cron, timeZone)) {
    problems.push(`"${times.cron}" is not a cron expression of five fields: minute hour day month weekday`);
  }
  if (!Number.isInteger(times.minutes) || times.minutes < 1 || times.minutes > MAX_WINDOW_MINUTES) {
    problems.push(`${times.minutes} minutes is not a whole number from 1 to ${MAX_WINDOW_MINUTES}`);
  }
  return problems;
}

/**
 * Whether a window holds at `now`, and until when (undefined: until somebody ends it). A window that cannot be read holds:
 * whoever froze releases must not be overheard because of a typing error.
 */
export function frozenAt(
  window: Pick<FreezeWindow, "timeZone" | "times">,
  now: Date,
): { until: Date | undefined } | undefined {
  if (freezeProblems(window).length > 0) return { until: undefined };
  const { times, timeZone } = window;
  if (times.cron === undefined) {
    const from = instant(times.from, timeZone)!;
    const until = times.until === undefined ? undefined : instant(times.until, timeZone);
    return from <= now && (until === undefined || now < until) ? { until } : undefined;
  }
  const cron = new Cron(times.cron, { timezone: timeZone });
  // Strictly before the reference, by the second: the second that runs counts as begun. The youngest window ends last.
  const thisSecond = Math.floor(now.getTime() / 1000) * 1000;
  const [began] = cron.previousRuns(1, new Date(thisSecond + 1000));
  const until = began && new Date(began.getTime() + times.minutes * 60_000);
  return until && now < until ? { until } : undefined;
}

/** Whether a window holds now or will at some time: one that is over, or whose day never comes, would be an order in vain. */
export function everHolds(window: Pick<FreezeWindow, "timeZone" | "times">, now: Date): boolean {
  if (frozenAt(window, now)) return true;
  const { times, timeZone } = window;
  if (times.cron === undefined) return instant(times.from, timeZone)! > now;
  return new Cron(times.cron, { timezone: timeZone }).nextRun(now) !== null;
}

/** The windows that hold back a change now. */
export function activeFreezes(
  windows: readonly FreezeWindow[],
  lever: "code" | "flags",
  functionName: string | undefined,
  now: Date,
): { window: FreezeWindow; until: Date | undefined }[] {
  return windows
    .filter(({ scope }) => scope === "all" || scope === lever)
    .filter((window) => window.functionName === undefined || window.functionName === functionName)
    .flatMap((window) => {
      const held = frozenAt(window, now);
      return held ? [{ window, until: held.until }] : [];
    });
}

function instant(text: string, timeZone: string): Date | undefined {
  if (!IS_DATE.test(text) || !isDay(text.slice(0, 10))) return undefined;
  if (HAS_OFFSET.test(text) && text.includes("T")) {
    const ms = Date.parse(text);
    return Number.isNaN(ms) ? undefined : new Date(ms);
  }
  try {
    const local = text.includes("T") ? text : `${text}T00:00`;
    return new Cron(/T\d{2}:\d{2}$/.test(local) ? `${local}:00` : local, { timezone: timeZone }).getOnce() ?? undefined;
  } catch {
    return undefined;
  }
}

/** Both parsers take 30 February for 2 March. */
function isDay(day: string): boolean {
  const midnight = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
}

function isCron(expression: string, timeZone: string): boolean {
  if (expression.trim().split(/\s+/).length !== 5) return false;
  try {
    new Cron(expression, { timezone: timeZone });
    return true;
  } catch {
    return false;
  }
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
