import { withinBudget } from "../../lib/core/deadline.ts";
import type { AliasState } from "../../lib/core/ports.ts";
import { withOutcome } from "../../lib/core/release/alias-history.ts";
import { withRollback } from "../../lib/core/release/cooldown.ts";
import { putBackTo, withKnownBad } from "../../lib/core/release/ledger-rules.ts";
import { type ReleaseNews, releaseNotification } from "../../lib/core/release/messages.ts";
import { recordFlags } from "../../lib/core/release/record-flags.ts";
import type { AliasRecord, ReleaseOutcome, ReleaseRecord } from "../../lib/core/release/records.ts";
import { tellOnce } from "../runtime/tell-once.ts";
import { bestEffort, type Response } from "./responder.ts";

/** Remembers that an artifact is bad, so that it is refused next time. False when it could not be written. */
export function rememberBad(response: Response, release: ReleaseRecord, reason: string): Promise<boolean> {
  const { ledger, clock } = response.ports;
  const now = clock.now();
  return bestEffort(response, "remembering the bad version", () =>
    ledger.changeAlias(release.functionName, release.alias, (record) => ({
      knownBad: withKnownBad(record, release, reason, now),
    })),
  );
}

/** Takes a rolled-back version off the place of the last known good, if it had got there. False when it failed. */
export function rememberPutBack(response: Response, release: ReleaseRecord, version: string): Promise<boolean> {
  const { ledger, clock, functions } = response.ports;
  const { functionName, alias, canaryVersion, deploymentId } = release;
  const isGood = (record: AliasRecord | undefined) => record?.lastKnownGood?.version === canaryVersion;
  return bestEffort(response, "remembering what serves now", async () => {
    if (!isGood(await ledger.getAlias(functionName, alias))) return;
    const info = await functions.getVersion(functionName, version);
    if (!info) return;
    const now = clock.now();
    await ledger.changeAlias(functionName, alias, (record) =>
      isGood(record) ? putBackTo(record, info, deploymentId, now) : undefined,
    );
  });
}

/** How a release ended, in its alias's history. False when it could not be written. */
export function rememberOutcome(response: Response, release: ReleaseRecord, outcome: ReleaseOutcome): Promise<boolean> {
  const { ledger, clock } = response.ports;
  const { functionName, alias, deploymentId } = release;
  const closedAt = release.closedAt ?? clock.now().toISOString();
  return bestEffort(response, "the alias's history", () =>
    ledger.changeAlias(functionName, alias, (record) => withOutcome(record, { deploymentId, outcome, closedAt })),
  );
}

/** An automatic rollback of the alias: cooldown and latch count them. False when it could not be written. */
export function rememberRollback(response: Response, release: ReleaseRecord, to: string): Promise<boolean> {
  const { ledger, clock } = response.ports;
  const { functionName, alias, deploymentId, canaryVersion } = release;
  const at = clock.now().toISOString();
  const entry = { id: deploymentId, at, automatic: true, actor: "respond", to, left: [canaryVersion], deploymentId };
  return bestEffort(response, "counting the rollback", () =>
    // A second delivery of the event does not prolong the cooldown.
    ledger.changeAlias(functionName, alias, (record) =>
      record?.rollbacks?.some(({ id }) => id === deploymentId) ? undefined : { rollbacks: withRollback(record, entry) },
    ),
  );
}

/** Three calls a profile, and five profiles at most. Milliseconds. */
const FLAGS_LIMIT_MS = 20_000;

/** The flag contents that a release ended well with, for those who want back to them. */
export function rememberFlags(response: Response, release: ReleaseRecord, mode: "first" | "again"): Promise<boolean> {
  const { ports } = response;
  return bestEffort(response, "recording what is deployed of the release's flags", () =>
    withinBudget(ports.clock, FLAGS_LIMIT_MS, () => recordFlags(ports, release, mode)),
  );
}

/** Alarms that a script made for this release have served. */
export async function removeTemporaryAlarms(response: Response, release: Partial<ReleaseRecord>): Promise<void> {
  const names = release.temporaryAlarms ?? [];
  if (names.length === 0) return;
  await bestEffort(response, "removing the release's temporary alarms", () =>
    response.ports.monitoring.deleteAlarms(names),
  );
}

/**
 * A notification that cannot be sent fails the response: Lambda tries again, and nothing but that is left to do then. False where
 * people know already.
 */
export async function tell(
  response: Response,
  claim: string,
  news: Omit<ReleaseNews, "environment" | "aliasState"> & { aliasState?: AliasState | undefined },
): Promise<boolean> {
  const { functionVersion, weights } = news.aliasState ?? {};
  const aliasState = functionVersion === undefined ? undefined : { functionVersion, weights: weights ?? {} };
  const { ports, environment, requestId: owner, log } = response;
  const { deploymentId } = news.release;
  const notification = releaseNotification({ ...news, environment, aliasState });
  return tellOnce(ports, { deploymentId, claim, owner }, notification, log);
}
