import { applicationName, deploymentGroupName, type GuardedAlarm, parseAlarmName } from "../../lib/contract/names.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import { fact } from "../../lib/core/judge/reason.ts";
import type { Verdict } from "../../lib/core/judge/types.ts";
import type { AliasState } from "../../lib/core/ports.ts";
import { respondToAlarm } from "../../lib/core/release/alarm-response.ts";
import { appSpecOf, isUndo, OPEN_STATUSES } from "../../lib/core/release/deployment.ts";
import type { AlarmEvent } from "../../lib/core/release/events.ts";
import type { RollbackRecord } from "../../lib/core/release/journal.ts";
import { isOpened } from "../../lib/core/release/ledger-rules.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { readPolicy } from "../../lib/core/release/release-facts.ts";
import { shiftOf } from "../../lib/core/release/shift.ts";
import { unrecorded } from "../runtime/unrecorded.ts";
import { guardBake } from "./bake.ts";
import { rememberBad } from "./books.ts";
import { compareVersions } from "./compare.ts";
import { finishPutBack, recordLate } from "./finish.ts";
import { goOnTrying, guardRelease } from "./guard-time.ts";
import { findLastRelease, lastByCodeDeploy } from "./last-release.ts";
import { bestEffort, booksOpen, type Response } from "./responder.ts";
import { recordVerdict, stopRelease } from "./stop-release.ts";

/** Before an alias that may have been read too early is read again. Milliseconds. */
const REREAD_MS = 1000;

/** An alarm of a guarded function went red: attribute it, then pull the levers that it calls for. */
export async function onAlarm(response: Response, event: AlarmEvent): Promise<void> {
  const { ports, log, environment } = response;
  const alarm = event.state === "ALARM" ? parseAlarmName(environment, event.alarmName) : undefined;
  if (!alarm) {
    log.info("not a red alarm of a guarded function", { state: event.state });
    return;
  }
  const read = () => ports.functions.getAlias(alarm.functionName, alarm.alias);
  const { id, release, journal, isRead } = await findLastRelease(response, alarm, event.at, read);
  const group = release?.group ?? (await findGroup(response, alarm));
  const [first, running] = await Promise.all([read(), findRunning(response, alarm, group)]);
  const isUnread = !isRead && !release && !running && alarm.version === undefined;
  const lastRelease = isUnread ? await lastByCodeDeploy(response, alarm, group, id) : release;
  let alias = first;
  const answerTo = (state: AliasState) =>
    respondToAlarm({ alarm, now: ports.clock.now(), running, alias: state, lastRelease, journal });
  let answer = answerTo(alias);
  if (answer.kind === "put-back" && isRestored(journal, answer.release)) {
    // The alias is back, says the journal: a read that came right after that may not know of it yet.
    await ports.clock.sleep(REREAD_MS, response.signal);
    alias = await read();
    answer = answerTo(alias);
  }
  log.info("answer to the alarm", {
    alarm: event.alarmName,
    answer: answer.kind,
    why: "why" in answer ? answer.why : "",
  });
  switch (answer.kind) {
    case "stop":
      return stopRelease(response, answer.deploymentId, answer.record, {
        verdict: verdictOf(event),
        why: event.alarmName,
      });
    case "compare":
      return compareVersions(response, event, answer.record);
    case "attribute":
      return guardBake(response, event, answer.record);
    case "put-back":
      if (await guardRelease(response, event, answer.release, { journal, isUnread })) return;
      log.info("the alias was taken over while the alarm waited", { alarm: event.alarmName });
      return onAlarm(response, event);
    case "try-on":
      return goOnTrying(response, event, answer.release);
    case "finish":
      return finishPutBack(response, event, answer.release, { alias, journal });
    case "record":
      if (!isRead) throw booksUnread();
      return recordLate(response, event, answer.release);
    case "none":
      if (!isRead) throw booksUnread();
      if (!running && alarm.version !== undefined) await recordVerdictLate(response, event, alarm, group);
  }
}

