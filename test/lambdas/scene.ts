import type { RunContext } from "../../lambdas/runtime/context.ts";
import { type HookDependencies, runHook } from "../../lambdas/runtime/hook.ts";
import type { HookName } from "../../lib/contract/names.ts";
import type { PolicyInput } from "../../lib/contract/policy.ts";
import type { Log } from "../../lib/core/log.ts";
import { type FakePorts, fakePorts } from "../fakes/index.ts";
import { counts } from "../fakes/monitoring.ts";

export const FUNCTION = "checkout";
export const GROUP = `${FUNCTION}-deployment-group`;
export const ID = "d-RELEASE01";

export const policyOf = (changes: Partial<PolicyInput> = {}): string =>
  JSON.stringify({ schemaVersion: 1, functionName: FUNCTION, alias: "live", deploymentGroup: GROUP, ...changes });

export const FLAGS = [{ applicationId: "flags", environmentId: "dev", profileId: "router", flags: ["new_api"] }];

export const silent: Log = { info: () => {}, warn: () => {}, error: () => {} };

/**
 * Function `checkout` with versions 1 (served by alias `live`) and 2, its policy, and deployment 1 → 2 that waits for
 * its first hook. It is 12:00:00. Every version answers well.
 */
export function scene(policy: Partial<PolicyInput> = {}): FakePorts {
  const ports = fakePorts("2026-03-02T12:00:00.000Z");
  ports.functions.given(FUNCTION, ["1", "2"], "live", "1");
  ports.policies.documents.set(`${FUNCTION}:live`, policyOf(policy));
  ports.deployments.given({ deploymentId: ID, functionName: FUNCTION, alias: "live", from: "1", to: "2" });
  ports.monitoring.perMinute = ({ version }) => counts(version === "2" ? 60 : 540, 0);
  return ports;
}

/** A Lambda's context whose time runs on the scene's clock. */
export function contextOf(ports: FakePorts, timeoutMs = 300_000, awsRequestId = "request-1"): RunContext {
  const startedAt = ports.clock.now().getTime();
  return {
    awsRequestId,
    getRemainingTimeInMillis: () => startedAt + timeoutMs - ports.clock.now().getTime(),
  };
}

export const hookEvent = { DeploymentId: ID, LifecycleEventHookExecutionId: "execution-1" };

/** The hook that CodeDeploy waits for. */
const waitedFor = (ports: FakePorts): HookName => {
  const begun = ports.deployments.targets.get(ID)?.lifecycleEvents.find(({ status }) => status === "InProgress");
  return begun?.name === "AfterAllowTraffic" ? "AfterAllowTraffic" : "BeforeAllowTraffic";
};

/** Runs a hook as its handler does. */
export function runWork(
  ports: FakePorts,
  work: HookDependencies["work"],
  options: Partial<HookDependencies> & { event?: unknown; timeoutMs?: number; requestId?: string } = {},
): Promise<void> {
  const { event = hookEvent, timeoutMs, requestId, ...dependencies } = options;
  return runHook(event, contextOf(ports, timeoutMs, requestId), {
    hook: waitedFor(ports),
    clock: ports.clock,
    log: silent,
    deployments: ports.deployments,
    reserveMs: 15_000,
    work,
    ...dependencies,
  });
}

/** The one status that CodeDeploy was told, or undefined. */
export const reported = (ports: FakePorts) => ports.deployments.reports.get(`${ID}/execution-1`);
