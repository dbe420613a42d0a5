import { withinBudget } from "../deadline.ts";
import type { Clock, FlagTarget, LedgerPort } from "../ports.ts";
import { type EnvironmentRecord, type KilledFlag, killedFlagKey, rememberKilled } from "./environment-record.ts";

/** The flags are off by then; writing it down may not hold up what comes after. */
const WRITE_LIMIT_MS = 2000;

export interface Kill {
  target: FlagTarget;
  flags: readonly string[];
  by: string;
  reason: string;
  version: number | undefined;
}

/**
 * Writes down that flags were killed, so that no later deploy switches them on before a person has released them. A flag
 * that is held already keeps its first entry. Throws when the ledger does not take it within two seconds.
 */
export async function recordKill(
  ports: { ledger: Pick<LedgerPort, "changeEnvironment">; clock: Clock },
  { target, flags, by, reason, version }: Kill,
): Promise<void> {
  if (flags.length === 0) return;
  const at = ports.clock.now().toISOString();
  const killed = flags.map((flag): KilledFlag => ({ ...target, flag, at, by, reason, version }));
  await withinBudget(ports.clock, WRITE_LIMIT_MS, () =>
    ports.ledger.changeEnvironment((record) => {
      const fresh = killed.filter((flag) => !record.killedFlags[killedFlagKey(flag)]);
      return fresh.length === 0 ? undefined : rememberKilled(record, fresh);
    }),
  );
}

/** What is held of a profile; `environmentId` undefined: in whichever environment. */
export const killedIn = (
  record: Pick<EnvironmentRecord, "killedFlags">,
  place: { applicationId: string; environmentId?: string; profileId: string },
): KilledFlag[] =>
  Object.values(record.killedFlags).filter(
    (flag) =>
      flag.applicationId === place.applicationId &&
      flag.profileId === place.profileId &&
      (place.environmentId === undefined || flag.environmentId === place.environmentId),
  );

export const describeKilled = ({ flag, at, by, reason }: KilledFlag): string =>
  `${flag} was switched off on ${at} by ${by} (${reason}) and stays off until it is released: ${releaseCommand(flag)}`;

export const releaseCommand = (flag: string) => `goaround flags release ${flag} --reason "why it is safe again"`;
