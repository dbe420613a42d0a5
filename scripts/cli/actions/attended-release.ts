import { stagedMinutes } from "../../../lib/contract/stages.ts";
import { GoaroundError } from "../../../lib/core/errors.ts";
import { attendedCommand, takeBackCommand } from "../../../lib/core/release/attended.ts";
import type { ReleaseRecord } from "../../../lib/core/release/records.ts";
import { describeAlias, isWhole } from "../lookup.ts";
import { nothingToDo, type Outcome, planned, type Session } from "../session.ts";
import { drive } from "./attended-drive.ts";
import { type AttendedOptions, admitAttended, openRelease, takeOver } from "./attended-open.ts";
import { reconcileNote } from "./reconcile-note.ts";
import { lookAtRelease, openAttendedOf, type ReleaseFacts } from "./release-look.ts";
import { warnOfAlarms } from "./threshold-alarm.ts";

const STEPS = 3;

/**
 * A staged release that takes hours: outside CodeDeploy, whose hooks have one. This command gives the new version its
 * shares, judges each stage as the watch does, and takes the last share away again when the version is worse.
 */
export async function attendedRelease(session: Session, options: AttendedOptions): Promise<Outcome> {
  const { functionName, alias, version } = options;
  const name = `${functionName}:${alias}`;
  session.step(1, STEPS, `look at ${name}, version ${version}, its policy and the ledger`);
  const facts = await lookAtRelease(session, options);
  const before = await openBefore(session, options);
  if (!before && facts.alias.functionVersion === version && isWhole(facts.alias)) {
    return nothingToDo(`nothing to do: ${name} serves version ${version} already`, dataOf(options, facts));
  }
  const admitted = before ? undefined : await admitAttended(session, options, facts);
  announce(session, options, facts, before);
  if (session.options.dryRun) {
    const what = before ? `go on with release ${before.deploymentId}` : `release version ${version} of ${name}`;
    return planned(`would ${what} in ${options.stages.length} stages`, dataOf(options, facts, before));
  }
  await session.confirm(`Release version ${version} of ${name} in stages?`);
  session.step(2, STEPS, before ? `take release ${before.deploymentId} over` : "write the release down");
  const owner = crypto.randomUUID();
  const release = admitted
    ? await openRelease(session, options, facts, { ...admitted, owner })
    : await takeOver(session, before!, owner);
  session.say(`  release ${release.deploymentId}`);
  session.step(3, STEPS, "stage by stage");
  return drive(session, release, facts.stackName);
}

/** The release that this command was cut off from. Throws `conflict` when another one is open. */
async function openBefore(
  session: Session,
  { functionName, alias, version, stages }: AttendedOptions,
): Promise<ReleaseRecord | undefined> {
  const release = await openAttendedOf(session, await session.ports.ledger.getAlias(functionName, alias));
  if (!release) return undefined;
  const same = release.canaryVersion === version && sameStages(release.policy.staged?.stages ?? [], stages);
  if (same) return release;
  const { deploymentId, canaryVersion } = release;
  throw new GoaroundError(
    "conflict",
    "operator",
    `staged release ${deploymentId} of version ${canaryVersion} has not ended`,
    { advice: `Go on with it: ${attendedCommand(release)}; or take it back: ${takeBackCommand(release)}` },
  );
}

type Stages = AttendedOptions["stages"];

const sameStages = (a: Stages, b: Stages) =>
  a.length === b.length && a.every(({ percent, minutes }, i) => percent === b[i]!.percent && minutes === b[i]!.minutes);

function announce(
  session: Session,
  options: AttendedOptions,
  facts: ReleaseFacts,
  before: ReleaseRecord | undefined,
): void {
  const { functionName, alias, version, stages, rollbackThreshold } = options;
  const hours = Math.round(stagedMinutes(stages) / 6) / 10;
  session.banner("staged release", {
    function: `${functionName}:${alias}`,
    now: describeAlias(facts.alias),
    change: `version ${before?.baselineVersion ?? facts.alias.functionVersion} → ${version}`,
    stages: `${stages.map(({ percent, minutes }) => (minutes > 0 ? `${percent} % for ${minutes} min` : `${percent} %`)).join(", ")} (${hours} h)`,
    release: before && `${before.deploymentId}, open since ${before.openedAt}`,
    threshold: rollbackThreshold === undefined ? undefined : `${rollbackThreshold} % errors on version ${version}`,
    reason: session.options.reason,
    environment: session.environment,
  });
  if (facts.stackName !== undefined)
    session.warn(reconcileNote(facts.stackName, functionName, alias, version, facts.recordedVersion));
  warnOfAlarms(session, options, facts, {
    without: "when this command is gone nothing takes the share back",
    withThreshold: "when this command is gone only the alarm of --rollback-threshold takes the share back",
  });
}

const dataOf = (options: AttendedOptions, facts: ReleaseFacts, before?: ReleaseRecord) => ({
  functionName: options.functionName,
  aliasName: options.alias,
  releaseId: before?.deploymentId,
  from: before?.baselineVersion ?? facts.alias.functionVersion,
  to: options.version,
  stages: options.stages,
  rollbackThresholdPercent: options.rollbackThreshold,
  stackName: facts.stackName,
});
