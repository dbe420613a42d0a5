import { applicationName, HOOK_NAMES } from "../../lib/contract/names.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import { fact } from "../../lib/core/judge/reason.ts";
import { factsOf, type Log } from "../../lib/core/log.ts";
import type { Clock, DeploymentsPort, DeploymentTarget, LedgerPort, NotifierPort } from "../../lib/core/ports.ts";
import { boundedLedger, LEVER_LIMITS } from "../../lib/core/release/bounded-ledger.ts";
import { isUndo } from "../../lib/core/release/deployment.ts";
import { mustEnable, nextFlagsExecution } from "../../lib/core/release/enable-flags.ts";
import { isOpened } from "../../lib/core/release/ledger-rules.ts";
import { releaseNotification } from "../../lib/core/release/messages.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { heldFlags } from "../../lib/core/release/release-flags.ts";
import { lookAfter, type OrphanStep } from "../../lib/core/release/watch.ts";
import type { ExecutionsPort, ResponderPort, ShiftPort, SweepPort } from "../../lib/core/release/watch-ports.ts";
import { stopCounting, type UnsubscribePorts } from "../runtime/log-subscription.ts";
import type { EmitMetric } from "../runtime/metrics.ts";
import { tellOnce } from "../runtime/tell-once.ts";

export interface LookAfterPorts extends UnsubscribePorts {
  deployments: Pick<DeploymentsPort, "get" | "reportHook" | "target">;
  ledger: LedgerPort;
  notifier: NotifierPort;
  executions: ExecutionsPort;
  sweep: SweepPort;
  shift: ShiftPort;
  responder: Pick<ResponderPort, "heldFlagsOff" | "enableFlags">;
  emit: EmitMetric;
  clock: Clock;
}

/**
 * The last net under hooks and watch: answers CodeDeploy where whoever should have is gone. A status event leads here at
 * once; the sweep comes every minute while a release is open, for what no event told.
 */
