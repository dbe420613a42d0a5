import { MARKER_ALIAS } from "../../lib/contract/names.ts";
import { fact } from "../../lib/core/judge/reason.ts";
import type { Reason } from "../../lib/core/judge/types.ts";
import { messageOf } from "../../lib/core/log.ts";
import type { AliasState, DeploymentInfo, DeploymentTarget } from "../../lib/core/ports.ts";
import { hasEnded, isUndo, OPEN_STATUSES, trafficReached } from "../../lib/core/release/deployment.ts";
import { judgedBad, respondToEnd } from "../../lib/core/release/ended-deployment.ts";
import { isOpened } from "../../lib/core/release/ledger-rules.ts";
import type { FlagResult, ReleaseOutcome, ReleaseRecord } from "../../lib/core/release/records.ts";
import { servingVersions } from "../../lib/core/release/rollback-plan.ts";
import { shareWasGiven } from "../../lib/core/release/staged.ts";
import { unrecorded } from "../runtime/unrecorded.ts";
import {
  rememberBad,
  rememberOutcome,
  rememberPutBack,
  rememberRollback,
  removeTemporaryAlarms,
  tell,
} from "./books.ts";
import { checkRestored } from "./check-restored.ts";
import { clearShare } from "./clear-weights.ts";
import { killOrAwait, seeToFlags } from "./flags-off.ts";
import { groupBack } from "./group.ts";
import { answerRedAlarms } from "./hand-over.ts";
import { moveBack } from "./move-back.ts";
import { takeStepsBack } from "./plan-steps.ts";
import { bestEffort, booksOpen, mayPass, once, type Response, secondsSince } from "./responder.ts";
import { howToTell } from "./rolled-back-again.ts";
import { underOrders } from "./standing.ts";

const POLL_MS = 5000;

/**
 * A deployment failed or was stopped, by whomever. Waits until it and its rollback have ended, puts the alias back only
 * if it is still wrong, switches the release's flags off if traffic had reached the canary, and tells people once. What is
 * red then is held against the release that brought what serves again: its event was taken for this one's.
 */
export async function onEnded(response: Response, deploymentId: string): Promise<void> {
  const { ports, log } = response;
  const deployment = await ports.deployments.get(deploymentId);
  if (isUndo(deployment.creator)) {
    const undone = deployment.rollbackTriggeringDeploymentId;
    log.info("an undo has ended", { deploymentId, status: deployment.status, undone: undone ?? "unknown" });
    return undone === undefined ? undefined : onEnded(response, undone);
  }
  if (deployment.status === "Succeeded") {
    // Whatever the event says: events are replayed and may be forged.
    log.warn("the deployment went well; nothing is undone", { deploymentId });
    return;
  }
  const [found, target] = await Promise.all([
    readRelease(response, deploymentId),
    ports.deployments.target(deploymentId),
  ]);
  if (target?.alias === MARKER_ALIAS) {
    log.info("an alias that serves nobody: nothing is undone", { deploymentId });
    return;
  }
  const known = isOpened(found) ? found : target && (await takenAsItIs(response, deployment, target, found));
  if (!known) {
    log.error("a deployment ended before it had a target", { deploymentId });
    return;
  }
  const release = await underOrders(response, known);
  const reached = trafficReached(target) || shareWasGiven(known);
  const automatic = release.policy.automaticRollback;

  const others = groupBack(response, release, release.reason ?? deployment.error?.message ?? deployment.status);
  const [settled, flags] = await Promise.all([
    clearShare(response, release).then(() => settle(response, deployment, release)),
    reached && automatic ? killOrAwait(response, release, `release ${deploymentId} is rolled back`) : [],
  ]);
  await finish(response, {
    deployment: settled.deployment,
    release,
    reached,
    alias: settled.alias,
    trouble: settled.trouble,
    flags,
  });
  const left = await others;
  if (!settled.trouble) await answerForEarlier(response, release);
  if (left) throw left;
}

/** In the guard time of an earlier release: alarms that turned red while this one was open gave their event then. */
async function answerForEarlier(response: Response, { deploymentId, functionName, alias }: ReleaseRecord) {
  const { ledger } = response.ports;
  await once(response, deploymentId, "red-alarms", async () => {
    let earlier: ReleaseRecord | undefined;
    await bestEffort(response, "reading the release before", async () => {
      const id = (await ledger.getAlias(functionName, alias))?.lastReleaseId;
      const found = id === undefined || id === deploymentId ? undefined : await ledger.getRelease(id);
      earlier = isOpened(found) ? found : undefined;
    });
    if (earlier) await answerRedAlarms(response, earlier, "it was red when a later release had ended");
  });
}

/** Undefined also when the ledger does not answer: the alias is verified all the same. */
async function readRelease(response: Response, deploymentId: string): Promise<ReleaseRecord | undefined> {
  let release: ReleaseRecord | undefined;
  await bestEffort(response, "reading the release", async () => {
    release = await response.ports.ledger.getRelease(deploymentId);
  });
  return release;
}

/** What CodeDeploy says and what little is on record: the alias is verified in every case. */
async function takenAsItIs(
  response: Response,
  deployment: DeploymentInfo,
  target: DeploymentTarget,
  found: Partial<ReleaseRecord> | undefined,
): Promise<ReleaseRecord> {
  const { release } = await unrecorded(response, deployment, target);
  return { ...release, ...found, policy: release.policy, flags: release.flags };
}

interface Settled {
  deployment: DeploymentInfo;
  alias: AliasState;
  trouble: string | undefined;
}

