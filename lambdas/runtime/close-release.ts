import type { Verdict } from "../../lib/core/judge/types.ts";
import type { Log } from "../../lib/core/log.ts";
import type { Clock, LedgerPort, NotifierPort } from "../../lib/core/ports.ts";
import { closeBooks } from "../../lib/core/release/close-books.ts";
import { conclude, isBaselineUnhealthy } from "../../lib/core/release/conclusion.ts";
import { DISARMED, heldWords } from "../../lib/core/release/environment-record.ts";
import { releaseNotification } from "../../lib/core/release/messages.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { tellOnce } from "./tell-once.ts";

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
  log: Log,
): Promise<void> {
  const { deploymentId, verdict, policy } = release;
  const conclusion = verdict && conclude(verdict, policy);
  const now = ports.clock.now();
  await closeBooks(ports, release);
  if (!conclusion?.notify || release.outcome === "flags-off") return;
  if (closing.flagsFirst && release.flags.length > 0 && isBaselineUnhealthy(verdict)) return;
  const telling = { deploymentId, claim: "notify-promoted", owner: closing.owner };
  await tellOnce(ports, telling, promotedNotification(environment, release, now), log);
}

const whyLeft = ({ findings }: Verdict) =>
  findings.find(({ code }) => code === DISARMED)?.message ?? heldWords(undefined);

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
    trouble: bad ? `the version is bad and ${whyLeft(verdict)}` : undefined,
  });
}
