import { GoaroundError } from "../../../lib/core/errors.ts";
import { applyOrders } from "../../../lib/core/release/admission-environment.ts";
import { artifactKey } from "../../../lib/core/release/records.ts";
import { forecastLog } from "../../../lib/core/signals/outlook.ts";
import { describeAlias, isWhole } from "../lookup.ts";
import { nothingToDo, type Outcome, planned, type Session } from "../session.ts";
import { canaryConfiguration, findHooks, prepareConfiguration, writeAppSpec } from "./deployment-request.ts";
import { followRelease } from "./follow-release.ts";
import { lookAtLog } from "./log-look.ts";
import { reconcileNote } from "./reconcile-note.ts";
import {
  lookAtRelease,
  type ReleaseFacts,
  type ReleaseRequest,
  refuseOwned,
  refuseWhileAttended,
  refuseWhileOpen,
} from "./release-look.ts";
import { putThresholdAlarm, removeThresholdAlarms, thresholdAlarmName, warnOfAlarms } from "./threshold-alarm.ts";

export interface DeployOptions extends ReleaseRequest {
  /** Percent; without it the group's own configuration is used. */
  canaryPercentage?: number;
  canaryMinutes: number;
}

/** CodeDeploy watches at most ten alarms a deployment (API reference, AlarmConfiguration, 2026). */
const MAX_ALARMS = 10;
const STEPS = 4;

/** Releases a published version through CodeDeploy and follows it to the end. */
export async function deployFunction(session: Session, options: DeployOptions): Promise<Outcome> {
  const { functionName, alias, version } = options;
  const name = `${functionName}:${alias}`;
  session.step(1, STEPS, `look at ${name}, version ${version}, its group and its policy`);
  const release = await lookAtRelease(session, options);
  if (release.alias.functionVersion === version && isWhole(release.alias)) {
    return nothingToDo(`nothing to do: ${name} serves version ${version} already`, facts(options, release));
  }
  await admit(session, options, release);
  const forecast = await forecastOf(session, options, release);
  const hooks = await findHooks(session, release.policy);
  const appSpec = writeAppSpec(functionName, alias, release.alias.functionVersion, version, hooks);
  const routing = canaryConfiguration(options.canaryPercentage, options.canaryMinutes);
  const temporary = options.rollbackThreshold === undefined ? undefined : thresholdAlarmName(session, options);
  session.banner("deploy", {
    function: name,
    change: `version ${release.alias.functionVersion} → ${version}`,
    group: `${release.application} / ${release.group}`,
    configuration: routing?.name ?? release.groupConfiguration,
    hooks: Object.values(hooks).join(", ") || "none: nothing of the guard runs before or after the shift",
    threshold: temporary && `${options.rollbackThreshold} % errors on version ${version} (alarm ${temporary})`,
    alarms: release.groupAlarms.join(", ") || "none in the group",
    reason: session.options.reason,
    environment: session.environment,
  });
  if (release.stackName !== undefined) {
    session.warn(reconcileNote(release.stackName, functionName, alias, version, release.recordedVersion));
  }
  for (const { message, command } of forecast) session.warn(`${message} (${command})`);
  warnOfAlarms(session, options, release, {
    without: "during the shift nothing stops the release",
    withThreshold:
      "during the shift only the alarm of --rollback-threshold stops the release, and only while this command runs",
  });
  if (session.options.dryRun) {
    return planned(`would release version ${version} of ${name}`, {
      ...facts(options, release),
      appSpec: JSON.parse(appSpec),
    });
  }
  await session.confirm(`Release version ${version} of ${name}?`);

  try {
    session.step(2, STEPS, "prepare");
    if (routing) await prepareConfiguration(session, routing);
    if (temporary !== undefined) {
      await putThresholdAlarm(session, options, release, temporary);
      session.state = `the temporary alarm ${temporary} was made and is removed again; no deployment was started`;
    }
    session.step(3, STEPS, "start the deployment");
    const deploymentId = await session.ports.deployments.create({
      application: release.application,
      group: release.group,
      configuration: routing?.name ?? release.groupConfiguration,
      appSpec,
      description: `goaround deploy ${functionName} ${release.alias.functionVersion} -> ${version}${session.options.reason ? `: ${session.options.reason}` : ""}`,
      ...(temporary === undefined ? {} : { alarms: [...release.groupAlarms, temporary] }),
    });
    session.state =
      `deployment ${deploymentId} is running and CodeDeploy goes on with it` +
      (temporary === undefined ? "" : "; only the alarm of --rollback-threshold is removed");
    session.resumeCommand =
      `goaround deploy --action follow --deployment-id ${deploymentId}` +
      ` (or undo it: goaround rollback --action stop-deployment --deployment-id ${deploymentId})`;
    session.say(`  deployment ${deploymentId}`);
    if (temporary !== undefined) {
      await session.attempt(
        "the threshold could not be given to the release record; only the alarm knows it",
        session.ports.ledger.updateRelease(deploymentId, {
          rollbackThresholdPercent: options.rollbackThreshold,
          temporaryAlarms: [temporary],
        }),
      );
    }
    session.step(4, STEPS, "follow it");
    return await followRelease(session, deploymentId, facts(options, release));
  } finally {
    if (temporary !== undefined) {
      await removeThresholdAlarms(session, [temporary]);
    }
  }
}

