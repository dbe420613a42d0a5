import type { VersionInfo } from "../../../lib/core/ports.ts";
import { putBackTo, withKnownBad } from "../../../lib/core/release/ledger-rules.ts";
import type { Release } from "../lookup.ts";
import { DEFAULT_REASON } from "../options.ts";
import type { Session } from "../session.ts";

/** Stands for a release in the ledger where a person chose the version. */
const MANUAL = "manual-rollback";

/**
 * Writes down which versions a person found bad (`leaving`), so that the same artifact is not released again, where the
 * alias now is, and that the release is over. A mere stop says nothing against a version: it leaves none. The traffic is
 * back before this runs; a ledger that does not answer is a warning. False when it could not be written.
 */
export async function recordRollback(
  session: Session,
  where: Pick<Release, "functionName" | "alias"> & Partial<Pick<Release, "deployment" | "canaryVersion">>,
  target: VersionInfo | undefined,
  leaving: readonly string[],
): Promise<boolean> {
  const { ledger, functions, discovery } = session.ports;
  const { functionName, alias, deployment } = where;
  const at = session.clock.now();
  const reason = session.options.reason ?? DEFAULT_REASON;
  const releaseId = deployment?.deploymentId ?? MANUAL;
  try {
    const record = await ledger.getAlias(functionName, alias);
    let knownBad = { ...record?.knownBad };
    for (const version of leaving) {
      const info = await functions.getVersion(functionName, version);
      if (!info) continue;
      const left = {
        canaryCodeSha256: info.codeSha256,
        canaryConfigurationHash: info.configurationHash,
        canaryVersion: version,
        deploymentId: version === where.canaryVersion ? releaseId : MANUAL,
      };
      knownBad = withKnownBad(record && { ...record, knownBad }, left, reason, at);
    }
    const good = record?.lastKnownGood;
    const moveGood = target !== undefined && (good === undefined || leaving.includes(good.version));
    if (leaving.length > 0 || moveGood) {
      await ledger.putAlias(functionName, alias, { knownBad, ...(moveGood ? putBackTo(target, MANUAL, at) : {}) });
    }
    if (deployment && (await ledger.getRelease(deployment.deploymentId))) {
      const { arn } = await discovery.identity();
      await ledger.updateRelease(deployment.deploymentId, {
        outcome: "rolled-back",
        closedAt: at.toISOString(),
        reason,
        actor: arn,
      });
    }
    return true;
  } catch (error) {
    if (session.signal.aborted) throw error;
    session.warn(
      `the ledger could not be written (${(error as Error).message})` +
        (leaving.length > 0 ? `; version ${leaving.join(", ")} is not recorded as known bad` : ""),
    );
    return false;
  }
}
