import { applicationName } from "../../lib/contract/names.ts";
import { withinBudget } from "../../lib/core/deadline.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import type { Log } from "../../lib/core/log.ts";
import { boundedLedger, LEVER_LIMITS } from "../../lib/core/release/bounded-ledger.ts";
import { isBaselineUnhealthy } from "../../lib/core/release/conclusion.ts";
import { isUndo } from "../../lib/core/release/deployment.ts";
import { type DeploymentEvent, type Home, isPoison, parseGuardEvent } from "../../lib/core/release/events.ts";
import { isOpened } from "../../lib/core/release/ledger-rules.ts";
import { suspectFlags } from "../../lib/core/release/release-flags.ts";
import { closePromoted } from "../runtime/close-release.ts";
import type { RunContext } from "../runtime/context.ts";
import type { EmitMetric } from "../runtime/metrics.ts";
import { rememberFlags, removeTemporaryAlarms } from "./books.ts";
import { onEnableFlags } from "./enable-flags.ts";
import { switchFlagsOff } from "./flags-off.ts";
import { answerRedAlarms, onRedAlarms } from "./hand-over.ts";
import { onHeldFlags } from "./held-flags.ts";
import { onAlarm } from "./on-alarm.ts";
import { onEnded } from "./on-end.ts";
import { onFlagVerdict } from "./on-flag-verdict.ts";
import { runStepsAfter } from "./plan-steps.ts";
import { bestEffort, booksOpen, once, type RespondPorts, type Response } from "./responder.ts";
import { underOrders } from "./standing.ts";
import { onVerdict } from "./stop-release.ts";

/** Kept to say in the log that time ran out. Milliseconds. */
const EXIT_RESERVE_MS = 3000;

export interface ResponderDependencies {
  ports: RespondPorts;
  environment: string;
  home: Home;
  log: Log;
  emit: EmitMetric;
  paced: Response["paced"];
}

/**
 * Answers EventBridge: alarms of guarded functions and state changes of their deployments. Events come at least once, in
 * any order and best effort, so each answer looks at the state as it is now, and claims make each action happen once.
 * Throws when something is left to do, so that Lambda tries again, and at what is no event of these.
 */
export function createRespond({ ports: unbounded, environment, home, log, emit, paced }: ResponderDependencies) {
  return async function respond(event: unknown, context: RunContext): Promise<void> {
    const parsed = parseGuardEvent(event, home);
    if (isPoison(parsed)) {
      log.error("not an event that the guard knows; nothing is done", { why: parsed.why });
      // By way of the dead-letter queue its alarm tells people: forged, or AWS has changed what it sends.
      throw new GoaroundError("refused", "contract", `not an event that the guard knows: ${parsed.why}`);
    }
    const ports = { ...unbounded, ledger: boundedLedger(unbounded.ledger, unbounded.clock, LEVER_LIMITS) };
    const receivedAt = ports.clock.now();
    const budgetMs = context.getRemainingTimeInMillis() - EXIT_RESERVE_MS;
    await withinBudget(ports.clock, budgetMs, (deadline) => {
      const { awsRequestId: requestId } = context;
      const response: Response = { ports, environment, log, emit, paced, requestId, receivedAt, ...deadline };
      switch (parsed.kind) {
        case "verdict":
          return onVerdict(response, parsed);
        case "flag-verdict":
          return onFlagVerdict(response, parsed);
        case "red-alarms":
          return onRedAlarms(response, parsed.deploymentId);
        case "held-flags":
          return onHeldFlags(response, parsed.deploymentId);
        case "enable-flags":
          return onEnableFlags(response, parsed.deploymentId);
        case "alarm":
          return onAlarm(response, parsed);
        case "deployment":
          return onDeployment(response, parsed);
      }
    });
  };
}

async function onDeployment(response: Response, event: DeploymentEvent): Promise<void> {
  const { log, environment } = response;
  const { deploymentId, application, state } = event;
  log.info("deployment", { deploymentId, state });
  if (application !== applicationName(environment)) return;
  if (state === "SUCCESS") return onSucceeded(response, deploymentId);
  if (state === "FAILURE" || state === "STOP") return onEnded(response, deploymentId);
}

/** The release went through: finish what post-traffic may not have got to, and look once more at what both share. */
async function onSucceeded(response: Response, deploymentId: string): Promise<void> {
  const { ports, environment, requestId, emit, log } = response;
  const deployment = await ports.deployments.get(deploymentId);
  if (isUndo(deployment.creator)) {
    const undone = deployment.rollbackTriggeringDeploymentId;
    if (undone !== undefined) await onEnded(response, undone);
    return;
  }
  const found = await ports.ledger.getRelease(deploymentId);
  if (found) await removeTemporaryAlarms(response, found);
  if (!isOpened(found)) {
    log.error("a deployment ran that no hook of the guard saw", { deploymentId, group: deployment.group });
    await once(response, deploymentId, "unguarded", async () => emit("unguardedDeployments"));
    return;
  }
  const { verdict } = found;
  // A flag that was found harmful by itself explains the fault; those that are cleared do not.
  const flags = found.harmfulFlagsOff ? [] : suspectFlags(found);
  const isSuspect = verdict !== undefined && isBaselineUnhealthy(verdict) && flags.length > 0;
  if (isSuspect && (await underOrders(response, found)).policy.automaticRollback) {
    await switchFlagsOff(response, { ...found, flags }, [], verdict.findings);
  }
  const release = (await ports.ledger.getRelease(deploymentId)) ?? found;
  const isClosed = await bestEffort(response, "closing the release", () =>
    closePromoted(ports, environment, release, { owner: requestId, flagsFirst: false }, log),
  );
  if (!isClosed) throw booksOpen(deploymentId);
  await answerRedAlarms(response, release);
  await rememberFlags(response, release, "first");
  const after = await ports.ledger.getRelease(deploymentId);
  if (after?.outcome === "promoted") await runStepsAfter(response, after);
}
