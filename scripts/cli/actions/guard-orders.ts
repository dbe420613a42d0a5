import { GoaroundError } from "../../../lib/core/errors.ts";
import { OVERRIDABLE } from "../../../lib/core/release/admission-environment.ts";
import {
  ALL_FUNCTIONS,
  aliasKey,
  allowStep as allowed,
  arm,
  breakGlass,
  disarm,
  type EnvironmentRecord,
  freeze,
  releaseLatch,
  setLatch,
  unfreeze,
  withEntry,
} from "../../../lib/core/release/environment-record.ts";
import {
  type FreezeScope,
  type FreezeTimes,
  type FreezeWindow,
  freezeProblems,
} from "../../../lib/core/release/freeze.ts";
import { suggest } from "../../../lib/core/suggest.ts";
import { done, nothingToDo, type Outcome, planned, type Session } from "../session.ts";

/** Long enough for any incident, short enough that nobody forgets it for good. Minutes. */
const MAX_DISARM_MINUTES = 7 * 1440;
const MAX_BREAK_GLASS_MINUTES = 1440;
const STEP_MINUTES = 120;

interface Order {
  action: string;
  /** Function, alias or window, for the history. */
  subject: string;
  question: string;
  /** What is true afterwards. */
  done: string;
  /** Why nothing has to be changed, where the record is as wanted already. */
  nothing: string;
  next?: string;
  change(record: EnvironmentRecord, by: string, now: Date): Partial<EnvironmentRecord> | undefined;
}

/**
 * Writes one order of a person into the ledger, with who, when and why. The order is made once AWS has answered: before
 * that its time is not known, and an order from now on would begin and end by the computer's own clock.
 */
async function give(session: Session, orderAt: (now: Date) => Order): Promise<Outcome> {
  const { ledger, discovery } = session.ports;
  const reason = session.options.reason!;
  const { arn: by } = await discovery.identity();
  const now = session.clock.now();
  const order = orderAt(now);
  const before = await ledger.getEnvironment();
  if (!order.change(before, by, now)) return nothingToDo(order.nothing, { environment: session.environment });
  session.banner(order.action, { environment: session.environment, on: order.subject, reason, by });
  if (session.options.dryRun) return planned(`would make it so: ${order.done}`, { environment: session.environment });
  await session.confirm(order.question);
  const entry = { at: now.toISOString(), by, action: order.action, subject: order.subject, reason };
  const record = await ledger.changeEnvironment((current) => {
    const changes = order.change(current, by, now);
    return changes && { ...changes, history: withEntry(current, entry) };
  });
  return done(order.done, { environment: session.environment, record }, order.next);
}

export interface ScopeOptions {
  functionName?: string;
  all?: boolean;
}

/** Of one function or of all: never of all by having forgotten the name. */
function scopeOf({ functionName, all }: ScopeOptions): { scope: string; words: string } {
  if ((functionName === undefined) === !all) {
    throw new GoaroundError("usage", "operator", "name one function with --function-name, or all with --all", {
      advice: "One of the two, not both.",
    });
  }
  return functionName === undefined
    ? { scope: ALL_FUNCTIONS, words: "all functions" }
    : { scope: functionName, words: functionName };
}

function checkLimit(minutes: number, limit: number): void {
  if (minutes > limit) {
    throw new GoaroundError("usage", "operator", `--for is at most ${limit / 60} h, not ${minutes / 60} h`, {
      advice: "Run it again when it has ended and is still needed.",
    });
  }
}

const after = (now: Date, minutes: number) => new Date(now.getTime() + minutes * 60_000).toISOString();

/** From now on, for a while, the guard decides, records and tells, and does not act. */
export function disarmGuard(session: Session, options: ScopeOptions & { for: number }): Promise<Outcome> {
  const { scope, words } = scopeOf(options);
  checkLimit(options.for, MAX_DISARM_MINUTES);
  return give(session, (start) => {
    const until = after(start, options.for);
    return {
      action: "disarm",
      subject: words,
      question: `Nothing is refused or rolled back automatically for ${words} until ${until}. Disarm?`,
      done: `disarmed for ${words} until ${until}: the guard decides, records and notifies, and does not act`,
      nothing: "",
      next: `Arm it again with: goaround guard --action arm ${scope === ALL_FUNCTIONS ? "--all" : `--function-name ${scope}`} --reason "…"`,
      change: (record, by, now) =>
        disarm(record, scope, { reason: session.options.reason!, by, at: now.toISOString(), until }),
    };
  });
}

export function armGuard(session: Session, options: ScopeOptions): Promise<Outcome> {
  const { scope, words } = scopeOf(options);
  return give(session, () => ({
    action: "arm",
    subject: words,
    question: `The guard acts again for ${words}. Arm?`,
    done: `armed for ${words}`,
    nothing: `nothing to do: the guard is armed for ${words}`,
    change: (record) => (record.disarmed[scope] ? arm(record, scope) : undefined),
  }));
}

export interface FreezeOptions {
  id: string;
  scope?: FreezeScope;
  functionName?: string;
  timeZone?: string;
  from?: string;
  until?: string;
  cron?: string;
  for?: number;
}

