/** `rate(…)` and `cron(…)` expressions of EventBridge rules; times are UTC (EventBridge user guide, 2026). */
export type Schedule = { kind: "rate"; everyMs: number } | { kind: "cron"; fields: CronFields };

export interface CronFields {
  minutes: Set<number>;
  hours: Set<number>;
  daysOfMonth: Set<number> | undefined;
  months: Set<number>;
  daysOfWeek: Set<number> | undefined;
  years: Set<number> | undefined;
}

export class ScheduleError extends Error {}

const UNIT_MS: Record<string, number> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };
const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
/** No rule fires later than this from now; a search that gets there finds nothing. */
const HORIZON_DAYS = 4 * 366;

/** Throws ScheduleError; `unsupported` in its message marks what AWS has and this does not (L, W, #). */
export function parseSchedule(text: string): Schedule {
  const rate = /^rate\((\d+) (minute|hour|day)(s?)\)$/.exec(text);
  if (rate) {
    const amount = Number(rate[1]);
    // AWS wants `1 minute` and `5 minutes`.
    if (amount === 0 || (amount === 1) !== (rate[3] === "")) throw new ScheduleError("invalid rate");
    return { kind: "rate", everyMs: amount * (UNIT_MS[rate[2] ?? ""] ?? 0) };
  }
  const cron = /^cron\((.+)\)$/.exec(text)?.[1]?.trim().split(/\s+/);
  if (cron?.length !== 6) throw new ScheduleError("invalid expression");
  const [minutes = "", hours = "", daysOfMonth = "", months = "", daysOfWeek = "", years = ""] = cron;
  if ((daysOfMonth === "?") === (daysOfWeek === "?")) throw new ScheduleError("one of the day fields must be ?");
  return {
    kind: "cron",
    fields: {
      minutes: parseField(minutes, 0, 59),
      hours: parseField(hours, 0, 23),
      daysOfMonth: daysOfMonth === "?" ? undefined : parseField(daysOfMonth, 1, 31),
      months: parseField(months, 1, 12, MONTHS, 1),
      daysOfWeek: daysOfWeek === "?" ? undefined : parseField(daysOfWeek, 1, 7, DAYS, 1),
      years: years === "*" ? undefined : parseField(years, 1970, 2199),
    },
  };
}

function parseField(text: string, minimum: number, maximum: number, names: string[] = [], firstName = 0): Set<number> {
  const values = new Set<number>();
  const number = (part: string) => {
    const named = names.indexOf(part.toUpperCase());
    const value = named === -1 ? Number(part) : named + firstName;
    if (!/^\d+$/.test(part) && named === -1)
      throw new ScheduleError(/[LW#]/.test(part) ? "unsupported" : "invalid field");
    if (value < minimum || value > maximum) throw new ScheduleError("value out of range");
    return value;
  };
  for (const part of text.split(",")) {
    const [range = "", step] = part.split("/");
    const [from, to] = range === "*" ? [minimum, maximum] : range.split("-").map(number);
    if (from === undefined) throw new ScheduleError("invalid field");
    const last = to ?? (step === undefined ? from : maximum);
    const by = step === undefined ? 1 : number(step);
    if (by < 1) throw new ScheduleError("invalid step");
    for (let value = from; value <= last; value += by) values.add(value);
  }
  return values;
}

/** When a schedule fires next after `nowMs`; a rate counts from `nowMs`. Undefined when it never does. */
export function nextFiring(schedule: Schedule, nowMs: number): number | undefined {
  if (schedule.kind === "rate") return nowMs + schedule.everyMs;
  const { fields } = schedule;
  const start = new Date(nowMs);
  for (let offset = 0; offset <= HORIZON_DAYS; offset++) {
    const day = Date.UTC(start.getUTCFullYear(), start.getUTCMonth(), start.getUTCDate() + offset);
    if (!dayMatches(fields, new Date(day))) continue;
    for (const hour of [...fields.hours].sort((a, b) => a - b)) {
      for (const minute of [...fields.minutes].sort((a, b) => a - b)) {
        const at = day + hour * 3_600_000 + minute * 60_000;
        if (at > nowMs) return at;
      }
    }
  }
  return undefined;
}

function dayMatches(fields: CronFields, day: Date): boolean {
  return (
    (fields.years?.has(day.getUTCFullYear()) ?? true) &&
    fields.months.has(day.getUTCMonth() + 1) &&
    (fields.daysOfMonth?.has(day.getUTCDate()) ?? true) &&
    (fields.daysOfWeek?.has(day.getUTCDay() + 1) ?? true)
  );
}
