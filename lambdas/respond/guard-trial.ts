import type { Policy } from "../../lib/contract/policy.ts";
import { GoaroundError, isConflict } from "../../lib/core/errors.ts";
import { factsOf } from "../../lib/core/log.ts";
import type { AliasState } from "../../lib/core/ports.ts";
import { aliasPosition, OPEN_STATUSES } from "../../lib/core/release/deployment.ts";
import {
  answerOf,
  isTrialOpen,
  isTrialSplit,
  type TrialAnswer,
  trialShift,
} from "../../lib/core/release/guard-trial.ts";
import { judgePublished } from "../../lib/core/release/judge-shift.ts";
import type { GuardTrial, Judging, ReleaseRecord } from "../../lib/core/release/records.ts";
import { rollbackTargets } from "../../lib/core/release/rollback-targets.ts";
import { smokeTest } from "./move-back.ts";
import { bestEffort, type Response } from "./responder.ts";
import { otherDeployment, readStanding } from "./standing.ts";

const POLL_MS = 15_000;
/** Writes over an alias that others keep changing. */
const MAX_WRITES = 3;

/** `left`: somebody else has moved the alias meanwhile, and it is theirs; or the alarm is one that a trial has answered. */
export type TrialResult = TrialAnswer | { kind: "left" };

/** Nothing is in the way of going back. */
export const UNTRIED: TrialResult = { kind: "blamed", reasons: [] };

/**
 * Where the policy wants it, the version that served before gets a part of the traffic again and the judge compares both:
 * in guard time there is nothing else to compare with. What keeps the trial from being made lets the alias go back at once.
 * A run that was cut off is gone on with from the alias and the release record, for its time and no longer.
 */
export async function tryBoth(
  response: Response,
  release: ReleaseRecord,
  alarmAt: Date | undefined,
): Promise<TrialResult> {
  const { guardTrial: wanted } = release.policy;
  if (!wanted) return UNTRIED;
  const { clearedAt } = release.trial ?? {};
  if (clearedAt !== undefined && alarmAt && alarmAt <= new Date(clearedAt)) return { kind: "left" };
  const begun = await begin(response, release, wanted);
  if (begun === "untried") return UNTRIED;
  if (begun === "left") return { kind: "left" };
  const { log } = response;
  const { deploymentId } = release;
  log.info("both versions serve, to be compared", { deploymentId, ...begun });
  const answer = await compareBoth(response, release, begun, wanted);
  log.info("both versions were compared", { deploymentId, answer: answer.kind });
  if (answer.kind === "cleared") await endTrial(response, { ...release, trial: begun });
  return answer;
}

async function begin(
  response: Response,
  release: ReleaseRecord,
  { percent }: NonNullable<Policy["guardTrial"]>,
): Promise<GuardTrial | "untried" | "left"> {
  const { ports, log } = response;
  const { functionName, alias: name, baselineVersion, canaryVersion, deploymentId } = release;
  try {
    const alias = await ports.functions.getAlias(functionName, name);
    if (isTrialSplit(alias, release)) return isTrialOpen(release) ? release.trial! : "left";
    // Read anew: the alarm may have waited, and what others do with the alias is theirs.
    const position = aliasPosition(alias, { baseline: baselineVersion, canary: canaryVersion });
    if (position === "settling") return "untried";
    if (position !== "on-canary") return "left";
    if (!(await mayServe(response, release))) return "untried";
    const trial: GuardTrial = { percent, startedAt: ports.clock.now().toISOString() };
    // Before the alias: whoever finds it split must find out why.
    await ports.ledger.updateRelease(deploymentId, { trial });
    const other = await otherDeployment(response, release);
    if (other) {
      log.info("a deployment has begun: the versions are not tried side by side", { deploymentId, other });
      return "left";
    }
    const split = { functionName, alias: name, version: canaryVersion, to: baselineVersion, share: percent / 100 };
    await ports.functions.splitAlias({ ...split, revisionId: alias.revisionId }).catch(async (error: unknown) => {
      // The answer to the write itself may have been lost.
      if (!isTrialSplit(await ports.functions.getAlias(functionName, name), release)) throw error;
    });
    return trial;
  } catch (error) {
    log.warn("the versions cannot be tried side by side", { deploymentId, ...factsOf(error) });
    return isConflict(error) ? "left" : "untried";
  }
}

/** The version that served before is there, not known bad, and answers its smoke tests. */
async function mayServe(response: Response, release: ReleaseRecord): Promise<boolean> {
  const { functionName, baselineVersion } = release;
  const [{ record }, info] = await Promise.all([
    readStanding(response, release),
    response.ports.functions.getVersion(functionName, baselineVersion),
  ]);
  if (rollbackTargets(release, record, info ? [info] : []).candidates[0] !== baselineVersion) return false;
  await smokeTest(response, release, baselineVersion);
  return true;
}

async function compareBoth(
  response: Response,
  release: ReleaseRecord,
  trial: GuardTrial,
  wanted: NonNullable<Policy["guardTrial"]>,
): Promise<TrialResult> {
  const { ports, log, signal } = response;
  const { functionName, alias: name } = release;
  const { shift, routing } = trialShift(trial, wanted);
  const { signals: _, staged: __, watch: ___, ...known } = release;
  let judging: Judging | undefined;
  for (;;) {
    const underTrial = { ...known, judging };
    judging = await judgePublished(ports, { release: underTrial, shift, routing }, log, signal);
    const answer = answerOf(judging?.verdict, shift, release, ports.clock.now());
    if (answer) return answer;
    await ports.clock.sleep(POLL_MS, signal);
    const alias = await ports.functions.getAlias(functionName, name).catch(() => undefined);
    if (alias && !isTrialSplit(alias, release)) return { kind: "left" };
  }
}

/**
 * All traffic to the version that serves. Throws when that cannot be done: Lambda delivers the event again, and the trial is
 * gone on with.
 */
export async function endTrial(response: Response, release: ReleaseRecord): Promise<void> {
  const { ports } = response;
  const { functionName, alias: name, canaryVersion, deploymentId, application, group } = release;
  for (let write = 1; ; write += 1) {
    const alias: AliasState = await ports.functions.getAlias(functionName, name);
    if (!isTrialSplit(alias, release)) break;
    const [open] = await ports.deployments.list({ application, group, statuses: OPEN_STATUSES });
    if (open) throw new GoaroundError("conflict", "operator", `deployment ${open} of ${group} is running`);
    try {
      const { revisionId } = alias;
      await ports.functions.moveAlias({ functionName, alias: name, version: canaryVersion, revisionId });
    } catch (error) {
      if (!isConflict(error) || write >= MAX_WRITES) throw error;
    }
  }
  const trial = { ...release.trial!, clearedAt: ports.clock.now().toISOString() };
  await bestEffort(response, "recording how the trial ended", () =>
    ports.ledger.updateRelease(deploymentId, { trial }),
  );
}
