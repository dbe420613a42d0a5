import type { HookName } from "../../lib/contract/names.ts";
import { type Deadline, withinBudget } from "../../lib/core/deadline.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import { factsOf, type Log } from "../../lib/core/log.ts";
import type { Clock, DeploymentInfo, DeploymentsPort } from "../../lib/core/ports.ts";
import { hasEnded, isUndo } from "../../lib/core/release/deployment.ts";
import { type HookEvent, isPoison, parseHookEvent } from "../../lib/core/release/events.ts";
import type { RunContext } from "./context.ts";

export type HookStatus = "Succeeded" | "Failed";

export interface HookRun extends HookEvent, Deadline {
  deployment: DeploymentInfo;
  /** Same for a retry of this run and different for a repeated event: the owner of claims. */
  requestId: string;
}

/** A run that leaves the answer to somebody who is sure to give it. */
export interface HandedOver {
  status: "HandedOver";
}

export interface HookResult {
  status: HookStatus;
  /** Runs once CodeDeploy has taken the status from this run. A fault in it changes nothing. */
  afterReport?: () => Promise<void>;
}

export interface HookDependencies {
  clock: Clock;
  log: Log;
  /** The lifecycle event that this hook answers. */
  hook: HookName;
  deployments: Pick<DeploymentsPort, "get" | "reportHook" | "target">;
  /** Time kept to report. Milliseconds. */
  reserveMs: number;
  work(run: HookRun): Promise<HookResult | HandedOver>;
  /** Told why a run failed without a decision; for the record. A fault in it changes nothing. */
  onFailure?(event: HookEvent, error: unknown): Promise<void>;
}

/** Left for `afterReport` before Lambda ends the run. Milliseconds. */
const EXIT_RESERVE_MS = 500;

/**
 * One run of a lifecycle hook. CodeDeploy waits an hour for an answer, so every run reports exactly one status: it is
 * Failed until the work says otherwise, the work is raced against the time that is left, and reporting is a step of its
 * own. Throws only when reporting itself failed, so that Lambda hands the event to the on-failure destination.
 */
export async function runHook(event: unknown, context: RunContext, deps: HookDependencies): Promise<void> {
  const { clock, log, deployments } = deps;
  const hook = parseHookEvent(event);
  if (isPoison(hook)) {
    log.error("not a hook event; nothing is done", { why: hook.why });
    return;
  }
  let result: HookResult | HandedOver | Over = { status: "Failed" };
  let failure: unknown;
  try {
    const budgetMs = context.getRemainingTimeInMillis() - deps.reserveMs;
    result = await withinBudget(clock, budgetMs, (deadline) => decide(hook, context.awsRequestId, deadline, deps));
  } catch (error) {
    failure = error;
    log.error("the hook could not decide and reports Failed", { ...hook, ...factsOf(error) });
  }
  if (result.status === "Over") {
    log.warn("nothing waits for an answer; nothing is done", { ...hook });
    return;
  }
  if (result.status === "HandedOver") {
    log.info("the watch answers this hook", { ...hook });
    return;
  }
  const { status, afterReport } = result;
  const answer = await report(hook, status, deployments);
  log.info("reported", { ...hook, status, answer });
  if (answer !== "reported") return;

  const leftMs = context.getRemainingTimeInMillis() - EXIT_RESERVE_MS;
  try {
    if (failure !== undefined) await withinBudget(clock, leftMs, async () => deps.onFailure?.(hook, failure));
    else await withinBudget(clock, leftMs, async () => afterReport?.());
  } catch (error) {
    log.warn("reported, but the books are not complete", { ...hook, ...factsOf(error) });
  }
}

/** CodeDeploy does not wait for this hook's answer: a replayed or a forged call. */
interface Over {
  status: "Over";
}

/**
 * An event's ids are believed only as far as CodeDeploy knows them. Undo comes first and needs no configuration: refusing
 * it would leave the stack in UPDATE_ROLLBACK_FAILED.
 */
async function decide(
  hook: HookEvent,
  requestId: string,
  deadline: Deadline,
  deps: HookDependencies,
): Promise<HookResult | HandedOver | Over> {
  const deployment = await knownDeployment(deps.deployments, hook.deploymentId);
  if (!deployment || hasEnded(deployment)) return { status: "Over" };
  if (isUndo(deployment.creator)) {
    deps.log.info("an undo is let through", { ...hook, creator: deployment.creator });
    return { status: "Succeeded" };
  }
  if (!(await isAsked(hook, deadline, deps))) return { status: "Over" };
  return deps.work({ ...hook, ...deadline, deployment, requestId });
}

/** CodeDeploy may call the hook before it shows its event as begun [inferred]. Milliseconds. */
const BEGIN_LIMIT_MS = 10_000;
const BEGIN_POLL_MS = 2000;

/**
 * Whether the deployment is at this hook's event: a call at another time is nobody's question, and would leave an answer behind
 * for the one that comes. What cannot be read counts as asked: a hook without answer costs an hour.
 */
async function isAsked({ deploymentId }: HookEvent, { signal }: Deadline, deps: HookDependencies): Promise<boolean> {
  for (let waitedMs = 0; ; waitedMs += BEGIN_POLL_MS) {
    let status: string | undefined;
    try {
      const target = await deps.deployments.target(deploymentId);
      status = target?.lifecycleEvents.find(({ name }) => name === deps.hook)?.status;
      if (target && status === undefined) status = "Pending";
    } catch (error) {
      deps.log.warn("whether the hook is asked is not known", { deploymentId, ...factsOf(error) });
    }
    if (status !== "Pending") return status === undefined || status === "InProgress" || status === "Unknown";
    if (waitedMs >= BEGIN_LIMIT_MS) return false;
    await deps.clock.sleep(BEGIN_POLL_MS, signal);
  }
}

async function knownDeployment(deployments: HookDependencies["deployments"], deploymentId: string) {
  try {
    return await deployments.get(deploymentId);
  } catch (error) {
    if (error instanceof GoaroundError && error.code === "deployment-missing") return undefined;
    throw error;
  }
}

/** A deployment that does not exist can take no answer; trying again would not help. */
async function report(
  { deploymentId, executionId }: HookEvent,
  status: HookStatus,
  deployments: HookDependencies["deployments"],
) {
  try {
    return await deployments.reportHook({ deploymentId, executionId, status });
  } catch (error) {
    if (error instanceof GoaroundError && error.code === "deployment-missing") return "deployment-missing";
    throw error;
  }
}