export function freezeReleases(session: Session, options: FreezeOptions): Promise<Outcome> {
  const { id, functionName } = options;
  const timeZone = options.timeZone ?? "UTC";
  const problems = freezeProblems({ timeZone, times: timesOf(session.clock.now(), options) });
  if (problems.length > 0) {
    throw new GoaroundError("usage", "operator", `this is no freeze: ${problems.join("; ")}`, {
      advice: "See --help.",
    });
  }
  const scope = options.scope ?? "all";
  const what = scope === "all" ? "code and flags" : scope;
  return give(session, (start) => {
    const times = timesOf(start, options);
    const when =
      times.cron === undefined
        ? `from ${times.from}${times.until ? ` until ${times.until}` : ""}`
        : `at "${times.cron}" for ${times.minutes} minutes`;
    return {
      action: "freeze",
      subject: id,
      question: `Releases of ${what} of ${functionName ?? "all functions"} are refused ${when} (${timeZone}). Freeze?`,
      done: `freeze ${id}: no releases of ${what} of ${functionName ?? "all functions"} ${when} (${timeZone}); rollbacks go on`,
      nothing: "",
      next: `End it with: goaround guard --action unfreeze --id ${id} --reason "…"`,
      change: (record, by) => {
        const window: FreezeWindow = { id, scope, functionName, timeZone, times, reason: session.options.reason!, by };
        return freeze(record, window);
      },
    };
  });
}

function timesOf(now: Date, { cron, from, until, for: minutes }: FreezeOptions): FreezeTimes {
  const usage = (message: string) =>
    new GoaroundError("usage", "operator", message, {
      advice: 'Either --from and --until, or --cron "0 18 * * FRI" and --for 62h.',
    });
  if (cron !== undefined) {
    if (from !== undefined || until !== undefined) throw usage("--cron does not go with --from and --until");
    if (minutes === undefined) throw usage("--cron needs --for: how long each freeze lasts");
    return { cron, minutes };
  }
  const begin = from ?? now.toISOString();
  if (minutes === undefined) return { from: begin, until };
  if (until !== undefined || from !== undefined) throw usage("--for goes with --cron, or stands alone: from now on");
  return { from: begin, until: after(now, minutes) };
}

export function endFreeze(session: Session, { id }: { id: string }): Promise<Outcome> {
  return give(session, () => ({
    action: "unfreeze",
    subject: id,
    question: `End freeze ${id}?`,
    done: `freeze ${id} has ended`,
    nothing: `nothing to do: there is no freeze ${id}`,
    change: (record) => (record.freezes.some((window) => window.id === id) ? unfreeze(record, id) : undefined),
  }));
}

export function openBreakGlass(
  session: Session,
  options: ScopeOptions & { for: number; rules?: string[] },
): Promise<Outcome> {
  const { scope, words } = scopeOf(options);
  const rules = options.rules ?? [];
  const unknown = rules.filter((rule) => !OVERRIDABLE.some((known) => known === rule));
  if (unknown.length > 0) {
    const near = suggest(unknown[0]!, OVERRIDABLE);
    throw new GoaroundError("usage", "operator", `not a rule that can be overridden: ${unknown.join(", ")}`, {
      advice: `${near ? `Did you mean ${near}? ` : ""}Rules: ${OVERRIDABLE.join(", ")}.`,
    });
  }
  checkLimit(options.for, MAX_BREAK_GLASS_MINUTES);
  const which = rules.length === 0 ? "every rule that can be overridden" : rules.join(", ");
  return give(session, (start) => {
    const until = after(start, options.for);
    return {
      action: "break-glass",
      subject: words,
      question: `Releases of ${words} are let through until ${until} in spite of ${which}. Break the glass?`,
      done: `releases of ${words} are let through until ${until} in spite of ${which}; each use is recorded with the release`,
      nothing: "",
      change: (record, by, now) => {
        const functionName = scope === ALL_FUNCTIONS ? undefined : scope;
        const order = { reason: session.options.reason!, by, at: now.toISOString(), until, functionName, rules };
        return breakGlass(record, order, now);
      },
    };
  });
}

export interface StepOptions {
  functionName: string;
  step: string;
  for?: number;
}

/** A step that was let through stays taken, so that this ends by itself. */
export function allowStep(session: Session, options: StepOptions): Promise<Outcome> {
  const { functionName, step } = options;
  const minutes = options.for ?? STEP_MINUTES;
  checkLimit(minutes, MAX_BREAK_GLASS_MINUTES);
  return give(session, (start) => {
    const until = after(start, minutes);
    return {
      action: "allow-step",
      subject: `${functionName} ${step}`,
      question: `No rollback takes ${step} of ${functionName} back. Let it through until ${until}?`,
      done: `a release of ${functionName} with step ${step} is let through until ${until}; that is recorded with the release, and every rollback behind it says that the step stays`,
      nothing: "",
      change: (record, by, now) =>
        allowed(record, { functionName, step, reason: session.options.reason!, by, at: now.toISOString(), until }, now),
    };
  });
}

export interface LatchOptions {
  functionName: string;
  alias: string;
}

export function latchAlias(session: Session, { functionName, alias }: LatchOptions): Promise<Outcome> {
  const key = aliasKey(functionName, alias);
  return give(session, () => ({
    action: "latch",
    subject: key,
    question: `No release and no automatic rollback of ${key} until the latch is released. Latch?`,
    done: `${key} is latched: no release and no automatic rollback until a person releases it`,
    nothing: `nothing to do: ${key} is latched already`,
    next: `Release it with: goaround guard --action release-latch --function-name ${functionName} --alias ${alias} --reason "…"`,
    change: (record, by, now) =>
      setLatch(record, key, { since: now.toISOString(), reason: session.options.reason!, by }),
  }));
}

export function unlatchAlias(session: Session, { functionName, alias }: LatchOptions): Promise<Outcome> {
  const key = aliasKey(functionName, alias);
  return give(session, () => ({
    action: "release-latch",
    subject: key,
    question: `Releases and automatic rollbacks of ${key} are possible again. Release the latch?`,
    done: `the latch of ${key} is released; earlier rollbacks count no more`,
    nothing: `nothing to do: ${key} is not latched`,
    change: (record, by, now) =>
      releaseLatch(record, key, { at: now.toISOString(), by, reason: session.options.reason! }),
  }));
}
