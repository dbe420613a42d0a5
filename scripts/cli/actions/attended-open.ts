import { applicationName } from "../../../lib/contract/names.ts";
import type { Policy } from "../../../lib/contract/policy.ts";
import type { ReleaseStage } from "../../../lib/contract/stages.ts";
import { GoaroundError } from "../../../lib/core/errors.ts";
import type { Reason } from "../../../lib/core/judge/types.ts";
import { admit, type Refusal } from "../../../lib/core/release/admission.ts";
import { admitUnderOrders, applyOrders } from "../../../lib/core/release/admission-environment.ts";
import { withOpened } from "../../../lib/core/release/alias-history.ts";
import { attendedIdOf, isDriven, openAttended, takeBackCommand } from "../../../lib/core/release/attended.ts";
import { stepsOf, withDeclared, withSteps } from "../../../lib/core/release/compatibility.ts";
import { withKnownBad } from "../../../lib/core/release/ledger-rules.ts";
import type { Attendance, ReleaseRecord } from "../../../lib/core/release/records.ts";
import { newRecord, ownAlarmNames } from "../../../lib/core/release/release-facts.ts";
import { replayPast } from "../../../lib/core/release/replay-past.ts";
import { fixSlowThresholds } from "../../../lib/core/release/slow-thresholds.ts";
import { runSmokeTests } from "../../../lib/core/release/smoke.ts";
import type { Session } from "../session.ts";
import type { ReleaseFacts, ReleaseRequest } from "./release-look.ts";
import { refuseOwned, refuseWhileOpen } from "./release-look.ts";
import { logOf } from "./session-log.ts";
import { putThresholdAlarm, thresholdAlarmName } from "./threshold-alarm.ts";

export interface AttendedOptions extends ReleaseRequest {
  stages: ReleaseStage[];
}

const WATCH_MS = 5000;
/** Takeovers that others were in the middle of, before a person must look. */
const MAX_TERMS = 5;

/**
 * The same admission as before a deployment's traffic. Throws `refused` with all that stands against the release; answers
 * what was noted and let through.
 */
export async function admitAttended(
  session: Session,
  options: AttendedOptions,
  facts: ReleaseFacts,
): Promise<{ id: string; noted: Reason[] }> {
  const { functionName, alias, version } = options;
  const { functions, ledger, monitoring } = session.ports;
  const { environment } = session;
  await refuseWhileOpen(session, functionName, alias);
  const appSpec = {
    functionName,
    alias,
    currentVersion: facts.alias.functionVersion,
    targetVersion: version,
    hooks: {},
  };
  const ownAlarms = ownAlarmNames(environment, appSpec);
  const blockers = facts.policy?.blockers ?? [];
  const [aliasRecord, orders, alarmStates, baseline] = await Promise.all([
    ledger.getAlias(functionName, alias),
    ledger.getEnvironment(),
    session.attempt("the states of alarms could not be read", monitoring.alarmStates([...blockers, ...ownAlarms])),
    functions.getVersion(functionName, facts.alias.functionVersion),
  ]);
  const admission = admit({
    now: session.clock.now(),
    environment,
    deployment: { application: facts.application, group: facts.group },
    appSpec,
    alias: facts.alias,
    target: facts.target,
    baseline,
    policy: facts.policy && { ok: true, policy: facts.policy },
    alarmStates,
    ownAlarms,
    aliasRecord,
  });
  const releaseGroup = facts.policy?.releaseGroup;
  const standing = { functionName, alias, environment: orders, aliasRecord, releaseGroup, now: session.clock.now() };
  const admitted = admitUnderOrders(admission, standing);
  refuse([...admitted.refusals, ...groupRefusals(releaseGroup), ...stepRefusals(facts.policy)]);
  refuseOwned(facts, options);
  for (const finding of admitted.findings) session.warn(finding.message);

  const id = attendedIdOf(crypto.randomUUID());
  const failures = await runSmokeTests(facts.policy?.smokeTests ?? [], {
    functions,
    clock: session.clock,
    functionName,
    version,
    signal: session.signal,
  });
  const asRefusals = failures.map(({ code, message }) => ({
    code,
    message,
    advice: "Release a version that fixes it.",
  }));
  const smoked = applyOrders(asRefusals, standing);
  if (smoked.refusals.length > 0 && !session.options.dryRun) {
    const artifact = { ...artifactOf(facts), deploymentId: id };
    const reason = failures[0]!.code;
    const now = session.clock.now();
    await ledger.changeAlias(functionName, alias, (known) => ({
      knownBad: withKnownBad(known, artifact, reason, now),
    }));
  }
  refuse(smoked.refusals);
  // Which runs code for real.
  const replay = session.options.dryRun ? undefined : facts.policy?.replay;
  const versions = { candidate: version, serving: facts.alias.functionVersion };
  const past = await replayPast(
    { ...session.ports, clock: session.clock },
    { environment, functionName, alias, versions, replay, signal: session.signal },
    logOf(session),
  );
  const replayed = applyOrders(past.refusals, standing);
  refuse(replayed.refusals);
  return { id, noted: [...admitted.findings, ...smoked.findings, ...past.findings, ...replayed.findings] };
}

function refuse(refusals: readonly Refusal[]): void {
  if (refusals.length === 0) return;
  throw new GoaroundError("refused", "operator", refusals.map(({ message }) => message).join("; "), {
    advice: [...new Set(refusals.map(({ advice }) => advice))].join(" "),
  });
}

/** A group goes back by stopping deployments, and there is none here. */
const groupRefusals = (releaseGroup: string | undefined): Refusal[] =>
  releaseGroup === undefined
    ? []
    : [
        {
          code: "release-group",
          message: `the function is released with group ${releaseGroup}, which puts back deployments: this release would not go back with it`,
          advice: "Release it without --stages.",
        },
      ];

