import { GoaroundError } from "../../lib/core/errors.ts";
import { aliasPosition } from "../../lib/core/release/deployment.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { factsOf } from "../runtime/log.ts";
import type { Response } from "./responder.ts";

const MAX_READS = 3;

/**
 * CodeDeploy takes its time between a stop and its rollback, and the canary keeps its share until then. A policy may have
 * the responder clear the weights itself when they are still there so many seconds after the stop. The alias then stands
 * as CodeDeploy's rollback leaves it too, so that the rollback finds nothing to move. Only from the split that CodeDeploy
 * made, and only if nobody has changed the alias since it was read. Whatever comes of it, the end of the deployment is
 * verified as ever: nothing is thrown.
 */
export async function clearWeights({ ports, log, signal }: Response, release: ReleaseRecord): Promise<void> {
  const { clearWeightsAfterSeconds: seconds } = release.policy;
  if (seconds === undefined) return;
  const { functionName, alias: name, baselineVersion: baseline, canaryVersion: canary } = release;
  try {
    await ports.clock.sleep(seconds * 1000, signal);
    for (let read = 1; ; read += 1) {
      const alias = await ports.functions.getAlias(functionName, name);
      const position = aliasPosition(alias, { baseline, canary });
      if (position !== "split" || alias.functionVersion !== baseline) {
        log.info("no weights to clear", { functionName, alias: name, position });
        return;
      }
      try {
        await ports.functions.moveAlias({ functionName, alias: name, version: baseline, revisionId: alias.revisionId });
        log.warn("cleared the weights before CodeDeploy", { functionName, alias: name, version: baseline, seconds });
        return;
      } catch (error) {
        if (!(error instanceof GoaroundError && error.code === "conflict") || read >= MAX_READS) throw error;
      }
    }
  } catch (error) {
    log.error("the weights were not cleared; CodeDeploy clears them with its rollback", {
      deploymentId: release.deploymentId,
      ...factsOf(error),
    });
  }
}
