import type { FlagTarget } from "../../../lib/core/ports.ts";
import { type FlagKill, type FlagKillResult, killFlags } from "../../../lib/core/release/flag-kill.ts";
import { recordKill } from "../../../lib/core/release/killed-flags.ts";
import type { Session } from "../session.ts";

/** Names or ids, as people give them. */
export interface FlagPlace {
  applicationId: string;
  environmentId: string;
  profileId: string;
}

/** Throws GoaroundError `flags-missing` naming what does not exist. */
export const flagTargetOf = (session: Session, place: FlagPlace): Promise<FlagTarget> =>
  session.ports.flags.resolve({
    application: place.applicationId,
    environment: place.environmentId,
    profile: place.profileId,
  });

type OfSession = "environment" | "signal" | "onProgress" | "pollMs";

/** Switches flags off while a person watches: steps are told, Ctrl-C ends it. Throws as `killFlags`. */
export const killInSession = (session: Session, kill: Omit<FlagKill, OfSession>): Promise<FlagKillResult> =>
  killFlags(
    { ...session.ports, clock: session.clock },
    {
      ...kill,
      environment: session.environment,
      signal: session.signal,
      onProgress: (line, severity) => (severity === "warning" ? session.warn(line) : session.say(`  ${line}`)),
      ...(session.options.pollSeconds === undefined ? {} : { pollMs: session.options.pollSeconds * 1000 }),
    },
  );

/** Flags that were killed stay off through later deploys. The kill itself does not fail for the ledger. */
export async function holdOff(
  session: Session,
  target: FlagTarget,
  flags: readonly string[],
  reason: string,
  version: number | undefined,
): Promise<void> {
  const write = async () => {
    const { arn: by } = await session.ports.discovery.identity();
    await recordKill({ ...session.ports, clock: session.clock }, { target, flags, by, reason, version });
  };
  await session.attempt("that the flags stay off is not written down, a later deploy may switch them on", write());
}
