import type { Reason } from "../../lib/core/judge/types.ts";
import type { AliasState } from "../../lib/core/ports.ts";
import { putBackTo, withKnownBad } from "../../lib/core/release/ledger-rules.ts";
import { type ReleaseNews, releaseNotification } from "../../lib/core/release/messages.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { bestEffort, mayAct, type Response } from "./responder.ts";

/** Remembers that an artifact is bad, so that it is refused next time. False when it could not be written. */
export function rememberBad(response: Response, release: ReleaseRecord, reason: string): Promise<boolean> {
  const { ledger, clock } = response.ports;
  return bestEffort(response, "remembering the bad version", async () => {
    const record = await ledger.getAlias(release.functionName, release.alias);
    const knownBad = withKnownBad(record, release, reason, clock.now());
    await ledger.putAlias(release.functionName, release.alias, { knownBad });
  });
}

/** Takes a rolled-back version off the place of the last known good, if it had got there. False when it failed. */
export function rememberPutBack(response: Response, release: ReleaseRecord, version: string): Promise<boolean> {
  const { ledger, clock, functions } = response.ports;
  return bestEffort(response, "remembering what serves now", async () => {
    const record = await ledger.getAlias(release.functionName, release.alias);
    if (record?.lastKnownGood?.version !== release.canaryVersion) return;
    const info = await functions.getVersion(release.functionName, version);
    if (!info) return;
    const changes = putBackTo(info, release.deploymentId, clock.now());
    await ledger.putAlias(release.functionName, release.alias, changes);
  });
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
 * Tells people once for each claim. A notification that cannot be sent fails the response, so that Lambda tries again
 * under the same claim; everything else has been done by then and is not done twice.
 */
export async function tell(
  response: Response,
  claim: string,
  news: Omit<ReleaseNews, "environment" | "aliasState"> & { aliasState?: AliasState | undefined },
): Promise<void> {
  if (!(await mayAct(response, news.release.deploymentId, claim))) return;
  const { functionVersion, weights } = news.aliasState ?? {};
  const aliasState = functionVersion === undefined ? undefined : { functionVersion, weights: weights ?? {} };
  const notification = releaseNotification({ ...news, environment: response.environment, aliasState });
  await response.ports.notifier.notify(notification);
}

/** A reason that is a fact and not a measurement. */
export const fact = (code: string, message: string): Reason => ({
  code,
  message,
  observed: null,
  limit: null,
  baseline: null,
  samples: 0,
});
