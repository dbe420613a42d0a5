import { GoaroundError } from "../../../lib/core/errors.ts";
import type { AliasState } from "../../../lib/core/ports.ts";
import { hasEnded, isManualStop, isUndo } from "../../../lib/core/release/deployment.ts";
import type { RollbackRecord } from "../../../lib/core/release/journal.ts";
import type { ReleaseRecord } from "../../../lib/core/release/records.ts";
import { servingVersions } from "../../../lib/core/release/rollback-plan.ts";
import type { RollbackRun } from "../../../lib/core/release/run-rollback.ts";
import { runSmokeTests } from "../../../lib/core/release/smoke.ts";
import { followDeployment, moveAlias, stopAndRestore } from "../follow.ts";
import { describeAlias, isWhole, openReleaseOf, type Release } from "../lookup.ts";
import { DEFAULT_REASON } from "../options.ts";
import { underLease } from "../rollback-lease.ts";
import { done, nothingToDo, type Outcome, planned, type Session } from "../session.ts";
import { DEFAULT_HEALTH_MINUTES, lookAtHealth, printHealth } from "./health.ts";
import { closeLeftOver, endLeftOver } from "./left-over.ts";
import { takeStepsBack } from "./plan-steps-back.ts";
import { reconcileNote } from "./reconcile-note.ts";
import { isOnRecord, type LeftRelease, noteReason, notRecorded, recordRollback } from "./record.ts";
import { flagsLeftOn, flagsNotOff, flagsToo, switchReleaseFlagsOff, tellOfFlags } from "./release-flags.ts";
import { checkAlias, endJournal } from "./rollback-journal.ts";
import { announce, facts, look, type RollbackFunctionOptions, type Situation } from "./rollback-situation.ts";
import { stepsBefore } from "./steps-back.ts";

const STEPS = 5;

/**
 * Puts an alias back. A running deployment is stopped with rollback first and the alias is never written meanwhile. A
 * second run finds nothing left to do.
 */
export async function rollbackFunction(session: Session, options: RollbackFunctionOptions): Promise<Outcome> {
  const { functionName, alias } = options;
  const name = `${functionName}:${alias}`;
  if (options.force && session.options.reason === undefined) {
    throw new GoaroundError("usage", "operator", "--force overrides a safety rule and needs --reason", {
      advice: 'Add --reason "why"; it is recorded.',
    });
  }
  session.step(1, STEPS, `look at ${name}, its deployments and the ledger`);
  const situation = await look(session, options);
  session.step(2, STEPS, "choose the version to go back to");
  announce(session, options, situation);
  const { plan, open } = situation;
  if (open && open.canaryVersion === options.targetVersion && !isUndo(open.deployment.creator)) {
    throw new GoaroundError(
      "conflict",
      "operator",
      `deployment ${open.deployment.deploymentId} is moving ${name} to version ${options.targetVersion} right now`,
      { advice: `Let it finish, or stop it: ${stopCommand(open)}` },
    );
  }
  if (!open && plan.action === "nothing" && isWhole(situation.alias)) {
    const outcome = await alreadyThere(session, situation);
    return options.withFlags && !session.options.dryRun
      ? flagsToo(session, situation.policy?.flags ?? [], outcome)
      : outcome;
  }
  if (session.options.dryRun) {
    return planned(
      `${open ? `would stop deployment ${open.deployment.deploymentId} with rollback, then ` : ""}would have all traffic of ${name} on version ${plan.target.version}`,
      facts(situation, situation.alias),
    );
  }
  await session.confirm(`Put all traffic of ${name} on version ${plan.target.version}?`);

  const leaving = [
    ...new Set([...plan.leaving, ...(open && !isUndo(open.deployment.creator) ? [open.canaryVersion] : [])]),
  ];
  // Both levers at once.
  const references = options.withFlags ? (situation.policy?.flags ?? []) : [];
  const flagsOff = switchReleaseFlagsOff(session, references, session.options.reason ?? DEFAULT_REASON);
  flagsOff.catch(() => undefined);
  const act = (step: RollbackRun["step"]) => putBack(session, { options, situation, leaving, step });
  const result = situation.guarded
    ? await asOne(session, { options, situation }, act)
    : { ...(await act((_, work) => work())), joined: undefined };
  const { state, joined } = result;
  const isClosed = !situation.leftOver || (await closeLeftOver(session, situation.leftOver));
  const recorded = isClosed && result.recorded;
  const flags = await flagsOff;
  if (options.withFlags) tellOfFlags(session, flags);
  if (situation.guarded) await takeStepsBack(session, options, plan.target.version);
  const health = await session.attempt(
    "the health check could not be made",
    lookAtHealth(session, functionName, alias, DEFAULT_HEALTH_MINUTES),
  );
  if (health) printHealth(session, health);
  const data = { ...facts(situation, state), left: leaving, recorded, joined, health, flags };
  const whose = joined ? `; ${joined.actor} did it` : "";
  const message = `rolled back ${name} to version ${plan.target.version}, ${plan.source}${whose}`;
  const next = nextSteps(situation, options, leaving, open, await recordedVersion(session, situation));
  const left = flagsLeftOn(flags);
  if (left.length > 0) return flagsNotOff(message, left, data);
  return recorded === false ? notRecorded(message, data, next) : done(message, data, next);
}

