import { applicationName, deploymentGroupName, type GuardedAlarm, parseAlarmName } from "../../lib/contract/names.ts";
import { respondToAlarm } from "../../lib/core/release/alarm-response.ts";
import { appSpecOf, isUndo, OPEN_STATUSES } from "../../lib/core/release/deployment.ts";
import type { AlarmEvent } from "../../lib/core/release/events.ts";
import { isOpened } from "../../lib/core/release/ledger-rules.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { readPolicy } from "../runtime/release-facts.ts";
import { fact, tell } from "./books.ts";
import { compareVersions } from "./compare.ts";
import { killReleaseFlags } from "./flags-off.ts";
import { guardRelease } from "./guard-time.ts";
import { bestEffort, mayAct, type Response } from "./responder.ts";

/** An alarm of a guarded function went red: attribute it, then pull the levers that it calls for. */
export async function onAlarm(response: Response, event: AlarmEvent): Promise<void> {
  const { ports, log, environment } = response;
  const alarm = event.state === "ALARM" ? parseAlarmName(environment, event.alarmName) : undefined;
  if (!alarm) {
    log.info("not a red alarm of a guarded function", { alarm: event.alarmName, state: event.state });
    return;
  }
  const lastRelease = await findLastRelease(response, alarm);
  const [alias, running] = await Promise.all([
    ports.functions.getAlias(alarm.functionName, alarm.alias),
    findRunning(response, alarm, lastRelease?.group),
  ]);
  const answer = respondToAlarm({ alarm, now: ports.clock.now(), running, alias, lastRelease });
  log.info("answer to the alarm", {
    alarm: event.alarmName,
    answer: answer.kind,
    why: "why" in answer ? answer.why : "",
  });
  switch (answer.kind) {
    case "stop":
      return stopRelease(response, event, answer.deploymentId, answer.record);
    case "compare":
      return compareVersions(response, event, answer.record);
    case "put-back":
      return guardRelease(response, event, answer.release);
    case "none":
      return;
  }
}

/** The release that brought what serves now. A ledger that cannot be read must not keep a canary from being stopped. */
async function findLastRelease(response: Response, alarm: GuardedAlarm): Promise<ReleaseRecord | undefined> {
  const { ledger } = response.ports;
  let release: ReleaseRecord | undefined;
  await bestEffort(response, "reading the last release", async () => {
    const record = await ledger.getAlias(alarm.functionName, alarm.alias);
    const id = record?.lastReleaseId ?? record?.lastKnownGood?.deploymentId;
    const found = id === undefined ? undefined : await ledger.getRelease(id);
    release = isOpened(found) ? found : undefined;
  });
  return release;
}

async function findRunning(response: Response, alarm: GuardedAlarm, knownGroup: string | undefined) {
  const { ports, environment } = response;
  const application = applicationName(environment);
  const group = knownGroup ?? (await findGroup(response, alarm));
  const ids = await ports.deployments.list({ application, group, statuses: OPEN_STATUSES });
  for (const deploymentId of ids) {
    const [deployment, target] = await Promise.all([
      ports.deployments.get(deploymentId),
      ports.deployments.target(deploymentId),
    ]);
    // Without a target it has not begun, and nothing that is red can be its doing.
    if (target?.functionName !== alarm.functionName || target.alias !== alarm.alias) continue;
    let record: ReleaseRecord | undefined;
    await bestEffort(response, "reading the release", async () => {
      const found = await ports.ledger.getRelease(deploymentId);
      record = isOpened(found) ? found : undefined;
    });
    return { deploymentId, appSpec: appSpecOf(target), record, undo: isUndo(deployment.creator) };
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

/** Both levers at once: neither waits for the other, nor for the books. */
async function stopRelease(
  response: Response,
  event: AlarmEvent,
  deploymentId: string,
  record: ReleaseRecord | undefined,
): Promise<void> {
  const { ports, log } = response;
  const reasons = [fact("alarm", `${event.alarmName} went into ALARM: ${event.reason || "no reason given"}`)];
  if (record?.policy.automaticRollback === false) {
    const trouble = "the canary is bad and automatic rollback is switched off for this function";
    await tell(response, "notify-alarm", {
      release: record,
      outcome: "open",
      severity: "critical",
      reasons,
      findings: [],
      trouble,
    });
    return;
  }
  if (!(await mayAct(response, deploymentId, "stop"))) return;
  const [stopped, , flags] = await Promise.allSettled([
    ports.deployments.stopWithRollback(deploymentId),
    bestEffort(response, "recording the verdict", () =>
      ports.ledger.updateRelease(deploymentId, {
        verdict: { kind: "rollback", reasons, findings: [] },
        reason: reasons[0]!.message,
        actor: "respond",
      }),
    ),
    record ? flagsOff(response, record, event) : undefined,
  ]);
  // Its end comes as an event of its own, and the alias is verified then.
  if (stopped.status === "rejected") throw stopped.reason;
  log.info("stopped", { deploymentId, answer: stopped.value, flags: flags.status });
}

async function flagsOff(response: Response, release: ReleaseRecord, event: AlarmEvent): Promise<void> {
  if (release.flags.length === 0 || !(await mayAct(response, release.deploymentId, "flags-off"))) return;
  await killReleaseFlags(response, release, event.alarmName);
}