export function createLookAfter(unbounded: LookAfterPorts, environment: string, log: Log) {
  const ports = { ...unbounded, ledger: boundedLedger(unbounded.ledger, unbounded.clock, LEVER_LIMITS) };

  /** Throws when CodeDeploy could not be answered; the next sweep tries again. */
  async function one(deploymentId: string, owner: string): Promise<void> {
    const { deployments, ledger, executions, sweep, clock } = ports;
    const deployment = await deployments.get(deploymentId);
    const isOurs = deployment.application === applicationName(environment) && !isUndo(deployment.creator);
    if (!isOurs) return sweep.remove(deploymentId);
    const [target, release] = await Promise.all([deployments.target(deploymentId), ledger.getRelease(deploymentId)]);
    const watch = await executions.status(release?.flagsExecution ?? deploymentId);
    const facts = { now: clock.now(), deployment, waiting: waitingHook(target), release };
    const step = lookAfter({ ...facts, watch: watch === "RUNNING" ? "running" : "over" });
    const isHeld = isOpened(release) && heldFlags(release, clock.now()).length > 0;
    if (isHeld) await ports.responder.heldFlagsOff(deploymentId);
    if (step.kind === "over") {
      if (isHeld) return;
      if (!isOpened(release) || !mustEnable(release, deployment)) return leave(deploymentId, release);
      if (watch !== "RUNNING") await watchFlagsOn(deploymentId, release);
      return;
    }
    if (step.kind === "leave") return;
    log.warn("looking after a release", { deploymentId, watch, step: step.kind, why: "why" in step ? step.why : "" });
    if (step.kind === "report") {
      await answer(deploymentId, step, release?.staged !== undefined && release.postTrafficHookId === undefined);
    } else await tell(deploymentId, release, owner, step, watch);
  }

  /** Nothing of the release is left behind; what could not be removed keeps its place in the sweep. */
  async function leave(deploymentId: string, release: ReleaseRecord | undefined): Promise<void> {
    if (release) await stopCounting(ports, release, log);
    await ports.sweep.remove(deploymentId);
  }

  /** Flags wait for a release that has succeeded, and nobody sees to them any more. */
  async function watchFlagsOn(deploymentId: string, { flagsExecution, enabling }: ReleaseRecord): Promise<void> {
    const name = nextFlagsExecution(deploymentId, flagsExecution);
    if (name === undefined) {
      // What grows unwatched the responder stops; it is asked until that is done.
      if (enabling?.beganAt !== undefined) return ports.responder.enableFlags(deploymentId);
      return ports.sweep.remove(deploymentId);
    }
    log.warn("another execution takes over the flags that wait for a release", { deploymentId, name });
    // Written first: an execution that nobody knows of would be started again and again.
    await ports.ledger.updateRelease(deploymentId, { flagsExecution: name });
    await ports.executions.start(deploymentId, name);
  }

  async function answer(deploymentId: string, step: OrphanStep & { kind: "report" }, hasShare: boolean): Promise<void> {
    const { executionId, status, why, verdict } = step;
    if (hasShare) {
      // CodeDeploy refuses an alias with weights. What cannot be taken away now is, when the deployment has ended.
      await bestEffort("taking the canary's share away", () => ports.shift.setShare(deploymentId, 0));
    }
    if (status === "Failed") {
      await bestEffort("noting why", () =>
        ports.ledger.updateRelease(deploymentId, { reason: why, actor: "report-failure" }),
      );
    }
    if (verdict) {
      const told = {
        ...verdict,
        findings: [...verdict.findings, fact("watch-lost", `${why}; it had judged the shift to its end`)],
      };
      await bestEffort("noting the verdict", () =>
        ports.ledger.updateRelease(deploymentId, { verdict: told, postTrafficStatus: status }),
      );
    }
    const reply = await ports.deployments.reportHook({ deploymentId, executionId, status });
    log.error("answered in place of a hook or watch that died", { deploymentId, status, why, reply });
    // Books and notifications are the responder's, when CodeDeploy tells how the deployment ended.
    if (reply === "reported") ports.emit("hookFailures");
  }

  async function tell(
    deploymentId: string,
    release: ReleaseRecord | undefined,
    owner: string,
    step: OrphanStep & { kind: "unwatched" | "unreachable" },
    watch: string,
  ): Promise<void> {
    if (!isOpened(release)) return;
    const isLost = step.kind === "unreachable";
    const message = isLost
      ? `${step.why} and cannot be answered for; CodeDeploy gives up after an hour`
      : `the watch has ended (${watch}): until the shift is over nobody compares the versions; alarms still stop the release, and the hook at its end judges it`;
    const reasons = [fact(step.kind, message)];
    const severity = isLost ? "critical" : "warning";
    const notification = releaseNotification({
      environment,
      release,
      outcome: "open",
      severity,
      reasons,
      findings: [],
    });
    await tellOnce(ports, { deploymentId, claim: `notify-${step.kind}`, owner }, notification, log);
  }

  async function bestEffort(what: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      log.error(`${what} failed`, factsOf(error));
    }
  }

  return {
    one,
    /** All open releases; one that fails does not keep the others from their turn. Switches itself off after the last. */
    async sweep(owner: string): Promise<void> {
      const { sweep } = ports;
      for (const deploymentId of await sweep.list()) {
        try {
          await one(deploymentId, owner);
        } catch (error) {
          if (isGone(error))
            await bestEffort("leaving", async () => leave(deploymentId, await ports.ledger.getRelease(deploymentId)));
          log.error("a release could not be looked after", { deploymentId, ...factsOf(error) });
        }
      }
      if ((await sweep.list()).length > 0) return;
      await sweep.disable();
      // A release that began meanwhile has switched it on before it was switched off.
      if ((await sweep.list()).length > 0) await sweep.enable();
    },
  };
}

const isGone = (error: unknown) => error instanceof GoaroundError && error.code === "deployment-missing";

/** The hook that CodeDeploy waits for, and since when. */
function waitingHook(target: DeploymentTarget | undefined) {
  for (const hook of HOOK_NAMES) {
    const event = target?.lifecycleEvents.find(({ name, status }) => name === hook && status === "InProgress");
    if (event?.startedAt) return { hook, since: event.startedAt };
  }
  return undefined;
}
