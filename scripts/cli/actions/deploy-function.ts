import { alarmName, parseAlarmName } from "../../../lib/contract/names.ts";
import type { Policy } from "../../../lib/contract/policy.ts";
import { GoaroundError } from "../../../lib/core/errors.ts";
import type { AliasState, VersionInfo } from "../../../lib/core/ports.ts";
import { applyOrders } from "../../../lib/core/release/admission-environment.ts";
import { artifactKey } from "../../../lib/core/release/records.ts";
import { describeAlias, findGroup, isWhole, newestFirst, openReleaseOf, readAlias, readPolicy } from "../lookup.ts";
import { nothingToDo, type Outcome, planned, type Session } from "../session.ts";
import { canaryConfiguration, findHooks, prepareConfiguration, writeAppSpec } from "./deployment-request.ts";
import { followRelease } from "./follow-release.ts";
import { reconcileNote } from "./reconcile-note.ts";

export interface DeployOptions {
  functionName: string;
  version: string;
  alias: string;
  application?: string;
  deploymentGroup?: string;
  /** Percent; without it the group's own configuration is used. */
  canaryPercentage?: number;
  canaryMinutes: number;
  /** Percent errors on the canary. */
  rollbackThreshold?: number;
  detach: boolean;
}

/** CodeDeploy watches at most ten alarms a deployment (API reference, AlarmConfiguration, 2026). */
const MAX_ALARMS = 10;
/** Without a policy: below this many requests a minute one error would be over most thresholds. */
const DEFAULT_MIN_SAMPLES = 20;
const STEPS = 4;

interface Release {
  alias: AliasState;
  target: VersionInfo;
  stackName: string | undefined;
  policy: Policy | undefined;
  application: string;
  group: string;
  groupAlarms: string[];
  groupConfiguration: string;
}

/** Releases a published version through CodeDeploy and follows it to the end. */
export async function deployFunction(session: Session, options: DeployOptions): Promise<Outcome> {
  const { functionName, alias, version } = options;
  const name = `${functionName}:${alias}`;
  session.step(1, STEPS, `look at ${name}, version ${version}, its group and its policy`);
  const release = await look(session, options);
  if (release.alias.functionVersion === version && isWhole(release.alias)) {
    return nothingToDo(`nothing to do: ${name} serves version ${version} already`, facts(options, release));
  }
  await admit(session, options, release);
  const hooks = await findHooks(session, release.policy);
  const appSpec = writeAppSpec(functionName, alias, release.alias.functionVersion, version, hooks);
  const routing = canaryConfiguration(options.canaryPercentage, options.canaryMinutes);
  const temporary =
    options.rollbackThreshold === undefined
      ? undefined
      : alarmName({ environment: session.environment, functionName, alias, check: "threshold", version });
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
    session.warn(reconcileNote(release.stackName, functionName, alias, version));
  }
  warnOfAlarms(session, options, release);
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
    if (temporary !== undefined) await putThresholdAlarm(session, options, release, temporary);
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
      await session.ports.monitoring.deleteAlarms([temporary]).catch((error: unknown) => {
        session.warn(
          `the temporary alarm could not be removed (${(error as Error).message}); ` +
            `run: aws cloudwatch delete-alarms --alarm-names ${temporary}`,
        );
      });
    }
  }
}

async function look(session: Session, options: DeployOptions): Promise<Release> {
  const { functionName, alias, version } = options;
  const { state, description } = await readAlias(session, functionName, alias);
  const target = await session.ports.functions.getVersion(functionName, version);
  if (!target) {
    const versions = newestFirst(await session.ports.functions.listVersions(functionName));
    const names = versions.slice(0, 10).map((each) => each.version);
    throw new GoaroundError("version-missing", "operator", `version ${version} of ${functionName} does not exist`, {
      advice: `Its newest versions: ${names.join(", ") || "none"}. Publish one with: aws lambda publish-version --function-name ${functionName}`,
    });
  }
  const { policy, problems } = await readPolicy(session, functionName, alias);
  if (problems.length > 0) {
    throw new GoaroundError("policy-invalid", "operator", `the function's policy is wrong: ${problems.join("; ")}`, {
      advice: "Correct it in the CDK app and deploy that, then release again.",
    });
  }
  const found = await findGroup(session, functionName, policy, options);
  const group = found && (await session.ports.deployments.group(found.application, found.group));
  if (!found || !group) {
    throw new GoaroundError(
      "group-missing",
      "operator",
      `no CodeDeploy application has a deployment group for ${functionName}` +
        (options.deploymentGroup ? ` named ${options.deploymentGroup}` : ""),
      { advice: "Name them with --application and --deployment-group, or make the function a guarded function." },
    );
  }
  return {
    alias: state,
    target,
    stackName: description.stackName,
    policy,
    ...found,
    groupAlarms: group.alarms,
    groupConfiguration: group.configuration,
  };
}

