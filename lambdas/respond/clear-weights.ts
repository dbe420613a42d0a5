import { withinBudget } from "../../lib/core/deadline.ts";
import { isConflict } from "../../lib/core/errors.ts";
import type { AliasState } from "../../lib/core/ports.ts";
import { aliasPosition, trafficReached } from "../../lib/core/release/deployment.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { bestEffort, type Response } from "./responder.ts";

/** A stop waits no longer for it: CodeDeploy's rollback writes the alias too, and its end is verified. Milliseconds. */
const CLEAR_LIMIT_MS = 5000;
const MAX_READS = 3;

/**
 * Takes its share of the traffic from the canary of a staged release, while CodeDeploy has not begun to move the alias: to
 * CodeDeploy an alias with weights is broken. The weights are the guard's own, so this is done whatever the policy says of
 * rollbacks.
 */
export async function clearShare(response: Response, release: ReleaseRecord): Promise<void> {
  const { ports } = response;
  if (!release.staged) return;
  const isOurs = async () => !trafficReached(await ports.deployments.target(release.deploymentId));
  await bestEffort(response, "taking the canary's share away", () =>
    withinBudget(ports.clock, CLEAR_LIMIT_MS, () => clear(response, release, { isOurs })),
  );
}

/**
 * CodeDeploy takes its time between a stop and its rollback, and the canary keeps its share until then. A policy may have
 * the responder clear the weights itself when they are still there so many seconds after the stop; with 0 the alias is
 * read while the stop is asked for. The alias then stands as CodeDeploy's rollback leaves it too, so that the rollback
 * finds nothing to move. Whatever comes of it, the end of the deployment is verified as ever: nothing but a failed stop
 * is thrown.
 */
export async function clearWeights(
  response: Response,
  release: ReleaseRecord,
  stopping: Promise<unknown>,
): Promise<void> {
  const { ports, signal } = response;
  const { functionName, alias, policy } = release;
  const seconds = policy.clearWeightsAfterSeconds;
  const early = seconds === 0 ? ports.functions.getAlias(functionName, alias).catch(() => undefined) : undefined;
  await stopping;
  if (seconds === undefined) return;
  await bestEffort(response, "clearing the weights before CodeDeploy", async () => {
    if (seconds > 0) await ports.clock.sleep(seconds * 1000, signal);
    await clear(response, release, { seen: await early });
  });
}

/** Only from the split that the release made, and only if nobody has changed the alias since it was read. */
async function clear(
  { ports, log }: Response,
  release: ReleaseRecord,
  { seen, isOurs = async () => true }: { seen?: AliasState | undefined; isOurs?: () => Promise<boolean> },
): Promise<void> {
  const { deploymentId, functionName, alias: name, baselineVersion: version, canaryVersion: canary } = release;
  for (let read = 1; ; read += 1) {
    const [alias, mayMove] = await Promise.all([
      read === 1 && seen ? seen : ports.functions.getAlias(functionName, name),
      isOurs(),
    ]);
    const position = aliasPosition(alias, { baseline: version, canary });
    if (position !== "split" || alias.functionVersion !== version || !mayMove) {
      log.info("no weights to clear", { deploymentId, position });
      return;
    }
    try {
      await ports.functions.moveAlias({ functionName, alias: name, version, revisionId: alias.revisionId });
      log.warn("the canary has no share any more", { deploymentId, version });
      return;
    } catch (error) {
      if (!isConflict(error) || read >= MAX_READS) throw error;
    }
  }
}
