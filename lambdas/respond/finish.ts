import type { AliasState } from "../../lib/core/ports.ts";
import type { AlarmEvent } from "../../lib/core/release/events.ts";
import type { RollbackRecord } from "../../lib/core/release/journal.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { tell } from "./books.ts";
import { checkRestored } from "./check-restored.ts";
import { killOrAwait, seeToFlags } from "./flags-off.ts";
import { groupBack } from "./group.ts";
import { putBack, reasonsFor, recordPutBack, rolledBack } from "./guard-time.ts";
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
  const flags = killOrAwait(response, release, rolledBack(release));
  // A journal that nobody has ended is taken up, and closed.
  if (release.outcome !== "rolled-back" || (journal && !journal.result)) {
    const move = () => putAliasBack(response, release, to, { reason: reasons[0]!.message });
    return putBack(response, release, reasons, flags, move);
  }
  const others = groupBack(response, release, reasons[0]!.message);
  const isToldNow = await tell(response, "notify-guard", {
    release,
    outcome: "rolled-back",
    severity: "critical",
    reasons,
    findings: await checkRestored(response, release, { functionVersion: to }, await flags),
    flags: await flags,
    drifted: true,
    aliasState: await response.ports.functions.getAlias(release.functionName, release.alias),
  });
  const left = await others;
  if (left) throw left;
  await seeToFlags(response, release, await flags, isToldNow);
}

/** The alias was put back while the ledger did not answer: its entries are made up for. */
export async function recordLate(response: Response, event: AlarmEvent, release: ReleaseRecord): Promise<void> {
  const alias = { functionVersion: release.baselineVersion };
  if (!(await recordPutBack(response, release, alias, reasonsFor(event)))) throw booksOpen(release.deploymentId);
}
