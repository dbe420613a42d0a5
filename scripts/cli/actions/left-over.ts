import { withOutcome } from "../../../lib/core/release/alias-history.ts";
import type { ReleaseRecord } from "../../../lib/core/release/records.ts";
import { DEFAULT_REASON } from "../options.ts";
import { done, type Outcome, planned, type Session } from "../session.ts";
import { notRecorded } from "./record.ts";
import { removeThresholdAlarms } from "./threshold-alarm.ts";

/**
 * Ends, in the ledger, a release that a command drove and left open without traffic: nothing is to be moved, and nothing is
 * said against its version. A command that still drives it finds it closed and ends. False when it could not be written.
 */
export async function closeLeftOver(session: Session, release: ReleaseRecord): Promise<boolean> {
  const { functionName, alias, deploymentId } = release;
  const { ledger, discovery } = session.ports;
  const outcome = "failed" as const;
  const closing = async () => {
    const closedAt = session.clock.now().toISOString();
    const { arn: actor } = await discovery.identity();
    const reason = session.options.reason ?? DEFAULT_REASON;
    await ledger.updateRelease(deploymentId, { outcome, closedAt, reason, actor });
    await ledger.changeAlias(functionName, alias, (record) => withOutcome(record, { deploymentId, outcome, closedAt }));
    return true;
  };
  const isClosed = await session.attempt(`release ${deploymentId} could not be closed`, closing());
  if (!isClosed) return false;
  session.say(`  closed release ${deploymentId} of version ${release.canaryVersion}, which had no traffic`);
  await removeThresholdAlarms(session, release.temporaryAlarms);
  return true;
}

/** The same where nothing else is to be done. */
export async function endLeftOver(session: Session, release: ReleaseRecord, before: Outcome): Promise<Outcome> {
  const { deploymentId } = release;
  const data = { ...before.data, closedRelease: deploymentId };
  if (session.options.dryRun) return planned(`nothing to move; would close release ${deploymentId}`, before.data);
  if (!(await closeLeftOver(session, release))) return notRecorded(before.message, before.data ?? {});
  const message = `closed release ${deploymentId}, which had no traffic; the alias stays as it is`;
  return before.exitCode === 0 ? done(message, data) : { ...before, data };
}
