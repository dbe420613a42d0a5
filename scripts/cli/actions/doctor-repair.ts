import { ALL_AT_ONCE, MARKER_ALIAS } from "../../../lib/contract/names.ts";
import { GoaroundError } from "../../../lib/core/errors.ts";
import type { Finding, Repair } from "../../../lib/core/release/findings.ts";
import { putBackTo } from "../../../lib/core/release/ledger-rules.ts";
import { onlyMovesRecord, onlySyncs, reconciledTemplate } from "../../../lib/core/release/reconcile.ts";
import { followDeployment, moveAlias, stopAndRestore } from "../follow.ts";
import { describeAlias, isWhole, openReleaseOf, releaseOf } from "../lookup.ts";
import type { Session } from "../session.ts";
import { flagTargetOf, holdOff, killInSession } from "./flag-kill.ts";
import { recordRollback } from "./record.ts";

const DEFAULT_REASON = "doctor";

/** Does one repair. None of them gives traffic to a version that does not serve already. */
export async function repair(session: Session, finding: Finding): Promise<void> {
  const { repair: wanted } = finding;
  if (wanted === undefined) return;
  switch (wanted.do) {
    case "make-whole":
      return makeWhole(session, finding, wanted);
    case "reconcile-stack":
      return reconcileStack(session, finding, wanted);
    case "mark-revision":
      return markRevision(session, finding, wanted);
    case "remember-good":
      return rememberGood(session, finding, wanted);
    case "record-rollback":
      return recordLate(session, finding, wanted);
    case "switch-flags-off":
      return switchFlagsOff(session, wanted);
    case "stop-deployment":
      return stop(session, wanted);
    case "enable-alarm-actions":
      await session.ports.monitoring.setAlarmActions(wanted.alarms, true);
      await session.ports.ledger.updateRelease(wanted.deploymentId, { disabledAlarms: [] });
      session.say(`  enabled the actions of ${wanted.alarms.join(", ")}`);
      return;
    case "remove-log-filter":
      for (const { logGroup, filterName } of wanted.filters) {
        await session.ports.logFilters.remove(logGroup, filterName);
        session.say(`  removed subscription filter ${filterName} from ${logGroup}`);
      }
  }
}

type Wanted<Kind extends Repair["do"]> = Extract<Repair, { do: Kind }>;

const reasonOf = (session: Session) => session.options.reason ?? DEFAULT_REASON;

async function makeWhole(session: Session, { functionName, alias }: Finding, { version }: Wanted<"make-whole">) {
  await requireNoDeployment(session, functionName, alias);
  const state = await moveAlias(session, { functionName, alias, version });
  session.say(`  alias ${alias} is on ${describeAlias(state)}`);
}

/** CodeDeploy writes the alias while one of its deployments is open. */
async function requireNoDeployment(session: Session, functionName: string, alias: string): Promise<void> {
  const open = await openReleaseOf(session, functionName, alias);
  if (!open) return;
  throw new GoaroundError("conflict", "operator", `deployment ${open.deployment.deploymentId} has begun meanwhile`, {
    advice: "Run doctor again when it has ended.",
  });
}

/**
 * Makes the stack record the version that serves: by a drift-aware change set when CloudFormation shows that it changes
 * the record only, else by an update in which nothing but this alias changes, without its UpdatePolicy, to the version
 * that it is at already. Neither is executed before CloudFormation has said that it changes nothing else.
 */
async function reconcileStack(session: Session, finding: Finding, wanted: Wanted<"reconcile-stack">): Promise<void> {
  const { stacks, functions } = session.ports;
  const { functionName, alias } = finding;
  const { stackName, logicalId, version } = wanted;
  const deployed = await stacks.template(stackName);
  const description = `goaround: records version ${version} of ${functionName}:${alias}, which serves (${reasonOf(session)})`;
  const changeSet = await chooseChangeSet(session, wanted, deployed, description);
  const now = await functions.getAlias(functionName, alias);
  const open = await openReleaseOf(session, functionName, alias);
  if (now.functionVersion !== version || !isWhole(now) || open) {
    await stacks.discard(changeSet);
    throw new GoaroundError(
      "conflict",
      "operator",
      `alias ${alias} of ${functionName} changes: it is at ${describeAlias(now)}`,
      {
        advice: "Run doctor again when it has come to rest.",
      },
    );
  }
  session.state = `an update of stack ${stackName} runs, in which ${logicalId} gets version ${version}, which serves already`;
  await stacks.execute(changeSet);
  const pause = session.pauses();
  for (;;) {
    const { status, reason } = await stacks.status(stackName);
    if (status === "UPDATE_COMPLETE") break;
    if (!status.endsWith("_IN_PROGRESS")) {
      throw new GoaroundError(
        "partly-done",
        "dependency",
        `stack ${stackName} is in ${status}: ${reason ?? "no reason was given"}`,
        {
          advice: `Look at its events, then run doctor again: aws cloudformation describe-stack-events --stack-name ${stackName}`,
        },
      );
    }
    await pause();
  }
  session.say(`  stack ${stackName} records version ${version}; no traffic was moved`);
}

