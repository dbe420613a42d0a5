import { fact } from "../../lib/core/judge/reason.ts";
import type { Verdict } from "../../lib/core/judge/types.ts";
import type { Clock, LedgerPort } from "../../lib/core/ports.ts";
import { conclude } from "../../lib/core/release/conclusion.ts";
import { DISARMED, disarmedBy, disarmedWords } from "../../lib/core/release/environment-record.ts";
import { withKnownBad } from "../../lib/core/release/ledger-rules.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import type { Shift } from "../../lib/core/release/shift.ts";
import { withUndecided } from "../../lib/core/release/staged.ts";
import type { HookStatus } from "./hook.ts";

interface ConcludePorts {
  clock: Clock;
  ledger: Pick<LedgerPort, "updateRelease" | "changeAlias" | "getEnvironment">;
}

/**
 * Writes down what the end of a shift means, before CodeDeploy is told: a bad version must be known before its rollback
 * begins. Answers what was written.
 */
export async function concludeRelease(
  { clock, ledger }: ConcludePorts,
  release: ReleaseRecord,
  { verdict: judged, shift, actor }: { verdict: Verdict; shift: Shift | undefined; actor: string },
): Promise<Partial<ReleaseRecord> & { postTrafficStatus: HookStatus }> {
  const found = withUndecided(judged, release);
  const order = disarmedBy(await ledger.getEnvironment(), release.functionName, clock.now());
  const policy = order ? { ...release.policy, automaticRollback: false } : release.policy;
  const conclusion = conclude(found, policy);
  const verdict = order ? { ...found, findings: [...found.findings, fact(DISARMED, disarmedWords(order))] } : found;
  const changes = {
    verdict,
    postTrafficStatus: conclusion.status,
    ...(shift ? { shiftStartedAt: shift.startedAt.toISOString() } : {}),
    ...(conclusion.status === "Failed" ? { reason: describe(verdict), actor } : {}),
  };
  await ledger.updateRelease(release.deploymentId, changes);
  if (conclusion.knownBad) {
    const reason = verdict.reasons[0]?.code ?? verdict.kind;
    const now = clock.now();
    await ledger.changeAlias(release.functionName, release.alias, (record) => ({
      knownBad: withKnownBad(record, release, reason, now),
    }));
  }
  return changes;
}

const describe = (verdict: Verdict) => verdict.reasons.map((reason) => reason.message).join("; ");
