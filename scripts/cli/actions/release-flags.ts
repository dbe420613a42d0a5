import type { FlagReference } from "../../../lib/contract/policy.ts";
import type { FlagResult } from "../../../lib/core/release/records.ts";
import { EXIT } from "../exit-codes.ts";
import { DEFAULT_REASON } from "../options.ts";
import type { Outcome, Session } from "../session.ts";
import { flagTargetOf, holdOff, killInSession } from "./flag-kill.ts";

/** Switches off the flags that belong to releases, profile after profile. What could not be is in the results. */
export async function switchReleaseFlagsOff(
  session: Session,
  references: readonly FlagReference[],
  reason: string,
): Promise<FlagResult[]> {
  const results: FlagResult[] = [];
  for (const reference of references) results.push(await switchOff(session, reference, reason));
  return results;
}

async function switchOff(session: Session, { flags, ...ids }: FlagReference, reason: string): Promise<FlagResult> {
  let silencedAlarms: string[] = [];
  const result = { ...ids, switchedOff: [], alreadyOff: [], seconds: undefined, failure: undefined };
  try {
    const target = await flagTargetOf(session, ids);
    const killed = await killInSession(session, {
      ...{ target, flags, reason },
      unknown: "leave-out",
      until: "effective",
      rememberSilenced: async (alarms) => {
        silencedAlarms = alarms;
      },
    });
    const known = flags.filter((flag) => !killed.unknown.includes(flag));
    await holdOff(session, target, known, reason, killed.version);
    const { switchedOff, alreadyOff, seconds } = killed;
    return { ...result, outcome: "off", switchedOff, alreadyOff, remaining: [], seconds, silencedAlarms };
  } catch (error) {
    session.throwIfInterrupted();
    const failure = (error as Error).message;
    session.warn(`${flags.join(", ")} of ${ids.profileId} could not be switched off: ${failure}`);
    return { ...result, outcome: "not-off", remaining: flags, failure, silencedAlarms };
  }
}

export const flagsLeftOn = (results: readonly FlagResult[]): string[] => results.flatMap(({ remaining }) => remaining);

/** The kill itself tells only what it changes. */
export function tellOfFlags(session: Session, flags: readonly FlagResult[]): void {
  const off = flags.flatMap(({ alreadyOff }) => alreadyOff);
  if (off.length > 0) session.say(`  off already: ${off.join(", ")}`);
  if (flags.length === 0) session.say("  the policy gives no flags to the function's releases: none to switch off");
}

/** The alias needs nothing; flags were asked for all the same. */
export async function flagsToo(
  session: Session,
  references: readonly FlagReference[],
  outcome: Outcome,
): Promise<Outcome> {
  const reason = session.options.reason ?? DEFAULT_REASON;
  const flags = await switchReleaseFlagsOff(session, references, reason);
  tellOfFlags(session, flags);
  const data = { ...outcome.data, flags };
  const left = flagsLeftOn(flags);
  if (left.length > 0) return flagsNotOff(outcome.message, left, data);
  const switched = flags.flatMap(({ switchedOff }) => switchedOff);
  if (switched.length === 0) return { ...outcome, data };
  return { ...outcome, code: "done", message: `${outcome.message}; switched off ${switched.join(", ")}`, data };
}

export const flagsNotOff = (message: string, left: readonly string[], data: Record<string, unknown>): Outcome => ({
  exitCode: EXIT.partlyDone,
  code: "partly-done",
  message: `${message}, but ${left.join(", ")} could not be switched off`,
  advice: "See the warnings above; then: goaround rollback --action rollback-flags …",
  data,
});
