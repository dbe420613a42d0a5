import type { Verdict } from "../../../lib/core/judge/types.ts";
import { closeBooks } from "../../../lib/core/release/close-books.ts";
import { recordFlags } from "../../../lib/core/release/record-flags.ts";
import type { ReleaseRecord } from "../../../lib/core/release/records.ts";
import { writeAlias } from "../../../lib/core/release/write-alias.ts";
import { EXIT } from "../exit-codes.ts";
import { describeAlias } from "../lookup.ts";
import { underLease } from "../rollback-lease.ts";
import { done, type Outcome, type Session } from "../session.ts";
import { reconcileNote } from "./reconcile-note.ts";
import { notRecorded, recordRollback } from "./record.ts";
import { flagsLeftOn, switchReleaseFlagsOff } from "./release-flags.ts";
import { checkAlias } from "./rollback-journal.ts";
import { tellStepsThatStay } from "./steps-stay.ts";
import { removeThresholdAlarms } from "./threshold-alarm.ts";

export interface Ending {
  release: ReleaseRecord;
  verdict: Verdict;
  stackName: string | undefined;
}

/** What every end of a release tells in its document. */
export const releaseFacts = (release: ReleaseRecord, stackName: string | undefined) => ({
  functionName: release.functionName,
  aliasName: release.alias,
  releaseId: release.deploymentId,
  from: release.baselineVersion,
  to: release.canaryVersion,
  stages: (release.policy.staged?.stages ?? []).map((stage, i) => ({ ...stage, ...release.staged?.steps[i] })),
  rollbackThresholdPercent: release.rollbackThresholdPercent,
  stackName,
});

/** All traffic is there: known good, and guard time begins. */
export async function promote(session: Session, { release, verdict, stackName }: Ending): Promise<Outcome> {
  const { functionName, alias, canaryVersion: version, deploymentId: id, policy } = release;
  const state = await checkAlias(session, { functionName, alias, version });
  session.state = `all traffic is on version ${version}; release ${id} is not closed in the ledger`;
  const { ledger } = session.ports;
  await ledger.updateRelease(id, { verdict });
  await closeBooks({ ledger, clock: session.clock }, { ...release, verdict });
  const recording = recordFlags({ ...session.ports, clock: session.clock }, release, "first");
  await session.attempt("which flag configuration it ended with is not recorded", recording);
  await removeThresholdAlarms(session, release.temporaryAlarms);
  const data = {
    ...releaseFacts(release, stackName),
    verdict,
    alias: { functionVersion: state.functionVersion, weights: state.weights },
  };
  for (const finding of verdict.findings) session.warn(finding.message);
  const waiting = release.flags.flatMap(({ enableAfterRelease = [] }) => enableAfterRelease);
  const next = [
    `Alarms put it back for another ${policy.guardMinutes} minutes.`,
    waiting.length > 0 ? `Flags that wait for a release are yours to switch on: ${waiting.join(", ")}.` : "",
    stackName === undefined ? "" : reconcileNote(stackName, functionName, alias, version),
  ];
  return done(
    `release ${id} succeeded: ${functionName}:${alias} is on ${describeAlias(state)}`,
    data,
    next.filter(Boolean).join(" "),
  );
}

/** Both levers at once, as with any rollback: the alias under its lease and in the journal, the release's flags beside it. */
export async function takeBack(session: Session, { release, verdict, stackName }: Ending): Promise<Outcome> {
  const { functionName, alias, baselineVersion: version, canaryVersion, deploymentId: id } = release;
  const reason = verdict.reasons.map(({ message }) => message).join("; ") || verdict.kind;
  session.say(`rolling back: ${reason}`);
  session.state = `release ${id} is being rolled back`;
  const flagsOff = switchReleaseFlagsOff(session, release.flags, `release ${id} is rolled back`);
  flagsOff.catch(() => undefined);
  const { functions, deployments, ledger } = session.ports;
  const result = await underLease(
    session,
    { functionName, alias, version, deploymentId: id, steps: ["move-alias", "verify", "record"], reason },
    async ({ step }) => {
      await step("move-alias", () => writeAlias({ functions, deployments }, release, version));
      session.trafficIsBack();
      session.state = `the alias is on version ${version}; the ledger may not know it yet`;
      const state = await step("verify", () => checkAlias(session, { functionName, alias, version }));
      const recorded = await step("record", async () => {
        const target = await functions.getVersion(functionName, version);
        const left = { functionName, alias, canaryVersion, deployment: { deploymentId: id } };
        const judged = { reason, automatic: true, isBad: verdict.kind === "rollback" };
        const isRecorded = await recordRollback(session, left, target, [canaryVersion], judged);
        if (isRecorded) await session.attempt("the verdict", ledger.updateRelease(id, { verdict }));
        return isRecorded;
      });
      return { state, recorded };
    },
    ({ state }) => `alias ${alias} serves ${describeAlias(state)}`,
  );
  const { state, recorded } =
    result.kind === "acted"
      ? result.value
      : { state: await checkAlias(session, { functionName, alias, version }), recorded: true };
  await tellStepsThatStay(session, [id]);
  const flags = await flagsOff;
  await removeThresholdAlarms(session, release.temporaryAlarms);
  const data = {
    ...releaseFacts(release, stackName),
    verdict,
    recorded,
    flags,
    alias: { functionVersion: state.functionVersion, weights: state.weights },
  };
  const message = `release ${id} was rolled back: ${functionName}:${alias} is on ${describeAlias(state)} (${reason})`;
  const left = flagsLeftOn(flags);
  if (!recorded) return notRecorded(message, data);
  return {
    exitCode: left.length > 0 ? EXIT.partlyDone : EXIT.notAsExpected,
    code: "rolled-back",
    message: left.length > 0 ? `${message}, but ${left.join(", ")} could not be switched off` : message,
    advice: `Remove the cause, then release a new version${verdict.kind === "rollback" ? ": this artifact is refused" : ""}.`,
    data,
  };
}

/** Somebody else has ended it: the guard at an alarm, or a person. */
export async function endedByOthers(session: Session, release: ReleaseRecord, stackName: string | undefined) {
  const { functionName, alias, deploymentId: id, outcome, actor, reason } = release;
  const state = await session.ports.functions.getAlias(functionName, alias);
  await removeThresholdAlarms(session, release.temporaryAlarms);
  const how = outcome === "rolled-back" ? "was rolled back" : `ended as ${outcome}`;
  return {
    exitCode: outcome === "promoted" ? EXIT.done : EXIT.notAsExpected,
    code: outcome,
    message: `release ${id} ${how} by ${actor ?? "somebody else"}${reason === undefined ? "" : ` (${reason})`}; ${functionName}:${alias} is on ${describeAlias(state)}`,
    data: {
      ...releaseFacts(release, stackName),
      verdict: release.verdict,
      alias: { functionVersion: state.functionVersion, weights: state.weights },
    },
  };
}
