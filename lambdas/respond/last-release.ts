import { applicationName, type GuardedAlarm } from "../../lib/contract/names.ts";
import type { AliasState } from "../../lib/core/ports.ts";
import { mayBeItsDoing, newestAttended } from "../../lib/core/release/attended.ts";
import { isUndo } from "../../lib/core/release/deployment.ts";
import type { RollbackRecord } from "../../lib/core/release/journal.ts";
import { isOpened } from "../../lib/core/release/ledger-rules.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { unrecorded } from "../runtime/unrecorded.ts";
import { bestEffort, type Response } from "./responder.ts";

export interface LastRelease {
  /** What the alias's record calls it. */
  id: string | undefined;
  release: ReleaseRecord | undefined;
  /** The alias's newest rollback. */
  journal: RollbackRecord | undefined;
  /** False where the ledger did not answer: what is missing may be there. */
  isRead: boolean;
}

/**
 * The release that an alarm of `at` is about: the one that a command drives, where it may be its doing, or else the one that
 * brought what serves now. A ledger that cannot be read must not keep a canary from being stopped.
 */
export async function findLastRelease(
  response: Response,
  { functionName, alias }: GuardedAlarm,
  at: Date | undefined,
  read: () => Promise<AliasState>,
): Promise<LastRelease> {
  const { ledger, clock } = response.ports;
  let id: string | undefined;
  let release: ReleaseRecord | undefined;
  let journal: RollbackRecord | undefined;
  let isRead = await bestEffort(response, "reading the last release", async () => {
    const record = await ledger.getAlias(functionName, alias);
    const lastId = record?.lastReleaseId ?? record?.lastKnownGood?.deploymentId;
    const red = at ?? clock.now();
    const driven = newestAttended(record);
    const isOver = driven?.closedAt !== undefined && red > new Date(driven.closedAt);
    id = driven && !isOver ? driven.deploymentId : lastId;
    let found = id === undefined ? undefined : await ledger.getRelease(id);
    if (driven && id === driven.deploymentId && isOpened(found)) {
      journal = await ledger.getRollback(functionName, alias);
      if (!mayBeItsDoing(found, { at: red, record, alias: await read(), journal })) {
        response.log.info("a release that a command drove has no part in it", { deploymentId: id });
        id = lastId;
        found = id === undefined ? undefined : await ledger.getRelease(id);
      }
    }
    release = isOpened(found) ? found : undefined;
  });
  if (isRead && release && !journal) {
    isRead = await bestEffort(response, "reading the journal", async () => {
      journal = await ledger.getRollback(functionName, alias);
    });
  }
  return { id, release, journal, isRead };
}

/** Deployments of a group that are looked through: those of other aliases and the rollbacks among them do not count. */
const HISTORY = 10;

/**
 * The same without the alias's record: the newest deployment of the alias that went well, as its own record has it, or
 * else CodeDeploy. Undefined where a record that can be read says otherwise, or no valid policy guards the alias.
 */
export async function lastByCodeDeploy(
  response: Response,
  { functionName, alias }: GuardedAlarm,
  group: string,
  /** What the alias's record calls the last release, where that much is known. */
  lastId: string | undefined,
): Promise<ReleaseRecord | undefined> {
  const { ports, environment, log } = response;
  const application = applicationName(environment);
  const ids = await ports.deployments.list({ application, group, statuses: ["Succeeded"] });
  for (const deploymentId of ids.slice(0, HISTORY)) {
    const [deployment, target] = await Promise.all([
      ports.deployments.get(deploymentId),
      ports.deployments.target(deploymentId),
    ]);
    if (target?.functionName !== functionName || target.alias !== alias || isUndo(deployment.creator)) continue;
    if (lastId !== undefined && lastId !== deploymentId) return undefined;
    let found: ReleaseRecord | undefined;
    const isRead = await bestEffort(response, "reading the release", async () => {
      found = await ports.ledger.getRelease(deploymentId);
    });
    if (isRead) return isOpened(found) ? found : undefined;
    const { release, isGuarded } = await unrecorded(response, deployment, target);
    if (!isGuarded || !deployment.completedAt) return undefined;
    log.error("the ledger does not answer; the last release is taken as CodeDeploy has it", { deploymentId });
    return { ...release, outcome: "promoted", closedAt: deployment.completedAt.toISOString() };
  }
  return undefined;
}
