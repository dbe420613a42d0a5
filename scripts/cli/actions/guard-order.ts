import { GoaroundError } from "../../../lib/core/errors.ts";
import { ALL_FUNCTIONS, type EnvironmentRecord, withEntry } from "../../../lib/core/release/environment-record.ts";
import { readPolicy, requireFunction } from "../lookup.ts";
import { done, nothingToDo, type Outcome, planned, type Session } from "../session.ts";

/** A function, or one alias of it. */
export interface OrderPlace {
  functionName: string;
  alias?: string;
}

export interface Order {
  action: string;
  /** Function, alias or window, for the history. */
  subject: string;
  /** What it is about, which has to exist; undefined: all functions. */
  place: OrderPlace | undefined;
  /** Takes an earlier order back: also where the function has gone meanwhile. */
  ends?: boolean;
  question: string;
  /** What is true afterwards. */
  done: string;
  /** Why nothing has to be changed, where the record is as wanted already. */
  nothing: string;
  next?: string;
  /** Undefined: nothing has to be changed. Throws when something else stands against what the order says. */
  change(record: EnvironmentRecord, by: string, now: Date): Partial<EnvironmentRecord> | undefined;
}

/**
 * Writes one order of a person into the ledger, with who, when and why. The order is made once AWS has answered: before
 * that its time is not known, and an order from now on would begin and end by the computer's own clock.
 */
export async function give(
  session: Session,
  orderAt: (now: Date, record: EnvironmentRecord) => Order,
): Promise<Outcome> {
  const { ledger, discovery } = session.ports;
  const reason = session.options.reason!;
  const { arn: by } = await discovery.identity();
  const now = session.clock.now();
  const before = await ledger.getEnvironment();
  const order = orderAt(now, before);
  const changes = order.change(before, by, now);
  if (order.place && !(order.ends && changes)) await checkPlace(session, order.place);
  if (!changes) return nothingToDo(order.nothing, { environment: session.environment });
  session.banner(order.action, { environment: session.environment, on: order.subject, reason, by });
  if (session.options.dryRun) return planned(`would make it so: ${order.done}`, { environment: session.environment });
  await session.confirm(order.question);
  const entry = { at: now.toISOString(), by, action: order.action, subject: order.subject, reason };
  const record = await ledger.changeEnvironment((current) => {
    const made = order.change(current, by, now);
    return made && { ...made, history: withEntry(current, entry) };
  });
  return done(order.done, { environment: session.environment, record }, order.next);
}

/**
 * Throws for a function or an alias that does not exist: an order for a name that was mistyped holds nothing. In an
 * incident an order must be possible while Lambda does not answer: then a warning.
 */
async function checkPlace(session: Session, { functionName, alias }: OrderPlace): Promise<void> {
  try {
    const { aliases } = await requireFunction(session, functionName, alias);
    const looked = alias === undefined ? aliases : [alias];
    const guarded = await Promise.all(looked.map((name) => readPolicy(session, functionName, name)));
    if (guarded.some(({ document }) => document !== undefined)) return;
    session.warn(
      `${functionName} has no policy in environment ${session.environment}: the guard has nothing to do with it, and this order changes nothing until it has`,
    );
  } catch (error) {
    if (session.signal.aborted || (error instanceof GoaroundError && /-missing$/.test(error.code))) throw error;
    session.warn(`whether ${functionName} exists could not be seen: ${(error as Error).message}`);
  }
}

export interface ScopeOptions {
  functionName?: string;
  all?: boolean;
}

/** Of one function or of all: never of all by having forgotten the name. */
export function scopeOf({ functionName, all }: ScopeOptions) {
  if ((functionName === undefined) === !all) {
    throw new GoaroundError("usage", "operator", "name one function with --function-name, or all with --all", {
      advice: "One of the two, not both.",
    });
  }
  return functionName === undefined
    ? { scope: ALL_FUNCTIONS, words: "all functions", flag: "--all", place: undefined }
    : { scope: functionName, words: functionName, flag: `--function-name ${functionName}`, place: { functionName } };
}

/** An order for all functions is in force, and ending a function's own leaves that one. */
export const stillInForce = (what: string, words: string, advice: string) =>
  new GoaroundError("conflict", "operator", `nothing was changed: ${what} by an order for all functions: ${words}`, {
    advice,
  });

export function checkLimit(minutes: number, limit: number): void {
  if (minutes > limit) {
    throw new GoaroundError("usage", "operator", `--for is at most ${limit / 60} h, not ${minutes / 60} h`, {
      advice: "Run it again when it has ended and is still needed.",
    });
  }
}

export const after = (now: Date, minutes: number) => new Date(now.getTime() + minutes * 60_000).toISOString();
