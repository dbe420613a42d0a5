import { factsOf, type Log } from "../../lib/core/log.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { flagReasons, harmfulFlags } from "../../lib/core/release/release-flags.ts";
import type { Shift } from "../../lib/core/release/shift.ts";
import type { ResponderPort } from "../../lib/core/release/watch-ports.ts";
import { type FlagLookPorts, judgeFlags, nextFlagLook } from "../runtime/judge-flags.ts";

export interface FlagWatcherPorts extends FlagLookPorts {
  responder: Pick<ResponderPort, "switchOff">;
}

/** When nothing has come of asking the responder, it is asked again. Milliseconds. */
const ASK_AGAIN_MS = 60_000;
/** What could not be read is asked for again. Milliseconds. */
const RETRY_MS = 15_000;

/**
 * Looks at the flags of a release beside its versions, from the first minute of the shift to the end of the bake. A flag
 * that is harmful by itself goes off while the code stays; where the code is judged bad as well, the rollback takes the
 * flags with it.
 */
export async function watchFlags(
  ports: FlagWatcherPorts,
  release: ReleaseRecord,
  { shift, early }: { shift: Shift; early?: Date | undefined },
  log: Log,
): Promise<{ changes: Partial<ReleaseRecord> | undefined; nextAt: Date | undefined }> {
  const since = shift.startedAt;
  const now = ports.clock.now();
  const looked = await judgeFlags(ports, release, { since, early }, log);
  const current = { ...release, ...(looked ? { flagWatch: looked } : {}) };
  const asked = await askToSwitchOff(ports, current, now, log);
  const due = nextFlagLook(current, since)?.getTime();
  return {
    changes: asked ?? (looked && { flagWatch: looked }),
    nextAt: due === undefined ? undefined : new Date(Math.max(due, now.getTime() + RETRY_MS)),
  };
}

async function askToSwitchOff(
  { responder }: FlagWatcherPorts,
  release: ReleaseRecord,
  now: Date,
  log: Log,
): Promise<Partial<ReleaseRecord> | undefined> {
  const { deploymentId, flagWatch, judging, policy } = release;
  const flags = harmfulFlags(release);
  if (!flagWatch || flags.length === 0 || !policy.automaticRollback) return undefined;
  if (judging?.verdict.kind === "rollback") return undefined;
  if (flagWatch.askedAt !== undefined && now.getTime() - Date.parse(flagWatch.askedAt) < ASK_AGAIN_MS) return undefined;
  log.warn("asking for flags to be switched off", { deploymentId, flags });
  try {
    await responder.switchOff(deploymentId, flags, flagReasons(release, "harmful"));
  } catch (error) {
    log.error("the responder could not be asked", { deploymentId, ...factsOf(error) });
    return undefined;
  }
  return { flagWatch: { ...flagWatch, askedAt: now.toISOString() } };
}