async function chooseChangeSet(
  session: Session,
  { stackName, logicalId, version }: Wanted<"reconcile-stack">,
  deployed: string,
  description: string,
): Promise<string> {
  const { stacks } = session.ports;
  const alias = { stackName, logicalId, version };
  const kept = reconciledTemplate(deployed, alias, "kept");
  const synced = await stacks.propose({ stackName, template: kept, compare: "live", description });
  if (synced && onlySyncs(synced.changes, logicalId)) {
    session.say("  a drift-aware change set changes the record only");
    return synced.changeSet;
  }
  if (synced) await stacks.discard(synced.changeSet);
  session.say("  CloudFormation does not sync the alias: updating it without its UpdatePolicy, to where it is");
  const left = reconciledTemplate(deployed, alias, "left-out");
  const moved = await stacks.propose({ stackName, template: left, compare: "recorded", description });
  if (moved && onlyMovesRecord(moved.changes, logicalId)) return moved.changeSet;
  if (moved) await stacks.discard(moved.changeSet);
  const changes = moved?.changes.map((change) => `${change.action} ${change.logicalId} (${change.names.join(", ")})`);
  throw new GoaroundError(
    "refused",
    "operator",
    `an update of stack ${stackName} would change more than the version of ${logicalId}: ${changes?.join("; ") ?? "it was refused"}`,
    { advice: "Nothing was changed. Deploy a template in which the alias's version is the live one." },
  );
}

/**
 * Gives the group a last successful revision that cannot bring back the version which was left: a deployment of an alias
 * that serves nobody. CodeDeploy then restores what served, as for a group's first deployment [inferred].
 */
async function markRevision(session: Session, finding: Finding, wanted: Wanted<"mark-revision">): Promise<void> {
  const { functions, markerAlias, deployments, ledger } = session.ports;
  const { functionName } = finding;
  const { application, group, version } = wanted;
  const from = (await functions.getVersion(functionName, wanted.from))
    ? wanted.from
    : (await functions.listVersions(functionName)).find((other) => other.version !== version)?.version;
  if (from === undefined) {
    throw new GoaroundError("refused", "operator", `${functionName} has no version beside ${version} to deploy from`);
  }
  session.state = `alias ${MARKER_ALIAS} of ${functionName}, which serves nobody, may still exist`;
  await markerAlias.put(functionName, MARKER_ALIAS, from);
  try {
    const deploymentId = await deployments.create({
      application,
      group,
      configuration: ALL_AT_ONCE,
      appSpec: markerAppSpec(functionName, from, version),
      description: `goaround: marks version ${version} as what serves (${reasonOf(session)})`,
      alarms: [],
      // A rollback would go to the very version that was left.
      autoRollback: false,
    });
    // No release: the guard need not report that no hook of its saw it.
    await session.attempt("the guard may report an unguarded deployment", ledger.complete(deploymentId, "unguarded"));
    const { status, error } = await followDeployment(session, deploymentId);
    if (status !== "Succeeded") {
      throw new GoaroundError(
        "partly-done",
        "dependency",
        `${deploymentId} ended ${status}: ${error?.message ?? "no reason was given"}`,
        {
          advice: `Look at the rights of the group's role on alias ${MARKER_ALIAS}, then run doctor again.`,
        },
      );
    }
  } finally {
    await markerAlias.remove(functionName, MARKER_ALIAS);
  }
  session.say(`  group ${group} has no revision any more that brings version ${wanted.from}`);
}

const markerAppSpec = (functionName: string, from: string, to: string) =>
  JSON.stringify({
    version: 0.0,
    Resources: [
      {
        [functionName]: {
          Type: "AWS::Lambda::Function",
          Properties: { Name: functionName, Alias: MARKER_ALIAS, CurrentVersion: from, TargetVersion: to },
        },
      },
    ],
  });

async function rememberGood(session: Session, { functionName, alias }: Finding, { version }: Wanted<"remember-good">) {
  const info = await session.ports.functions.getVersion(functionName, version);
  if (!info) return;
  const now = session.clock.now();
  await session.ports.ledger.changeAlias(functionName, alias, (record) => putBackTo(record, info, DEFAULT_REASON, now));
  session.say(`  version ${version} is the last known good`);
}

/** What whoever put the alias back could not write down. */
async function recordLate(
  session: Session,
  { functionName, alias, message }: Finding,
  { deploymentId, canaryVersion, version, isBad }: Wanted<"record-rollback">,
): Promise<void> {
  const target = await session.ports.functions.getVersion(functionName, version);
  const left = { functionName, alias, canaryVersion, deployment: { deploymentId } };
  const reason = session.options.reason ?? message;
  if (!(await recordRollback(session, left, target, [canaryVersion], { reason, isBad }))) {
    throw new GoaroundError("partly-done", "dependency", `the rollback of ${deploymentId} could not be recorded`, {
      advice: "Run doctor again when the ledger answers.",
    });
  }
  session.say(`  release ${deploymentId} is recorded as rolled back`);
}

async function switchFlagsOff(session: Session, { reference, reason }: Wanted<"switch-flags-off">): Promise<void> {
  const { flags, ...ids } = reference;
  const target = await flagTargetOf(session, ids);
  const result = await killInSession(session, { target, flags, reason, unknown: "leave-out" });
  const known = flags.filter((flag) => !result.unknown.includes(flag));
  await holdOff(session, target, known, reason, result.version);
  session.say(`  off: ${[...result.switchedOff, ...result.alreadyOff].join(", ")}`);
}

async function stop(session: Session, { deploymentId }: Wanted<"stop-deployment">): Promise<void> {
  const release = await releaseOf(session, deploymentId);
  if (!release) return;
  const { alias } = await stopAndRestore(session, release);
  session.say(`  alias ${alias.alias} is on ${describeAlias(alias)}`);
}
