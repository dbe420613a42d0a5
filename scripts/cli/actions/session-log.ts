import type { Log } from "../../../lib/core/log.ts";
import type { Session } from "../session.ts";

/** Where a decision that also runs in a Lambda logs when a person watches: details on request, warnings always. */
export const logOf = (session: Session): Log => ({
  info: (message, facts) => session.detail(line(message, facts)),
  warn: (message, facts) => session.say(`  ${line(message, facts)}`),
  error: (message, facts) => session.warn(line(message, facts)),
});

const line = (message: string, facts: Record<string, unknown> = {}) =>
  Object.keys(facts).length === 0 ? message : `${message}: ${JSON.stringify(facts)}`;
