import type { Reason } from "../../lib/core/judge/types.ts";
import type { AliasState } from "../../lib/core/ports.ts";
import type { AlarmEvent } from "../../lib/core/release/events.ts";
import type { RollbackRecord } from "../../lib/core/release/journal.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { tell } from "./books.ts";
import { checkRestored } from "./check-restored.ts";
import { killOrAwait, seeToFlags } from "./flags-off.ts";
import { groupBack } from "./group.ts";
import { GOES_BACK, putBack, reasonsFor, recordPutBack, rolledBack } from "./guard-time.ts";
import { takeStepsBack } from "./plan-steps.ts";
import { putAliasBack } from "./put-back.ts";
import { booksOpen, type Response } from "./responder.ts";
import { readStanding } from "./standing.ts";

/**
 * The alias is back already, by a run that was cut off or could not write: what it may have left is done. All of it looks
 * first, and who has told people does not tell them again.
 */
export async function finishPutBack(
  response: Response,
  event: AlarmEvent,
  release: ReleaseRecord,
  { alias: { functionVersion: to }, journal }: { alias: AliasState; journal: RollbackRecord | undefined },
): Promise<void> {
  if ((await readStanding(response, release)).disarmed) return;
  const reasons = reasonsFor(event);
  // A journal that nobody has ended is taken up, and closed.
  if (release.outcome !== "rolled-back" || (journal && !journal.result)) {
    const move = () => putAliasBack(response, release, to, { reason: reasons[0]!.message });
    return putBack(response, release, reasons, killOrAwait(response, release, rolledBack(release)), move);
  }
  const { left, results, isToldNow } = await finishBeside(response, release, reasons, to);
  if (left) throw left;
  await seeToFlags(response, release, results, isToldNow);
}

/**
 * The alias was put back without a word in the journal. By a person: that is written down. By the guard while the ledger did not
 * answer: who did it may have died before anything else was done, and before anybody was told.
 */
export async function recordLate(response: Response, event: AlarmEvent, release: ReleaseRecord): Promise<void> {
  const { deploymentId, baselineVersion } = release;
  const reasons = reasonsFor(event);
  const [{ disarmed }, isOurs] = await Promise.all([
    readStanding(response, release),
    response.ports.ledger.wasClaimed(deploymentId, GOES_BACK),
  ]);
  const rest = isOurs && !disarmed ? await finishBeside(response, release, reasons, baselineVersion) : undefined;
  // After people were told: what is on record as rolled back is not taken up again.
  const isWritten = await recordPutBack(response, release, { functionVersion: baselineVersion }, reasons);
  if (!rest && !disarmed) await takeStepsBack(response, release, baselineVersion, deploymentId);
  if (rest?.left) throw rest.left;
  if (!isWritten) throw booksOpen(deploymentId);
  if (rest) await seeToFlags(response, release, rest.results, rest.isToldNow);
}

/** What a rollback does besides moving the alias. */
async function finishBeside(response: Response, release: ReleaseRecord, reasons: Reason[], to: string) {
  const others = groupBack(response, release, reasons[0]!.message);
  const flags = await killOrAwait(response, release, rolledBack(release));
  const isToldNow = await tell(response, "notify-guard", {
    release,
    outcome: "rolled-back",
    severity: "critical",
    reasons,
    findings: await checkRestored(response, release, { functionVersion: to }, flags),
    flags,
    drifted: true,
    aliasState: await response.ports.functions.getAlias(release.functionName, release.alias),
  });
  await takeStepsBack(response, release, to, release.deploymentId);
  return { results: flags, isToldNow, left: await others };
}