/** They are the hook's, and the responder's. */
const stepRefusals = (policy: Policy | undefined): Refusal[] =>
  policy?.steps === undefined
    ? []
    : [
        {
          code: "plan-steps",
          message: "the policy has steps before or after a release, which run beside a deployment only",
          advice: "Release it without --stages.",
        },
      ];

const artifactOf = ({ target }: ReleaseFacts) => ({
  canaryVersion: target.version,
  canaryCodeSha256: target.codeSha256,
  canaryConfigurationHash: target.configurationHash,
});

/** Writes the release down before it has any traffic. Throws `conflict` when somebody else was faster. */
export async function openRelease(
  session: Session,
  options: AttendedOptions,
  facts: ReleaseFacts,
  { id, noted, owner }: { id: string; noted: Reason[]; owner: string },
): Promise<ReleaseRecord> {
  const { functionName, alias, version, rollbackThreshold } = options;
  const { ledger, functions, discovery } = session.ports;
  const now = session.clock.now();
  const { arn } = await discovery.identity();
  const currentVersion = facts.alias.functionVersion;
  const threshold = rollbackThreshold === undefined ? [] : [thresholdAlarmName(session, options)];
  const begun = newRecord({
    deployment: {
      deploymentId: id,
      application: applicationName(session.environment),
      group: facts.group,
      creator: arn,
    },
    appSpec: { functionName, alias, currentVersion, targetVersion: version, hooks: {} },
    target: facts.target,
    policy: { ok: true, policy: withStages(facts.policy!, options.stages) },
    now,
  });
  const stepsTaken = stepsOf(await ledger.getAlias(functionName, alias), begun);
  const release: ReleaseRecord = {
    ...begun,
    ...(stepsTaken.length > 0 ? { stepsTaken } : {}),
    rollbackThresholdPercent: rollbackThreshold,
    temporaryAlarms: threshold,
    slowThresholdsMs: await fixSlowThresholds(
      { ...session.ports, clock: session.clock },
      { functionName, alias },
      logOf(session),
    ),
    staged: { handedOverAt: now.toISOString(), steps: [] },
    attended: { owner, actor: arn, term: 1, beatAt: now.toISOString() },
    ...(noted.length > 0 ? { admissionFindings: noted } : {}),
  };
  const baseline = await functions.getVersion(functionName, currentVersion);
  session.throwIfInterrupted();
  await ledger.openRelease(release);
  try {
    await ledger.changeAlias(functionName, alias, (record) => {
      const other = openAttended(record);
      if (other && other.deploymentId !== id) throw othersRelease(other.deploymentId, release);
      return {
        ...withOpened(record, release, baseline),
        ...withDeclared(record, release, baseline),
        ...(stepsTaken.length > 0 ? withSteps(record, stepsTaken) : {}),
      };
    });
  } catch (error) {
    const reason = (error as Error).message;
    const failed = { outcome: "failed" as const, closedAt: now.toISOString(), reason };
    await session.attempt("that nothing came of it is not recorded", ledger.updateRelease(id, failed));
    throw error;
  }
  session.state = `release ${id} is open and its version has no traffic yet`;
  for (const name of threshold) await putThresholdAlarm(session, options, facts, name);
  return release;
}

const withStages = (policy: Policy, stages: ReleaseStage[]): Policy => ({
  ...policy,
  staged: { goOn: "not-worse", ...policy.staged, stages },
});

const othersRelease = (id: string, release: ReleaseRecord) =>
  new GoaroundError("conflict", "operator", `somebody else has begun staged release ${id} of the alias`, {
    advice: `Let it end, or take it back: ${takeBackCommand(release)}`,
  });

/** Goes on with a release whose command is gone. Throws `conflict` when it is not. */
export async function takeOver(session: Session, before: ReleaseRecord, owner: string): Promise<ReleaseRecord> {
  const { ledger, discovery } = session.ports;
  const { deploymentId: id } = before;
  const attended = await seeGone(session, before);
  const { arn: actor } = await discovery.identity();
  for (let term = attended.term + 1; term <= attended.term + MAX_TERMS; term += 1) {
    if (await ledger.claim(id, `drive-${term}`, owner)) {
      const mine = { owner, actor, term, beatAt: session.clock.now().toISOString() };
      await ledger.updateRelease(id, { attended: mine });
      return { ...before, attended: mine };
    }
    await session.sleep(WATCH_MS);
    const now = await ledger.getRelease(id);
    if (now?.attended && now.attended.term >= term) throw drivenBy(now, now.attended);
  }
  throw drivenBy(before, attended);
}

/** Watches for a sign of life, by its own timer. */
async function seeGone(session: Session, before: ReleaseRecord): Promise<Attendance> {
  const { clock } = session;
  const attended = before.attended!;
  const since = clock.now().getTime();
  for (let isTold = false; isDriven(attended, clock.now().getTime() - since, clock.now()); isTold = true) {
    if (!isTold) {
      session.say(
        `  ${attended.actor} drives it (${attended.beatAt}): looking for a minute whether that command lives`,
      );
    }
    await session.sleep(WATCH_MS);
    const now = await session.ports.ledger.getRelease(before.deploymentId);
    const beat = now?.attended;
    if (beat?.owner === undefined) break;
    if (beat.beatAt !== attended.beatAt) throw drivenBy(before, beat);
  }
  return attended;
}

const drivenBy = (release: ReleaseRecord, { actor }: Attendance) =>
  new GoaroundError("conflict", "operator", `${actor} drives release ${release.deploymentId} right now`, {
    advice: `Let it go on, or take it back: ${takeBackCommand(release)}`,
  });
