import type { Clock, LedgerPort, NotifierPort } from "../../lib/core/ports.ts";
import { conclude, isBaselineUnhealthy } from "../../lib/core/release/conclusion.ts";
import { promoted } from "../../lib/core/release/ledger-rules.ts";
import { releaseNotification } from "../../lib/core/release/messages.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";

interface Closing {
  /** Owner of the claim to notify. */
  owner: string;
  /** Leaves the notification to the responder where it is about to switch flags off, so that there is one. */
  flagsFirst: boolean;
}

interface ClosePorts {
  clock: Clock;
  ledger: LedgerPort;
  notifier: NotifierPort;
}

/**
 * The books of a release that went through: known good, closed, and people told when something was not known or not
 * well. Post-traffic does it, and the responder again when the deployment has succeeded, in case post-traffic was cut
 * off: doing it twice changes nothing.
 */
export async function closePromoted(
  ports: ClosePorts,
  environment: string,
  release: ReleaseRecord,
  closing: Closing,
): Promise<void> {
  const { clock, ledger } = ports;
  const { deploymentId, functionName, alias, verdict, policy } = release;
  const conclusion = verdict && conclude(verdict, policy);
  const now = clock.now();
  if (!release.closedAt) {
    if (conclusion?.knownGood !== false) {
      const record = await ledger.getAlias(functionName, alias);
      await ledger.putAlias(functionName, alias, promoted(record, release, now));
    }
    const outcome = release.outcome === "open" ? "promoted" : release.outcome;
    await ledger.updateRelease(deploymentId, { outcome, closedAt: now.toISOString() });
  }
  if (!conclusion?.notify || release.outcome === "flags-off") return;
  if (closing.flagsFirst && release.flags.length > 0 && isBaselineUnhealthy(verdict)) return;
  if (!(await ledger.claim(deploymentId, "notify-promoted", closing.owner))) return;
  await ports.notifier.notify(promotedNotification(environment, release, now));
}

function promotedNotification(environment: string, release: ReleaseRecord, now: Date) {
  const { verdict } = release;
  const bad = verdict?.kind === "rollback";
  return releaseNotification({
    environment,
    release,
    outcome: "promoted",
    severity: bad ? "critical" : "warning",
    reasons: verdict?.kind === "promote" ? [] : (verdict?.reasons ?? []),
    findings: [...(verdict?.findings ?? []), ...(release.admissionFindings ?? [])],
    durationSeconds: (now.getTime() - Date.parse(release.openedAt)) / 1000,
    trouble: bad ? "the version is bad and automatic rollback is switched off for this function" : undefined,
  });
}
