import { GoaroundError } from "../../../lib/core/errors.ts";
import { OVERRIDABLE } from "../../../lib/core/release/admission-environment.ts";
import {
  ALL_FUNCTIONS,
  allowStep as allowed,
  breakGlass,
  endAllowedStep,
  endBreakGlass,
  isInForce,
} from "../../../lib/core/release/environment-record.ts";
import { suggest } from "../../../lib/core/suggest.ts";
import type { Outcome, Session } from "../session.ts";
import { after, checkLimit, give, type ScopeOptions, scopeOf, stillInForce } from "./guard-order.ts";

/** Minutes. */
const MAX_PERMIT_MINUTES = 1440;
const STEP_MINUTES = 120;

export function openBreakGlass(
  session: Session,
  options: ScopeOptions & { for: number; rules?: string[] },
): Promise<Outcome> {
  const { scope, words, flag, place } = scopeOf(options);
  const rules = options.rules ?? [];
  const unknown = rules.filter((rule) => !OVERRIDABLE.some((known) => known === rule));
  if (unknown.length > 0) {
    const near = suggest(unknown[0]!, OVERRIDABLE);
    throw new GoaroundError("usage", "operator", `not a rule that can be overridden: ${unknown.join(", ")}`, {
      advice: `${near ? `Did you mean ${near}? ` : ""}Rules: ${OVERRIDABLE.join(", ")}.`,
    });
  }
  checkLimit(options.for, MAX_PERMIT_MINUTES);
  const which = rules.length === 0 ? "every rule that can be overridden" : rules.join(", ");
  return give(session, (start) => {
    const until = after(start, options.for);
    return {
      action: "break-glass",
      subject: words,
      place,
      question: `Releases of ${words} are let through until ${until} in spite of ${which}. Break the glass?`,
      done: `releases of ${words} are let through until ${until} in spite of ${which}; each use is recorded with the release`,
      nothing: "",
      next: `End it before with: goaround guard --action end-break-glass ${flag} --reason "…"`,
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

/** Ends every order to let releases of the function, or of all functions, through. */
export function endGlass(session: Session, options: ScopeOptions): Promise<Outcome> {
  const { scope, words, place } = scopeOf(options);
  return give(session, () => ({
    action: "end-break-glass",
    subject: words,
    place,
    ends: true,
    question: `Releases of ${words} are held to every rule again. End the break-glass?`,
    done: `no break-glass is in force for ${words}`,
    nothing: `nothing to do: no break-glass is in force for ${words}`,
    change: (record, _by, now) => {
      const wide = record.breakGlass.find((order) => order.functionName === undefined && isInForce(order, now));
      if (wide && scope !== ALL_FUNCTIONS) {
        const { by, until, reason } = wide;
        const advice = `End that one: goaround guard --action end-break-glass --all --reason "…"`;
        throw stillInForce(`releases of ${words} are let through`, `${by} until ${until}: ${reason}`, advice);
      }
      return endBreakGlass(record, scope, now);
    },
  }));
}

export function allowStep(session: Session, options: StepOptions): Promise<Outcome> {
  const { functionName, step } = options;
  const minutes = options.for ?? STEP_MINUTES;
  checkLimit(minutes, MAX_PERMIT_MINUTES);
  return give(session, (start) => {
    const until = after(start, minutes);
    return {
      action: "allow-step",
      subject: `${functionName} ${step}`,
      place: { functionName },
      question: `No rollback takes ${step} of ${functionName} back. Let it through until ${until}?`,
      done: `a release of ${functionName} with step ${step} is let through until ${until}; that is recorded with the release, and every rollback behind it says that the step stays`,
      nothing: "",
      next: `End it before with: goaround guard --action end-allow-step --function-name ${functionName} --step ${step} --reason "…"`,
      change: (record, by, now) =>
        allowed(record, { functionName, step, reason: session.options.reason!, by, at: now.toISOString(), until }, now),
    };
  });
}

/** A step that a release has taken meanwhile stays taken. */
export function endStep(session: Session, { functionName, step }: StepOptions): Promise<Outcome> {
  return give(session, () => ({
    action: "end-allow-step",
    subject: `${functionName} ${step}`,
    place: { functionName },
    ends: true,
    question: `A release of ${functionName} with step ${step} is refused again. End the order?`,
    done: `step ${step} of ${functionName} is let through no more`,
    nothing: `nothing to do: step ${step} of ${functionName} is not let through`,
    change: (record, _by, now) => endAllowedStep(record, { functionName, step }, now),
  }));
}
