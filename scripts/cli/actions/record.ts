import type { VersionInfo } from "../../../lib/core/ports.ts";
import { withOutcome } from "../../../lib/core/release/alias-history.ts";
import { withRollback } from "../../../lib/core/release/cooldown.ts";
import { putBackTo, withKnownBad } from "../../../lib/core/release/ledger-rules.ts";
import type { AliasRecord } from "../../../lib/core/release/records.ts";
import { EXIT } from "../exit-codes.ts";
import type { Release } from "../lookup.ts";
import { DEFAULT_REASON } from "../options.ts";
import type { Outcome, Session } from "../session.ts";

/** Stands for a release in the ledger where a person chose the version. */
const MANUAL = "manual-rollback";

/** A release whose version was left. */
export type LeftRelease = Pick<Release, "functionName" | "alias" | "canaryVersion"> & {
  deployment: Pick<Release["deployment"], "deploymentId">;
};

export interface Judged {
  /** Default: what the operator gave. */
  reason?: string;
  /** The judge's doing, and not a person's. */
  automatic?: boolean;
  /** False: nothing is said against the versions that are left. */
  isBad?: boolean;
}

/**
 * Writes down which versions a person found bad (`leaving`), so that the same artifact is not released again, where the
 * alias now is, and that the release is over. A mere stop says nothing against a version: it leaves none. The traffic is
 * back before this runs; a ledger that does not answer is a warning. False when it could not be written.
 */
export async function recordRollback(
  session: Session,
  where: Pick<LeftRelease, "functionName" | "alias"> & Partial<LeftRelease>,
  target: VersionInfo | undefined,
  leaving: readonly string[],
  { reason = session.options.reason ?? DEFAULT_REASON, automatic = false, isBad = true }: Judged = {},
): Promise<boolean> {
  const { ledger, discovery } = session.ports;
  const { functionName, alias, deployment } = where;
  const at = session.clock.now();
  const releaseId = deployment?.deploymentId ?? MANUAL;
  const rollbackId = deployment?.deploymentId ?? `${MANUAL}/${at.toISOString()}`;
  try {
    const left = await readVersions(session, where, releaseId, isBad ? leaving : []);
    const { arn } = await discovery.identity();
    const closedAt = at.toISOString();
    await ledger.changeAlias(functionName, alias, (record) => {
      const base = record ?? { functionName, alias, lastKnownGood: undefined, knownBad: {} };
      const knownBad = left.reduce(
        (bad, one) => withKnownBad({ ...base, knownBad: bad }, one, reason, at),
        base.knownBad,
      );
      const good = base.lastKnownGood;
      const moveGood = target !== undefined && (good === undefined || leaving.includes(good.version));
      if (leaving.length === 0 && !moveGood) return undefined;
      const rollback = {
        id: rollbackId,
        at: closedAt,
        automatic,
        actor: arn,
        deploymentId: deployment?.deploymentId,
      };
      const outcome = deployment && withOutcome(record, { deploymentId: releaseId, outcome: "rolled-back", closedAt });
      return {
        knownBad,
        ...(moveGood ? putBackTo(record, target, MANUAL, at) : {}),
        ...outcome,
        ...(target && leaving.length > 0
          ? { rollbacks: withRollback(record, { ...rollback, to: target.version, left: [...leaving] }) }
          : {}),
      };
    });
    if (deployment && (await ledger.getRelease(deployment.deploymentId))) {
      await ledger.updateRelease(deployment.deploymentId, {
        outcome: "rolled-back",
        closedAt,
        reason,
        actor: arn,
      });
    }
    return true;
  } catch (error) {
    if (session.signal.aborted) throw error;
    session.warn(
      `the ledger could not be written (${(error as Error).message})` +
        (isBad && leaving.length > 0 ? `; version ${leaving.join(", ")} is not recorded as known bad` : ""),
    );
    return false;
  }
}

/**
 * Beside the stop: who tells that the release has ended reads the reason there. Written afterwards it would be missing in
 * the notification, or be overwritten by what CodeDeploy says of the stop.
 */
export async function noteReason(session: Session, deploymentId: string): Promise<void> {
  const { ledger } = session.ports;
  const { reason } = session.options;
  if (reason === undefined) return;
  const note = async () => {
    if (await ledger.getRelease(deploymentId)) await ledger.updateRelease(deploymentId, { reason });
  };
  await session.attempt("the reason is not in the ledger yet", note());
}

/** What the versions that were left consisted of; one that has been deleted meanwhile is left out. */
async function readVersions(
  session: Session,
  where: Pick<LeftRelease, "functionName"> & Partial<Pick<LeftRelease, "canaryVersion">>,
  releaseId: string,
  versions: readonly string[],
) {
  const infos = await Promise.all(
    versions.map((version) => session.ports.functions.getVersion(where.functionName, version)),
  );
  return infos
    .filter((info) => info !== undefined)
    .map((info) => ({
      canaryCodeSha256: info.codeSha256,
      canaryConfigurationHash: info.configurationHash,
      canaryVersion: info.version,
      deploymentId: info.version === where.canaryVersion ? releaseId : MANUAL,
    }));
}

/** Traffic is where it belongs; the same command again writes down why. */
export const notRecorded = (message: string, data: Record<string, unknown>, next = ""): Outcome => ({
  exitCode: EXIT.partlyDone,
  code: "partly-done",
  message: `${message}; traffic is back, but the ledger does not know it yet`,
  advice: `Run the same command again when the ledger answers. ${next}`.trim(),
  data,
});

/**
 * Whether the ledger knows that this release was undone: somebody has signed its record. One that no hook saw has none;
 * then its version must be among `knownBad`, where that is given.
 */
export async function isOnRecord(
  session: Session,
  { deployment, canaryVersion }: LeftRelease,
  knownBad?: AliasRecord["knownBad"],
): Promise<"yes" | "no" | "unknown"> {
  const { deploymentId } = deployment;
  const found = await session.attempt(
    "the release record could not be read",
    session.ports.ledger.getRelease(deploymentId).then((record) => ({ record })),
  );
  if (!found) return "unknown";
  const { record } = found;
  const isKnown = record
    ? record.outcome === "rolled-back" && record.actor !== undefined
    : !knownBad || Object.values(knownBad).some((entry) => entry.version === canaryVersion);
  return isKnown ? "yes" : "no";
}