/** What the release will be judged by where that is not what its policy says. */
async function forecastOf(session: Session, { functionName }: DeployOptions, release: ReleaseFacts) {
  const { policy, target, alias } = release;
  if (!policy) return [];
  const serving = await session.attempt(
    `version ${alias.functionVersion} could not be read`,
    session.ports.functions.getVersion(functionName, alias.functionVersion),
  );
  const facts = await lookAtLog(session, policy, [serving, target]);
  return facts ? forecastLog(facts) : [];
}

/** What forbids a release. The guard's own hook checks again; here it costs no deployment. */
async function admit(session: Session, options: DeployOptions, release: ReleaseFacts): Promise<void> {
  const { functionName, alias, version } = options;
  const name = `${functionName}:${alias}`;
  await refuseWhileOpen(session, functionName, alias);
  const refuse = (message: string, advice: string) => new GoaroundError("refused", "operator", message, { advice });
  const ledger = await session.attempt(
    "the ledger does not answer; whether the version is known bad is left to the hook",
    release.policy ? session.ports.ledger.getAlias(functionName, alias) : Promise.resolve(undefined),
  );
  await refuseWhileAttended(session, ledger);
  if (!isWhole(release.alias)) {
    throw refuse(
      `${name} is split (${describeAlias(release.alias)}) although no deployment is running; CodeDeploy would fail on it`,
      `Make it whole first: goaround rollback --action rollback-function --function-name ${functionName} --alias ${alias} --target-version ${release.alias.functionVersion}`,
    );
  }
  if (release.target.state === "Failed" || release.target.state === "Pending") {
    throw refuse(`version ${version} is ${release.target.state}, not Active`, "Wait until it is, or publish another.");
  }
  const bad = ledger?.knownBad[artifactKey(release.target.codeSha256, release.target.configurationHash)];
  if (bad) {
    const message = `version ${version} is known bad: ${bad.reason} (as version ${bad.version}, ${bad.deploymentId}, ${bad.at})`;
    const advice = `Publish a version that fixes it: the same code with the same configuration is not released again. In an emergency: goaround guard --action break-glass --function-name ${functionName} --rules known-bad --for 1h --reason "…"`;
    const environment = await session.ports.ledger.getEnvironment();
    const facts = { environment, functionName, now: session.clock.now() };
    const { refusals, findings } = applyOrders([{ code: "known-bad", message, advice }], facts);
    for (const finding of findings) session.warn(finding.message);
    if (refusals.length > 0) throw refuse(message, advice);
  }
  if (options.rollbackThreshold !== undefined && release.groupAlarms.length >= MAX_ALARMS) {
    throw refuse(
      `the group has ${release.groupAlarms.length} alarms already; with the one of --rollback-threshold it would be over ${MAX_ALARMS}`,
      "Leave --rollback-threshold out, or take an alarm out of the group.",
    );
  }
  refuseOwned(release, options);
}

const facts = (options: DeployOptions, release: ReleaseFacts) => ({
  functionName: options.functionName,
  aliasName: options.alias,
  from: release.alias.functionVersion,
  to: options.version,
  application: release.application,
  group: release.group,
  rollbackThresholdPercent: options.rollbackThreshold,
  stackName: release.stackName,
});
