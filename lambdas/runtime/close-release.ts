import type { Verdict } from "../../lib/core/judge/types.ts";
import type { Clock, LedgerPort, NotifierPort } from "../../lib/core/ports.ts";
import { withOutcome } from "../../lib/core/release/alias-history.ts";
import { conclude, isBaselineUnhealthy } from "../../lib/core/release/conclusion.ts";
import { DISARMED } from "../../lib/core/release/environment-record.ts";
import { promoted } from "../../lib/core/release/ledger-rules.ts";
import { releaseNotification } from "../../lib/core/release/messages.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import type { Log } from "./log.ts";
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
  const { clock, ledger } = ports;
  const { deploymentId, functionName, alias, verdict, policy } = release;
  const conclusion = verdict && conclude(verdict, policy);
  const now = clock.now();
  if (!release.closedAt) {
    const outcome = release.outcome === "open" ? "promoted" : release.outcome;
    const ended = { outcome, closedAt: now.toISOString() };
    await ledger.changeAlias(functionName, alias, (record) => ({
      ...withOutcome(record, { deploymentId, ...ended }),
      ...(conclusion?.knownGood === false ? {} : promoted(record, release, now)),
    }));
    await ledger.updateRelease(deploymentId, ended);
  }
  if (!conclusion?.notify || release.outcome === "flags-off") return;
  if (closing.flagsFirst && release.flags.length > 0 && isBaselineUnhealthy(verdict)) return;
  const telling = { deploymentId, claim: "notify-promoted", owner: closing.owner };
  await tellOnce(ports, telling, promotedNotification(environment, release, now), log);
}

const whyLeft = ({ findings }: Verdict) =>
  findings.find(({ code }) => code === DISARMED)?.message ?? "automatic rollback is switched off for this function";

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
