import type { Clock, LedgerPort } from "../ports.ts";
import { withOutcome } from "./alias-history.ts";
import { conclude } from "./conclusion.ts";
import { promoted, releasedBy } from "./ledger-rules.ts";
import type { ReleaseRecord } from "./records.ts";

interface BooksPorts {
  clock: Clock;
  ledger: Pick<LedgerPort, "changeAlias" | "updateRelease">;
}

/** Writes down that a release went through, and its version as known good unless it was judged bad. Twice changes nothing. */
export async function closeBooks({ clock, ledger }: BooksPorts, release: ReleaseRecord): Promise<void> {
  if (release.closedAt) return;
  const { deploymentId, functionName, alias, verdict, policy } = release;
  const conclusion = verdict && conclude(verdict, policy);
  const now = clock.now();
  const outcome = release.outcome === "open" ? "promoted" : release.outcome;
  const ended = { outcome, closedAt: now.toISOString() };
  await ledger.changeAlias(functionName, alias, (record) => ({
    ...withOutcome(record, { deploymentId, ...ended }),
    ...(conclusion?.knownGood === false ? releasedBy(release) : promoted(record, release, now)),
  }));
  await ledger.updateRelease(deploymentId, ended);
}
