import { GoaroundError } from "../../lib/core/errors.ts";
import { fact } from "../../lib/core/judge/reason.ts";
import { factsOf, type Log } from "../../lib/core/log.ts";
import type { Clock, DeploymentInfo, DeploymentsPort, LedgerPort, NotifierPort } from "../../lib/core/ports.ts";
import { boundedLedger, LEVER_LIMITS } from "../../lib/core/release/bounded-ledger.ts";
import { appSpecOf, hasEnded, isUndo, trafficReached } from "../../lib/core/release/deployment.ts";
import { type HookFailure, isPoison, parseHookFailure, parseNetEvent } from "../../lib/core/release/events.ts";
import { isOpened } from "../../lib/core/release/ledger-rules.ts";
import { releaseNotification } from "../../lib/core/release/messages.ts";
import { newRecord } from "../../lib/core/release/release-facts.ts";
import { shareWasGiven } from "../../lib/core/release/staged.ts";
import type { RunContext } from "../runtime/context.ts";
import type { EmitMetric } from "../runtime/metrics.ts";
import { tellOnce } from "../runtime/tell-once.ts";
import type { createLookAfter } from "./look-after.ts";

export interface Books {
  environment: string;
  ledger: LedgerPort;
  notifier: NotifierPort;
  emit: EmitMetric;
}

export interface ReportFailureDependencies {
  deployments: Pick<DeploymentsPort, "get" | "reportHook" | "target">;
  log: Log;
  clock: Clock;
  /** Made after the report: a broken configuration must not keep it back. */
  books(): Promise<Books>;
  lookAfter(): Promise<ReturnType<typeof createLookAfter>>;
}

/**
 * The on-failure destination of the hooks, and the net under the watch: answers CodeDeploy for a hook that crashed, ran
 * out of time or was never started, so that it does not wait for its hour. Throws only when it could not report; Lambda then tries again.
 */
export function createReportFailure(deps: ReportFailureDependencies) {
  const { deployments, log } = deps;
  return async function reportFailure(event: unknown, context: RunContext): Promise<void> {
    const net = parseNetEvent(event);
    if (net && !isPoison(net)) {
      const nets = await deps.lookAfter();
      return net.kind === "sweep" ? nets.sweep(context.awsRequestId) : nets.one(net.deploymentId, context.awsRequestId);
    }
    const failure = net ?? parseHookFailure(event);
    if (isPoison(failure)) {
      log.error("not a failed hook's record; nothing is done", { why: failure.why });
      return;
    }
    const { deploymentId, executionId } = failure;
    const deployment = await readDeployment(deps, deploymentId);
    if (deployment === "missing" || (deployment && hasEnded(deployment))) {
      log.warn("nothing waits for an answer; nothing is done", { deploymentId });
      return;
    }
    // Even a hook that died may not refuse an undo.
    const status = deployment && isUndo(deployment.creator) ? "Succeeded" : "Failed";
    const answer = await report();
    log.error("a hook did not answer; answered for it", { ...failure, status, answer });
    if (answer !== "reported" || status === "Succeeded" || !deployment) return;
    try {
      await tell(deps, await deps.books(), failure, deployment, context.awsRequestId);
    } catch (error) {
      log.error("reported, but nobody could be told", { deploymentId, ...factsOf(error) });
    }

    async function report() {
      try {
        return await deployments.reportHook({ deploymentId, executionId, status });
      } catch (error) {
        if (error instanceof GoaroundError && error.code === "deployment-missing") return "deployment-missing";
        throw error;
      }
    }
  };
}

/** `missing`: a forged call, or a very old one. Undefined when it cannot be read: then the report matters more than what it is about. */
async function readDeployment({ deployments, log }: ReportFailureDependencies, deploymentId: string) {
  try {
    return await deployments.get(deploymentId);
  } catch (error) {
    if (error instanceof GoaroundError && error.code === "deployment-missing") return "missing";
    log.error("the deployment could not be read", { deploymentId, ...factsOf(error) });
    return undefined;
  }
}

/** Once traffic has reached the canary the responder tells, when it knows how the rollback went. */
async function tell(
  { deployments, clock, log }: ReportFailureDependencies,
  { environment, ledger: unbounded, notifier, emit }: Books,
  failure: HookFailure,
  deployment: DeploymentInfo,
  owner: string,
): Promise<void> {
  const { deploymentId } = failure;
  const ledger = boundedLedger(unbounded, clock, LEVER_LIMITS);
  emit("hookFailures");
  const hook = failure.functionArn.split(":")[6] ?? "a hook";
  const message = `${hook} ended without an answer (${failure.condition}): ${failure.error}`;
  const [target, found] = await Promise.all([
    deployments.target(deploymentId),
    // People hear of it without the books, too.
    ledger
      .updateRelease(deploymentId, { reason: message, actor: "report-failure" })
      .then(() => ledger.getRelease(deploymentId))
      .catch((error: unknown) => {
        log.error("the ledger does not answer", { deploymentId, ...factsOf(error) });
        return undefined;
      }),
  ]);
  if (!target || trafficReached(target)) return;
  if (found && shareWasGiven(found)) return;
  const release = isOpened(found)
    ? found
    : newRecord({ deployment, appSpec: appSpecOf(target), target: undefined, policy: undefined, now: clock.now() });
  const notification = releaseNotification({
    environment,
    release,
    outcome: "failed",
    severity: "critical",
    reasons: [fact("hook-failed", message)],
    findings: [],
  });
  await tellOnce({ clock, ledger, notifier }, { deploymentId, claim: "notify", owner }, notification, log);
}
