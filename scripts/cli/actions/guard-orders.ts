import {
  ALL_FUNCTIONS,
  aliasKey,
  arm,
  disarm,
  disarmedIn,
  disarmedWords,
  releaseLatch,
  setLatch,
} from "../../../lib/core/release/environment-record.ts";
import type { Outcome, Session } from "../session.ts";
import { after, checkLimit, give, type ScopeOptions, scopeOf, stillInForce } from "./guard-order.ts";

/** Long enough for any incident, short enough that nobody forgets it for good. Minutes. */
const MAX_DISARM_MINUTES = 7 * 1440;

/** From now on, for a while, the guard decides, records and tells, and does not act. */
export function disarmGuard(session: Session, options: ScopeOptions & { for: number }): Promise<Outcome> {
  const { scope, words, flag, place } = scopeOf(options);
  checkLimit(options.for, MAX_DISARM_MINUTES);
  return give(session, (start) => {
    const until = after(start, options.for);
    return {
      action: "disarm",
      subject: words,
      place,
      question: `Nothing is refused or rolled back automatically for ${words} until ${until}. Disarm?`,
      done: `disarmed for ${words} until ${until}: the guard decides, records and notifies, and does not act`,
      nothing: "",
      next: `Arm it again with: goaround guard --action arm ${flag} --reason "…"`,
      change: (record, by, now) =>
        disarm(record, scope, { reason: session.options.reason!, by, at: now.toISOString(), until }),
    };
  });
}

const isWide = ([of]: [string, unknown]) => of === ALL_FUNCTIONS;

/** The guard acts again: for one function, or for all, whatever was ordered for a single one. */
export function armGuard(session: Session, options: ScopeOptions): Promise<Outcome> {
  const { scope, words, place } = scopeOf(options);
  return give(session, (now, before) => {
    const functions = disarmedIn(before, scope, now).flatMap(([of]) => (of === scope ? [] : [of]));
    const too = functions.length > 0 ? `, ${functions.join(" and ")} with orders of their own included` : "";
    return {
      action: "arm",
      subject: words,
      place,
      ends: true,
      question: `The guard acts again for ${words}${too}. Arm?`,
      done: `armed for ${words}${too}`,
      nothing: `nothing to do: the guard is armed for ${words}`,
      change: (record, _by, at) => {
        const [wide] = scope === ALL_FUNCTIONS ? [] : disarmedIn(record, ALL_FUNCTIONS, at).filter(isWide);
        if (wide) {
          const advice = `Arm it for all functions: goaround guard --action arm --all --reason "…"`;
          throw stillInForce(`${words} stays disarmed`, disarmedWords(wide[1]), advice);
        }
        return arm(record, scope, at);
      },
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
    place: { functionName, alias },
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
    place: { functionName, alias },
    ends: true,
    question: `Releases and automatic rollbacks of ${key} are possible again. Release the latch?`,
    done: `the latch of ${key} is released; earlier rollbacks count no more`,
    nothing: `nothing to do: ${key} is not latched`,
    change: (record, by, now) =>
      releaseLatch(record, key, { at: now.toISOString(), by, reason: session.options.reason! }),
  }));
}