interface PutBack {
  state: AliasState;
  /** False: the ledger does not know it. Undefined: there is no ledger for this function. */
  recorded: boolean | undefined;
}

interface Acting {
  options: RollbackFunctionOptions;
  situation: Situation;
  leaving: readonly string[];
  step: RollbackRun["step"];
}

async function putBack(session: Session, { options, situation, leaving, step }: Acting): Promise<PutBack> {
  const { plan, open, guarded } = situation;
  const { version } = plan.target;
  session.step(3, STEPS, open ? `end deployment ${open.deployment.deploymentId}` : "check the version to go back to");
  if (open) await step("stop-deployment", () => endOpenDeployment(session, open));
  else await step("check-target", () => checkTarget(session, situation, options));

  session.step(4, STEPS, `all traffic to version ${version}`);
  const state = await step("move-alias", () => restore(session, options, situation));
  session.trafficIsBack();
  session.say(`  alias ${options.alias} is on ${describeAlias(state)}`);

  session.step(5, STEPS, "record and check");
  if (!guarded) return { state, recorded: undefined };
  const left = releaseLeft(situation, open, leaving, options);
  return { state, recorded: await step("record", () => recordRollback(session, left, plan.target, leaving)) };
}

/** One of all who want the same; what the others report is read from the alias in every case. */
async function asOne(
  session: Session,
  { options, situation }: Pick<Acting, "options" | "situation">,
  act: (step: RollbackRun["step"]) => Promise<PutBack>,
): Promise<PutBack & { joined: RollbackRecord | undefined }> {
  const { functionName, alias } = options;
  const { plan, open, newest } = situation;
  const { version } = plan.target;
  const deploymentId = (open ?? newest)?.deployment.deploymentId;
  const steps = [open ? ("stop-deployment" as const) : ("check-target" as const), "move-alias", "record"] as const;
  const result = await underLease(
    session,
    { functionName, alias, version, deploymentId, steps },
    ({ step }) => act(step),
    ({ state }) => `alias ${alias} serves ${describeAlias(state)}`,
  );
  if (result.kind === "acted") return { ...result.value, joined: undefined };
  const state = await checkAlias(session, { functionName, alias, version });
  return { state, recorded: true, joined: result.record };
}

/** Nothing to move. What an earlier run could not write into the ledger is made up for. */
async function alreadyThere(session: Session, situation: Situation): Promise<Outcome> {
  const { alias, plan } = situation;
  const name = `${alias.functionName}:${alias.alias}`;
  const outcome = nothingToDo(
    `nothing to do: all traffic of ${name} is on version ${plan.target.version} already (${plan.source})`,
    facts(situation, alias),
  );
  if (!session.options.dryRun) {
    await endJournal(session, situation);
    if (situation.guarded) await takeStepsBack(session, alias, plan.target.version);
  }
  const recorded = await recordLeft(session, situation, outcome);
  return situation.leftOver ? endLeftOver(session, situation.leftOver, recorded) : recorded;
}

