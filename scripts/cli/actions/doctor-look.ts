import { alarmNamePrefix, policyParameterName } from "../../../lib/contract/names.ts";
import type { Policy } from "../../../lib/contract/policy.ts";
import type { VersionInfo } from "../../../lib/core/ports.ts";
import { isAttendedId } from "../../../lib/core/release/attended.ts";
import { isUndo } from "../../../lib/core/release/deployment.ts";
import type { DoctorFacts, LastSuccess } from "../../../lib/core/release/doctor.ts";
import { parameterInTemplate } from "../../../lib/core/release/reconcile.ts";
import type { ReleaseRecord } from "../../../lib/core/release/records.ts";
import { findGroup, openReleaseOf, type Release, readAlias, readLedger, readPolicy, releaseOf } from "../lookup.ts";
import type { Session } from "../session.ts";
import { lookAtFlags } from "./flag-look.ts";
import { leftFilters } from "./left-filters.ts";
import { lookAtLog } from "./log-look.ts";

/** How many deployments of a group are looked through: leftovers are found soon after they were left. */
const HISTORY = 10;

/** Everything that a diagnosis of one alias needs. What cannot be read is warned about and left out. */
export async function lookAt(session: Session, functionName: string, alias: string): Promise<DoctorFacts> {
  const { ports } = session;
  const { state, description } = await readAlias(session, functionName, alias);
  const guarding = await session.attempt("the policy could not be read", readPolicy(session, functionName, alias));
  const ledger = await readLedger(session, functionName, alias);
  if (!ledger.answered) session.warn(`the ledger does not answer (${ledger.why}); what it knows is left out`);
  const open = await openReleaseOf(session, functionName, alias);
  const where = await session.attempt("the deployment group", findGroup(session, functionName, guarding?.policy, {}));
  const history = where === undefined ? [] : await historyOf(session, where, functionName, alias);
  const attendedIds = (ledger.record?.releases ?? []).map((entry) => entry.deploymentId).filter(isAttendedId);
  const ids = [...history.map(({ deployment }) => deployment.deploymentId), ...attendedIds.slice(0, HISTORY)];
  const releases = ledger.answered ? await releasesOf(session, ids) : [];
  const { stackName } = description;
  const stack =
    stackName === undefined
      ? undefined
      : await session.attempt(`stack ${stackName} could not be read`, ports.stacks.alias(stackName, state.arn));
  const named = [...releases.flatMap((release) => release.flags), ...(guarding?.policy?.flags ?? [])];
  const { monitors, isKilling, ...flags } = await lookAtFlags(session, named, ledger.record);
  const versions = await ports.functions.listVersions(functionName);
  const isMoving = Object.values(state.weights).includes(1);
  return {
    now: session.clock.now(),
    alias: state,
    versions,
    hasProvisionedConcurrency: isMoving && (await ports.discovery.hasProvisionedConcurrency(functionName, alias)),
    record: ledger.record,
    stack,
    open: open && {
      deployment: open.deployment,
      target: await ports.deployments.target(open.deployment.deploymentId),
    },
    attended: releases.find(({ attended, closedAt }) => attended !== undefined && closedAt === undefined),
    newest: history[0]?.deployment,
    lastSuccess: where && (await lastSuccessOf(session, where)),
    where,
    releases,
    ...flags,
    alarmActions: isKilling ? {} : await alarmActions(session, functionName, alias, releases, monitors),
    leftFilters: await leftFilters(session, functionName, versions),
    policy: {
      document: guarding?.document,
      template: stack && (await templatePolicy(session, stack.stackName, functionName, alias)),
    },
    log: await lookAtNextLog(session, guarding?.policy, versions, state.functionVersion),
  };
}

/** The policy that the stack of the alias would write; undefined where another stack has it, or the template computes it. */
async function templatePolicy(session: Session, stackName: string, functionName: string, alias: string) {
  const template = await session.attempt(
    `the template of stack ${stackName} could not be read`,
    session.ports.stacks.template(stackName),
  );
  return template && parameterInTemplate(template, policyParameterName(session.environment, functionName, alias));
}

/** What is published next has the configuration of $LATEST, unless its deployment changes it. */
async function lookAtNextLog(
  session: Session,
  policy: Policy | undefined,
  versions: readonly VersionInfo[],
  serving: string,
) {
  if (!policy) return undefined;
  const { functionName } = policy;
  const latest = await session.attempt(
    `the configuration of ${functionName} could not be read`,
    session.ports.functions.getVersion(functionName, "$LATEST"),
  );
  return lookAtLog(session, policy, [versions.find(({ version }) => version === serving), latest]);
}

/** The newest deployments of the alias that are no rollbacks, newest first. */
async function historyOf(
  session: Session,
  where: { application: string; group: string },
  functionName: string,
  alias: string,
): Promise<Release[]> {
  const found: Release[] = [];
  for (const id of (await session.ports.deployments.list(where)).slice(0, HISTORY)) {
    const release = await releaseOf(session, id);
    if (!release || isUndo(release.deployment.creator)) continue;
    if (release.functionName === functionName && release.alias === alias) found.push(release);
  }
  return found;
}

/** Newest first. */
async function releasesOf(session: Session, ids: readonly string[]): Promise<ReleaseRecord[]> {
  const records: ReleaseRecord[] = [];
  for (const id of ids) {
    const reading = session.ports.ledger.getRelease(id);
    const record = await session.attempt(`the record of ${id} could not be read`, reading);
    if (record?.flags !== undefined) records.push(record);
  }
  return records.sort((a, b) => (a.openedAt < b.openedAt ? 1 : -1));
}

async function lastSuccessOf(
  session: Session,
  where: { application: string; group: string },
): Promise<LastSuccess | undefined> {
  const [id] = await session.ports.deployments.list({ ...where, statuses: ["Succeeded"] });
  const release = id === undefined ? undefined : await releaseOf(session, id);
  return (
    release && {
      deploymentId: release.deployment.deploymentId,
      functionName: release.functionName,
      alias: release.alias,
      version: release.canaryVersion,
    }
  );
}

async function alarmActions(
  session: Session,
  functionName: string,
  alias: string,
  releases: readonly ReleaseRecord[],
  monitors: readonly string[],
): Promise<Record<string, boolean>> {
  const { discovery, monitoring } = session.ports;
  const looked = async () => {
    const own = await discovery.alarmsByPrefix(`${alarmNamePrefix(session.environment)}${functionName}.${alias}.`);
    const left = releases.flatMap(({ disabledAlarms = [] }) => disabledAlarms);
    return monitoring.alarmActions([...new Set([...Object.keys(own), ...left, ...monitors])]);
  };
  return (await session.attempt("the alarms could not be read", looked())) ?? {};
}