const isRestored = (journal: RollbackRecord | undefined, { deploymentId }: ReleaseRecord) =>
  journal?.deploymentId === deploymentId && journal.result?.outcome === "restored";

/** What the books would have said is not known: they are asked again when Lambda delivers the event again. */
const booksUnread = () =>
  new GoaroundError("partly-done", "dependency", "the ledger does not say which release or rollback this is about");

async function findRunning(response: Response, alarm: GuardedAlarm, group: string) {
  const { ports, environment } = response;
  const application = applicationName(environment);
  const ids = await ports.deployments.list({ application, group, statuses: OPEN_STATUSES });
  for (const deploymentId of ids) {
    const [deployment, target] = await Promise.all([
      ports.deployments.get(deploymentId),
      ports.deployments.target(deploymentId),
    ]);
    // Without a target it has not begun, and nothing that is red can be its doing.
    if (target?.functionName !== alarm.functionName || target.alias !== alarm.alias) continue;
    let record: ReleaseRecord | undefined;
    const isRead = await bestEffort(response, "reading the release", async () => {
      const found = await ports.ledger.getRelease(deploymentId);
      record = isOpened(found) ? found : undefined;
    });
    const hasShifted = shiftOf(target)?.endedAt !== undefined;
    // Nobody else would act in the bake: what CodeDeploy and the policy say is enough to attribute the alarm.
    if (!isRead && hasShifted) {
      const { release, isGuarded } = await unrecorded(response, deployment, target);
      if (isGuarded) record = release;
    }
    return { deploymentId, appSpec: appSpecOf(target), record, undo: isUndo(deployment.creator), hasShifted };
  }
  return undefined;
}

/** Before the first release only the policy names the group. */
async function findGroup(response: Response, alarm: GuardedAlarm): Promise<string> {
  let group = deploymentGroupName(alarm.functionName);
  await bestEffort(response, "reading the policy", async () => {
    const policy = await readPolicy(response.ports.policies, response.environment, alarm);
    if (policy?.ok) group = policy.policy.deploymentGroup;
  });
  return group;
}

const verdictOf = ({ alarmName, reason }: AlarmEvent): Verdict => ({
  kind: "rollback",
  reasons: [fact("alarm", `${alarmName} went into ALARM: ${reason || "no reason given"}`)],
  findings: [],
});

/** Deployments of a group that are looked through for one that an alarm belongs to: it and its rollback, and a few more. */
const HISTORY = 5;

const isOfAlarm = ({ reasons }: Verdict, event: AlarmEvent) =>
  reasons.some(({ message }) => message === verdictOf(event).reasons[0]!.message);

/**
 * An alarm that went red while its version was being released, heard again after the end: the ledger did not answer
 * when the release was stopped, and does not have the verdict.
 */
async function recordVerdictLate(
  response: Response,
  event: AlarmEvent,
  { functionName, alias, version }: GuardedAlarm,
  group: string,
): Promise<void> {
  const { ports, environment } = response;
  const ids = await ports.deployments.list({ application: applicationName(environment), group });
  for (const deploymentId of ids.slice(0, HISTORY)) {
    const target = await ports.deployments.target(deploymentId);
    if (target?.functionName !== functionName || target.alias !== alias || target.targetVersion !== version) continue;
    const { status, creator, completedAt } = await ports.deployments.get(deploymentId);
    const wasRunning = event.at !== undefined && completedAt !== undefined && event.at <= completedAt;
    if (status !== "Stopped" || isUndo(creator) || !wasRunning) return;
    const release = await ports.ledger.getRelease(deploymentId);
    if (!isOpened(release) || !release.policy.automaticRollback) return;
    // The verdict may have come through after the end was written down, which then knew nothing against the version.
    if (release.verdict && !isOfAlarm(release.verdict, event)) return;
    const isWritten = await rememberBad(response, release, "alarm");
    if (!isWritten || !(await recordVerdict(response, deploymentId, verdictOf(event)))) throw booksOpen(deploymentId);
    return;
  }
}
