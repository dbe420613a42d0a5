import { withinBudget } from "../../lib/core/deadline.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
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
  const { ports, log } = response;
  const { staged, deploymentId, functionName, alias: name, baselineVersion: version, canaryVersion } = release;
  if (!staged) return;
  const versions = { baseline: version, canary: canaryVersion };
  const clear = async () => {
    for (let read = 1; ; read += 1) {
      const [alias, target] = await Promise.all([
        ports.functions.getAlias(functionName, name),
        ports.deployments.target(deploymentId),
      ]);
      const isOurs = aliasPosition(alias, versions) === "split" && alias.functionVersion === version;
      if (!isOurs || trafficReached(target)) return;
      try {
        await ports.functions.moveAlias({ functionName, alias: name, version, revisionId: alias.revisionId });
        log.info("the canary has no share any more", { deploymentId });
        return;
      } catch (error) {
        if (!(error instanceof GoaroundError && error.code === "conflict") || read >= MAX_READS) throw error;
      }
    }
  };
  await bestEffort(response, "taking the canary's share away", () => withinBudget(ports.clock, CLEAR_LIMIT_MS, clear));
}
