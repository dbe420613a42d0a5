import type { Clock, DeploymentInfo, DeploymentTarget, FunctionsPort, PolicyPort } from "../../lib/core/ports.ts";
import { appSpecOf } from "../../lib/core/release/deployment.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { newRecord, readPolicy } from "../../lib/core/release/release-facts.ts";

export interface UnrecordedPorts {
  clock: Clock;
  functions: Pick<FunctionsPort, "getVersion">;
  policies: PolicyPort;
}

/**
 * A release without record, as CodeDeploy has it, with today's policy, or the defaults where that is none (`isGuarded` is
 * false then).
 */
export async function unrecorded(
  { ports, environment }: { ports: UnrecordedPorts; environment: string },
  deployment: DeploymentInfo,
  target: DeploymentTarget,
): Promise<{ release: ReleaseRecord; isGuarded: boolean }> {
  const appSpec = appSpecOf(target);
  const [policy, canary] = await Promise.all([
    readPolicy(ports.policies, environment, appSpec),
    ports.functions.getVersion(appSpec.functionName, appSpec.targetVersion),
  ]);
  const now = deployment.createdAt ?? ports.clock.now();
  const release = newRecord({ deployment, appSpec, target: canary, policy, now });
  return { release, isGuarded: policy?.ok === true };
}