async function recordLeft(session: Session, situation: Situation, outcome: Outcome): Promise<Outcome> {
  const { alias, plan, ledger } = situation;
  const name = `${alias.functionName}:${alias.alias}`;
  const left = releaseLeftBefore(situation);
  if (!left) return (await recordGoodLeft(session, situation, outcome)) ?? outcome;
  const record = ledger.answered ? await isOnRecord(session, left, ledger.record?.knownBad ?? {}) : "unknown";
  if (record === "yes") return outcome;
  const what = `that release ${left.deployment.deploymentId} of version ${left.canaryVersion} was rolled back`;
  if (session.options.dryRun) return planned(`nothing to move; would record ${what}`, outcome.data);
  if (record === "unknown" || !(await recordRollback(session, left, plan.target, [left.canaryVersion]))) {
    return notRecorded(`all traffic of ${name} is on version ${plan.target.version}`, {
      ...outcome.data,
      recorded: false,
    });
  }
  session.say(`  recorded ${what}`);
  return { ...outcome, data: { ...outcome.data, left: [left.canaryVersion], recorded: true } };
}

/**
 * The ledger holds a later version for good than the one that was asked for and serves: an earlier run moved the traffic
 * and could not write that down. No deployment tells of it where the newest one had ended before that.
 */
async function recordGoodLeft(session: Session, situation: Situation, outcome: Outcome): Promise<Outcome | undefined> {
  const { guarded, ledger, alias, plan } = situation;
  const good = ledger.answered ? ledger.record?.lastKnownGood?.version : undefined;
  if (!guarded || good === undefined || Number(plan.target.version) >= Number(good)) return undefined;
  if (session.options.dryRun)
    return planned(`nothing to move; would record that version ${good} was left`, outcome.data);
  const recorded = await recordRollback(session, alias, plan.target, [good]);
  if (!recorded) return notRecorded(outcome.message, { ...outcome.data, recorded });
  session.say(`  recorded that version ${good} was left`);
  return { ...outcome, data: { ...outcome.data, left: [good], recorded } };
}

const asLeft = ({ functionName, alias, canaryVersion, deploymentId }: ReleaseRecord): LeftRelease => ({
  functionName,
  alias,
  canaryVersion,
  deployment: { deploymentId },
});

/** The newest release, when its version was left for an earlier one by hand. */
function releaseLeftBefore({ guarded, newest, attended, alias, plan }: Situation): LeftRelease | undefined {
  if (attended) {
    const isLeft = attended.staged?.steps.length && !servingVersions(alias).includes(attended.canaryVersion);
    return isLeft && attended.outcome !== "failed" ? asLeft(attended) : undefined;
  }
  if (!guarded || !newest || !hasEnded(newest.deployment)) return undefined;
  if (servingVersions(alias).includes(newest.canaryVersion)) return undefined;
  const { status } = newest.deployment;
  const byHand = status === "Succeeded" || isManualStop(newest.deployment);
  return byHand && Number(plan.target.version) < Number(newest.canaryVersion) ? newest : undefined;
}

/** A rollback that runs already is waited for; anything else is stopped with rollback. */
async function endOpenDeployment(session: Session, open: Release): Promise<void> {
  const id = open.deployment.deploymentId;
  if (isUndo(open.deployment.creator)) {
    session.say(`  ${id} is itself a rollback: waiting for it`);
    session.state = `rollback deployment ${id} is running; CodeDeploy goes on with it by itself`;
    await followDeployment(session, id);
    return;
  }
  const [{ alias }] = await Promise.all([stopAndRestore(session, open), noteReason(session, id)]);
  session.say(`  ${id} is stopped; the alias is on ${describeAlias(alias)}`);
}

