import type { Policy } from "../../../lib/contract/policy.ts";
import type { AliasState } from "../../../lib/core/ports.ts";
import { hasTraffic, isAttendedId } from "../../../lib/core/release/attended.ts";
import { describeSteps, stepsBetween } from "../../../lib/core/release/compatibility.ts";
import { isUndo } from "../../../lib/core/release/deployment.ts";
import type { AliasRecord, ReleaseRecord } from "../../../lib/core/release/records.ts";
import { planRollback, type RollbackPlan } from "../../../lib/core/release/rollback-plan.ts";
import {
  describeAlias,
  findGroup,
  type LedgerAnswer,
  newestReleaseOf,
  openReleaseOf,
  type Release,
  readAlias,
  readGuarding,
  readLedger,
} from "../lookup.ts";
import { DEFAULT_REASON } from "../options.ts";
import type { Session } from "../session.ts";
import { openAttendedOf } from "./release-look.ts";

export interface RollbackFunctionOptions {
  functionName: string;
  alias: string;
  targetVersion?: string;
  application?: string;
  deploymentGroup?: string;
  force: boolean;
  /** In steps although the policy does not say so; at once although it does. */
  stages?: boolean;
  atOnce?: boolean;
  /** Also switch off the flags that the policy gives to its releases. */
  withFlags?: boolean;
}

export interface Situation {
  alias: AliasState;
  stackName: string | undefined;
  policy: Policy | undefined;
  guarded: boolean;
  ledger: LedgerAnswer;
  /** The deployment that holds the alias. */
  open: Release | undefined;
  /** The newest deployment that is no rollback. */
  newest: Release | undefined;
  /** A release that has traffic, or else the newest, where a command drove it and CodeDeploy knows nothing of it. */
  attended: ReleaseRecord | undefined;
  /** One that a command drove, that has no traffic and that nobody has ended. */
  leftOver: ReleaseRecord | undefined;
  plan: RollbackPlan;
}

/** Reads all that a rollback is decided from. */
export async function look(session: Session, options: RollbackFunctionOptions): Promise<Situation> {
  const { functionName, alias } = options;
  // Nothing of it waits for another: what a person sees first is when the alias moves.
  const others = Promise.all([
    readGuarding(session, functionName, alias),
    readLedger(session, functionName, alias),
    openReleaseOf(session, functionName, alias),
    session.ports.functions.listVersions(functionName),
  ]);
  others.catch(() => undefined);
  // What is wrong with the name is told before anything else.
  const { state, description } = await readAlias(session, functionName, alias);
  const [{ policy, problems, isGuarded }, ledger, open, versions] = await others;
  for (const problem of problems) session.warn(`the function's policy is wrong: ${problem}`);
  const guarded = isGuarded || ledger.record !== undefined;
  if (!guarded) {
    session.say(
      `  ${functionName}:${alias} is not guarded in environment ${session.environment} (no policy): ` +
        "no smoke tests, nothing goes into a ledger",
    );
  } else if (!ledger.answered) {
    session.warn(`the ledger does not answer (${ledger.why}); going on without it`);
  }
  const finding = findGroup(session, functionName, policy, options);
  // Without the newest release the last known good may be the very version that is to be left: then it is no target.
  const where =
    options.targetVersion === undefined ? await finding : await session.attempt("the deployment group", finding);
  const newest =
    open && !isUndo(open.deployment.creator)
      ? open
      : where && (await newestReleaseOf(session, functionName, alias, where));
  const driven = await session.attempt(
    "a release that a command drove could not be read",
    openAttendedOf(session, ledger.record),
  );
  const isServing = driven !== undefined && !open && hasTraffic(driven, ledger.record, state);
  const attended = open ? undefined : isServing ? driven : await newestAttended(session, ledger.record, newest);
  const plan = planRollback({
    alias: state,
    versions,
    record: ledger.record,
    release: attended ?? (newest && { ...newest, deploymentId: newest.deployment.deploymentId }),
    requested: options.targetVersion,
    force: options.force,
  });
  const { stackName } = description;
  // One that had traffic and that nothing came after was rolled back, and is recorded as that.
  const wasNewest = driven?.deploymentId === attended?.deploymentId && (driven?.staged?.steps.length ?? 0) > 0;
  const leftOver = isServing || wasNewest ? undefined : driven;
  return { alias: state, stackName, policy, guarded, ledger, open, newest, attended, leftOver, plan };
}

/** The alias's newest release in the ledger, when it was none of CodeDeploy's and none of CodeDeploy's came later. */
async function newestAttended(
  session: Session,
  record: AliasRecord | undefined,
  newest: Release | undefined,
): Promise<ReleaseRecord | undefined> {
  const [entry] = record?.releases ?? [];
  if (!entry || !isAttendedId(entry.deploymentId)) return undefined;
  const createdAt = newest?.deployment.createdAt;
  if (createdAt !== undefined && createdAt.getTime() > Date.parse(entry.openedAt)) return undefined;
  const reading = session.ports.ledger.getRelease(entry.deploymentId);
  return session.attempt(`the record of ${entry.deploymentId} could not be read`, reading);
}

export function announce(session: Session, options: RollbackFunctionOptions, situation: Situation): void {
  const { plan, open, attended, leftOver, alias, stackName } = situation;
  const ends = attended?.outcome === "open" ? attended : leftOver;
  const steps = stepsLeft(situation);
  session.banner("rollback", {
    function: `${options.functionName}:${options.alias}`,
    now: describeAlias(alias),
    target: `version ${plan.target.version}: ${plan.source}`,
    override:
      plan.overridden === undefined ? undefined : `known bad (${plan.overridden}), taken all the same by --force`,
    deployment: open && `${open.deployment.deploymentId} (${open.deployment.status}) is running`,
    release: ends && `${ends.deploymentId} (staged, driven by ${ends.attended?.actor}) ends with this`,
    remains: steps.length > 0 ? `${describeSteps(steps)}: not taken back by a rollback` : undefined,
    stack: stackName,
    reason: session.options.reason ?? DEFAULT_REASON,
    environment: session.environment,
  });
}

/** What does not come back with this rollback. */
const stepsLeft = ({ ledger, plan, open }: Situation) =>
  stepsBetween(ledger.record, plan.target.version, [...plan.leaving, ...(open ? [open.canaryVersion] : [])]);

export const facts = (situation: Situation, state: AliasState) => ({
  functionName: state.functionName,
  aliasName: state.alias,
  from: { functionVersion: situation.alias.functionVersion, weights: situation.alias.weights },
  alias: { functionVersion: state.functionVersion, weights: state.weights },
  target: { version: situation.plan.target.version, source: situation.plan.source },
  stoppedDeployment: situation.open?.deployment.deploymentId,
  stackName: situation.stackName,
  stepsNotTakenBack: stepsLeft(situation).map(({ name }) => name),
  guarded: situation.guarded,
});
