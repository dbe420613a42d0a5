import { factsOf } from "../../lib/core/log.ts";
import { baselineUnhealthy, judgingPolicy } from "../../lib/core/release/conclusion.ts";
import { OPEN_STATUSES } from "../../lib/core/release/deployment.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { stepBack } from "../../lib/core/release/step-back.ts";
import type { Response } from "./responder.ts";

const MINUTE_MS = 60_000;

/**
 * The steps before the last, where the policy asks for them. Once both versions serve they can be compared: when the one
 * that is left is over the policy's limits and the other is not, in the same minutes, the rest goes at once.
 */
export async function takeStepsBack(response: Response, release: ReleaseRecord, to: string): Promise<void> {
  const { ports, log, signal } = response;
  const { functionName, alias, application, group, deploymentId } = release;
  const { rollbackStepSeconds: secondsBetween } = release.policy;
  if (secondsBetween === undefined) return;
  const { checks } = judgingPolicy(release);

  async function isUrgent(leaving: string, since: Date): Promise<boolean> {
    const from = new Date(Math.ceil(since.getTime() / MINUTE_MS) * MINUTE_MS);
    const until = new Date(Math.floor(ports.clock.now().getTime() / MINUTE_MS) * MINUTE_MS);
    if (until <= from) return false;
    const counts = (version: string) =>
      ports.monitoring.versionCounts({ functionName, alias, version, from, to: until });
    try {
      const [left, restored] = await Promise.all([counts(leaving), counts(to)]);
      const isWorse =
        baselineUnhealthy(left, checks) !== undefined && baselineUnhealthy(restored, checks) === undefined;
      return isWorse && restored.invocations >= checks.minSamples;
    } catch (error) {
      log.warn("the versions could not be compared on the way back", factsOf(error));
      return false;
    }
  }

  await stepBack(
    ports,
    { functionName, alias, to },
    {
      secondsBetween,
      signal,
      isUrgent,
      isHeld: async () => (await ports.deployments.list({ application, group, statuses: OPEN_STATUSES })).length > 0,
      onStep: ({ leaving, percent }) => log.info("a step back", { deploymentId, version: leaving, percent }),
      onFailure: (error) => log.warn("a step back failed; the rest goes at once", { deploymentId, ...factsOf(error) }),
    },
  );
}