async function checkTarget(session: Session, situation: Situation, options: RollbackFunctionOptions): Promise<void> {
  const { plan, policy } = situation;
  const { version, state } = plan.target;
  const where = `version ${version} of ${options.functionName}`;
  const objections: string[] = [];
  if (state === "Failed" || state === "Pending") objections.push(`${where} is ${state}, not Active`);
  else if (policy && policy.smokeTests.length > 0) {
    const failures = await session.attempt(
      `${where} could not be smoke-tested`,
      runSmokeTests(policy.smokeTests, {
        functions: session.ports.functions,
        clock: session.clock,
        functionName: options.functionName,
        version,
        signal: session.signal,
      }),
    );
    objections.push(...(failures ?? []).map((failure) => `${where}: ${failure.message}`));
    if (failures?.length === 0) session.say(`  ${policy.smokeTests.length} smoke test(s) passed on version ${version}`);
  }
  if (objections.length === 0) return;
  if (options.force) {
    session.warn(`${objections.join("; ")}; going on because of --force`);
    return;
  }
  throw new GoaroundError("refused", "operator", objections.join("; "), {
    advice: 'Nothing was changed. Name another version with --target-version, or insist with --force --reason "why".',
  });
}

async function restore(session: Session, options: RollbackFunctionOptions, situation: Situation): Promise<AliasState> {
  const { functionName, alias } = options;
  const { plan } = situation;
  await stepsBefore(session, options, situation);
  for (;;) {
    const seen = await session.ports.functions.getAlias(functionName, alias);
    if (seen.functionVersion === plan.target.version && isWhole(seen)) return seen;
    // A deployment may have begun since the first look (the rollback of a stack starts one), and would write against us.
    const begun = await openReleaseOf(session, functionName, alias);
    if (!begun) break;
    const { deploymentId, creator } = begun.deployment;
    if (!isUndo(creator)) {
      throw new GoaroundError("conflict", "operator", `deployment ${deploymentId} (${creator}) has begun meanwhile`, {
        advice: "Run the same command again: it stops that deployment first.",
      });
    }
    session.say(`  waiting for ${deploymentId} (${creator})`);
    await followDeployment(session, deploymentId);
  }
  const state = await moveAlias(session, { functionName, alias, version: plan.target.version });
  session.state = `the alias is on version ${plan.target.version}; the ledger may not know it yet`;
  await checkAlias(session, { functionName, alias, version: plan.target.version });
  return state;
}

/** The release whose version is being left, so that its record can be closed. */
function releaseLeft(
  situation: Situation,
  open: Release | undefined,
  leaving: readonly string[],
  { functionName, alias }: RollbackFunctionOptions,
) {
  const { attended } = situation;
  if (attended && leaving.includes(attended.canaryVersion)) return asLeft(attended);
  const release = open && !isUndo(open.deployment.creator) ? open : situation.newest;
  return release && leaving.includes(release.canaryVersion) ? release : { functionName, alias };
}

/** What the stack's template says the alias is on; asked when nobody waits for traffic any more. */
async function recordedVersion(session: Session, { stackName, alias }: Situation): Promise<string | undefined> {
  if (stackName === undefined) return undefined;
  const reading = session.ports.stacks.alias(stackName, alias.arn);
  return (await session.attempt(`what stack ${stackName} records could not be read`, reading))?.recordedVersion;
}

function nextSteps(
  situation: Situation,
  { functionName, alias }: RollbackFunctionOptions,
  leaving: readonly string[],
  open: Release | undefined,
  recorded: string | undefined,
): string {
  const { version } = situation.plan.target;
  // A stack update whose deployment was stopped goes back by itself, to the version that the deployment had replaced.
  const stackGoesBack = open?.deployment.creator === "CloudFormation" && open.baselineVersion === version;
  return [
    `Watch it: goaround rollback --action health-check --functions ${functionName}.`,
    leaving.length > 0
      ? `Fix version ${leaving.join(", ")} and release it as a new version${situation.guarded ? "; the same artifact is refused" : ""}.`
      : "",
    open?.deployment.creator === "CloudFormation"
      ? "The stack update that started the deployment fails and rolls back too; wait for UPDATE_ROLLBACK_COMPLETE."
      : "",
    situation.stackName === undefined || stackGoesBack || recorded === version
      ? ""
      : reconcileNote(situation.stackName, functionName, alias, version, recorded),
  ]
    .filter(Boolean)
    .join(" ");
}

const stopCommand = (open: Release) =>
  `goaround rollback --action stop-deployment --deployment-id ${open.deployment.deploymentId}`;