async function settle(response: Response, begun: DeploymentInfo, release: ReleaseRecord): Promise<Settled> {
  const { ports, log, signal } = response;
  const { functionName, alias: aliasName, application, group } = release;
  const versions = { baseline: release.baselineVersion, canary: release.canaryVersion };
  let endedAt: Date | undefined;
  for (;;) {
    const deployment = await ports.deployments.get(begun.deploymentId);
    const rollbackId = deployment.rollbackDeploymentId;
    const [rollback, open, alias] = await Promise.all([
      rollbackId === undefined ? undefined : ports.deployments.get(rollbackId),
      ports.deployments.list({ application, group, statuses: OPEN_STATUSES }),
      ports.functions.getAlias(functionName, aliasName),
    ]);
    if (hasEnded(deployment)) endedAt ??= ports.clock.now();
    const rolledBackTo = rollback && (await ports.deployments.target(rollback.deploymentId))?.targetVersion;
    const waitedMs = endedAt ? ports.clock.now().getTime() - endedAt.getTime() : 0;
    const next = respondToEnd({ deployment, rollback, rolledBackTo, open, alias, versions, waitedMs });
    if (next.kind === "restored" || next.kind === "leave") return { deployment, alias, trouble: undefined };
    if (next.kind === "repair")
      return { deployment, ...(await repair(response, release, alias, next.why, rolledBackTo)) };
    log.info("waiting for the rollback", { deploymentId: deployment.deploymentId, why: next.why });
    await ports.clock.sleep(POLL_MS, signal);
  }
}

/** CodeDeploy has done all it will and traffic is not on the version that served before. */
async function repair(
  response: Response,
  release: ReleaseRecord,
  alias: AliasState,
  why: string,
  rolledBackTo: string | undefined,
) {
  const { log } = response;
  log.warn("the alias must be put back", { deploymentId: release.deploymentId, why });
  if (!release.policy.automaticRollback)
    return { alias, trouble: `${why}, and automatic rollback is switched off or the guard disarmed` };
  try {
    // CodeDeploy may have put the alias on a version that nobody wants: only the baseline is known to serve well.
    const serving = servingVersions(alias).filter((version) => version === release.baselineVersion);
    return {
      alias: await moveBack(response, release, why, { rolledBackTo, serving, atOnce: true }),
      trouble: undefined,
    };
  } catch (error) {
    if (mayPass(error)) throw error;
    return { alias, trouble: `${why}: ${messageOf(error)}` };
  }
}

interface Ending extends Settled {
  release: ReleaseRecord;
  reached: boolean;
  flags: FlagResult[];
}

async function finish(response: Response, ending: Ending): Promise<void> {
  const { ports, receivedAt } = response;
  const { deployment, reached, alias, trouble } = ending;
  const { deploymentId } = deployment;
  // What hooks and the alarm's response wrote down meanwhile.
  const release = { ...ending.release, ...(await readRelease(response, deploymentId)) };
  const outcome = outcomeOf(release, reached);
  const bad = judgedBad(deployment, release);
  const reasons = reasonsOf(deployment, release);
  const written = [
    bad === undefined || (await rememberBad(response, release, bad)),
    trouble !== undefined || (await rememberPutBack(response, release, alias.functionVersion)),
    // A mere stop or a hook that died says nothing against releasing again.
    bad === undefined || !reached || (await rememberRollback(response, release, alias.functionVersion)),
    await rememberOutcome(response, release, outcome),
    await bestEffort(response, "closing the release", () =>
      ports.ledger.updateRelease(deploymentId, {
        outcome,
        closedAt: ports.clock.now().toISOString(),
        reason: release.reason ?? reasons.map((reason) => reason.message).join("; "),
      }),
    ),
  ];
  await removeTemporaryAlarms(response, release);
  const durationSeconds = secondsSince(response, receivedAt);
  if (reached) {
    await once(response, deploymentId, "count", async () => {
      response.emit(trouble ? "rollbackFailures" : "rollbacks");
      if (!trouble) response.emit("rollbackDurationSeconds", durationSeconds);
    });
  }
  const restored = reached && !trouble ? await checkRestored(response, release, alias, ending.flags) : [];
  const { severity, findings } =
    outcome === "rolled-back"
      ? await howToTell(response, release, ending.flags, restored)
      : { severity: "warning" as const, findings: [] };
  const isToldNow = await tell(response, trouble ? "notify-trouble" : "notify", {
    release,
    outcome,
    severity,
    reasons,
    findings: [...(release.verdict?.findings ?? []), ...(release.admissionFindings ?? []), ...restored, ...findings],
    durationSeconds,
    aliasState: alias,
    flags: ending.flags,
    trouble,
  });
  if (!trouble) await takeStepsBack(response, release, alias.functionVersion, deploymentId);
  if (written.includes(false)) throw booksOpen(deploymentId);
  await seeToFlags(response, ending.release, ending.flags, isToldNow);
}

function outcomeOf(release: ReleaseRecord, reached: boolean): ReleaseOutcome {
  if (reached) return "rolled-back";
  return release.outcome === "blocked" ? "blocked" : "failed";
}

/** The verdict's reasons if there was one, and what CodeDeploy says of the end. */
function reasonsOf({ error }: DeploymentInfo, release: ReleaseRecord): Reason[] {
  const judged = release.verdict && release.verdict.kind !== "promote" ? release.verdict.reasons : [];
  const noted = judged.length === 0 && release.reason ? [fact("noted", release.reason)] : [];
  const said = error ? [fact(error.code.toLowerCase().replaceAll("_", "-"), error.message.replace(/\.$/, ""))] : [];
  return [...judged, ...noted, ...said];
}