/** CloudFormation makes the alarms of a version with the version; one released past it has none of its own. */
function warnOfAlarms(session: Session, { version, rollbackThreshold }: DeployOptions, release: Release): void {
  const versions = release.groupAlarms.map((name) => parseAlarmName(session.environment, name)?.version);
  const others = [...new Set(versions.filter((watched) => watched !== undefined && watched !== version))];
  if (others.length === 0 || versions.includes(version)) return;
  session.warn(
    `the group's alarms watch version ${others.join(", ")}, not ${version}: during the shift ` +
      (rollbackThreshold === undefined
        ? "nothing stops the release; add --rollback-threshold 5"
        : "only the alarm of --rollback-threshold stops the release, and only while this command runs"),
  );
}

/** What forbids a release. The guard's own hook checks again; here it costs no deployment. */
async function admit(session: Session, options: DeployOptions, release: Release): Promise<void> {
  const { functionName, alias, version } = options;
  const name = `${functionName}:${alias}`;
  const open = await openReleaseOf(session, functionName, alias);
  if (open) {
    const id = open.deployment.deploymentId;
    throw new GoaroundError(
      "conflict",
      "operator",
      `deployment ${id} of ${name} is in progress (${open.deployment.status})`,
      {
        advice: `Follow it: goaround deploy --action follow --deployment-id ${id}; or undo it: goaround rollback --action stop-deployment --deployment-id ${id}`,
      },
    );
  }
  const refuse = (message: string, advice: string) => new GoaroundError("refused", "operator", message, { advice });
  if (!isWhole(release.alias)) {
    throw refuse(
      `${name} is split (${describeAlias(release.alias)}) although no deployment is running; CodeDeploy would fail on it`,
      `Make it whole first: goaround rollback --action rollback-function --function-name ${functionName} --alias ${alias} --target-version ${release.alias.functionVersion}`,
    );
  }
  if (release.target.state === "Failed" || release.target.state === "Pending") {
    throw refuse(`version ${version} is ${release.target.state}, not Active`, "Wait until it is, or publish another.");
  }
  const ledger = await session.attempt(
    "the ledger does not answer; whether the version is known bad is left to the hook",
    release.policy ? session.ports.ledger.getAlias(functionName, alias) : Promise.resolve(undefined),
  );
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
  if (release.stackName !== undefined && !options.detach) {
    throw refuse(
      reconcileNote(release.stackName, functionName, alias, version),
      "Release through `cdk deploy`, or add --detach to go on and reconcile later.",
    );
  }
}

async function putThresholdAlarm(
  session: Session,
  options: DeployOptions,
  release: Release,
  name: string,
): Promise<void> {
  await session.ports.monitoring.putVersionErrorAlarm({
    name,
    description: `Temporary: errors of version ${options.version} over ${options.rollbackThreshold} % (goaround deploy)`,
    errorRatePercent: options.rollbackThreshold ?? 0,
    functionName: options.functionName,
    alias: options.alias,
    version: options.version,
    minSamples: release.policy?.checks.minSamples ?? DEFAULT_MIN_SAMPLES,
  });
  session.state = `the temporary alarm ${name} was made and is removed again; no deployment was started`;
}

const facts = (options: DeployOptions, release: Release) => ({
  functionName: options.functionName,
  aliasName: options.alias,
  from: release.alias.functionVersion,
  to: options.version,
  application: release.application,
  group: release.group,
  rollbackThresholdPercent: options.rollbackThreshold,
  stackName: release.stackName,
});
