import { withinBudget } from "../../lib/core/deadline.ts";
import { fact } from "../../lib/core/judge/reason.ts";
import type { Reason } from "../../lib/core/judge/types.ts";
import type { AliasState } from "../../lib/core/ports.ts";
import { isBaselineUnhealthy } from "../../lib/core/release/conclusion.ts";
import type { AlarmEvent } from "../../lib/core/release/events.ts";
import { allOff, setFlags } from "../../lib/core/release/flag-document.ts";
import type { FlagResult, ReleaseRecord } from "../../lib/core/release/records.ts";
import { onlyFlags } from "../../lib/core/release/release-flags.ts";
import { factsOf, messageOf } from "../runtime/log.ts";
import { notItsDoing } from "./attribute.ts";
import { rememberBad, rememberOutcome, rememberPutBack, rememberRollback, tell } from "./books.ts";
import { flagEvidence } from "./flag-evidence.ts";
import { killOnce, killOrAwait, killReleaseFlags, sharedFault, tellFlagsOff } from "./flags-off.ts";
import { groupBack } from "./group.ts";
import { moveBack } from "./move-back.ts";
import { bestEffort, booksOpen, mayAct, mayPass, type Response, secondsSince } from "./responder.ts";
import { disarmedWords, mayMoveTraffic, readStanding } from "./standing.ts";

/** Two good minutes, their publication, and the readers' next poll: a flag's effect on an alarm shows within this. */
const FLAG_RECOVERY_MS = 5 * 60_000;
const POLL_MS = 15_000;
/**
 * How long the alias waits for flags: that they can be read, that AppConfig takes the change, and then for each sign that
 * it is under way. The kill itself looks less and less often, so that a change which goes on and on is waited for
 * no longer than five seconds.
 */
const FLAGS_LIMIT_MS = 2000;

/**
 * An alarm of the whole alias after a release has ended. Where the cause is shared with the version that served before,
 * the code stays and people are told. A flag of the release that is on and changed after the code is
 * the first suspect: it goes off, and the code stays if the alarm recovers. Otherwise both levers at once: the alias
 * back to what served before, the flags off.
 */
export async function guardRelease(response: Response, event: AlarmEvent, release: ReleaseRecord): Promise<void> {
  const { deploymentId } = release;
  const reasons = reasonsFor(event);
  const standing = await readStanding(response, release);
  const { disarmed } = standing;
  if (disarmed || !release.policy.automaticRollback) {
    const why = disarmed ? disarmedWords(disarmed) : "automatic rollback is switched off for this function";
    const trouble = `the version is bad and ${why}`;
    // Claims of their own: when the guard is armed again, what it does then is told too.
    await tell(response, disarmed ? "notify-disarmed" : "notify-guard", {
      release,
      outcome: "promoted",
      severity: "critical",
      reasons,
      findings: [],
      trouble,
    });
    return;
  }
  if (await isEchoOfFlag(response, event, release)) return;
  const cause = await notItsDoing(response, event, release);
  if (!cause && !(await mayMoveTraffic(response, event, release, standing))) return;
  const evidence = await flagEvidence(response, release);
  const isHarmful = evidence.harmful.length > 0;
  const flagsFirst = isHarmful || (await flagsAreSuspect(response, { ...release, flags: evidence.suspects }));
  if (cause && !flagsFirst) {
    await tellCause(response, release, reasons, cause);
    return;
  }
  // With a claim of its own: the code may still have to go back for another reason, or at a later alarm.
  if (!(await mayAct(response, deploymentId, flagsFirst ? "guard-flags" : "guard"))) return;
  if (!flagsFirst) {
    await putBack(response, release, reasons, killOrAwait(response, release, rolledBack(release)));
    return;
  }
  const startedAt = response.ports.clock.now();
  const guilty = isHarmful ? evidence.harmful : release.flags;
  const kill = startKill(response, { ...release, flags: guilty });
  if (await kill.isDoneInTime) {
    const flags = (await kill.flags) ?? [];
    const findings = release.verdict?.findings ?? [];
    await tellFlagsOff(response, release, { flags, reasons: [...evidence.reasons, ...reasons], findings, startedAt });
    const changed = flags.some((result) => result.switchedOff.length > 0);
    if (changed && (await recoversWithout(response, event, release))) return;
  }
  if (cause) {
    await tellCause(response, release, reasons, cause);
    return;
  }
  if (!(await mayAct(response, deploymentId, "guard"))) return;
  const rest = onlyFlags(release.flags, (_, flag) => !guilty.some(({ flags }) => flags.includes(flag)));
  const all = kill.flags.then(async (flags) => [
    ...(flags ?? []),
    ...(rest.length > 0 ? await killReleaseFlags(response, { ...release, flags: rest }, rolledBack(release)) : []),
  ]);
  await putBack(response, release, reasons, all);
}

/**
 * An alarm goes by the minutes before: one that turns red just after a harmful flag was switched off is given the time in
 * which its absence shows.
 */
async function isEchoOfFlag(
  response: Response,
  { alarmName }: AlarmEvent,
  { harmfulFlagsOffAt, deploymentId }: ReleaseRecord,
): Promise<boolean> {
  const { receivedAt, log } = response;
  if (harmfulFlagsOffAt === undefined) return false;
  if (receivedAt.getTime() - Date.parse(harmfulFlagsOffAt) >= FLAG_RECOVERY_MS) return false;
  log.info("a harmful flag has just been switched off; waiting for the alarm to recover", { deploymentId, alarmName });
  return recovers(response, alarmName);
}

/** A claim for each cause: a later alarm for another one is told too. */
async function tellCause(response: Response, release: ReleaseRecord, reasons: Reason[], cause: Reason): Promise<void> {
  response.log.info("not the release's doing", { deploymentId: release.deploymentId, why: cause.code });
  await tell(response, `notify-${cause.code}`, {
    release,
    outcome: release.outcome,
    severity: cause.code === "throttled-as-before" ? "warning" : "critical",
    reasons,
    findings: [cause],
  });
}

export const rolledBack = ({ deploymentId }: ReleaseRecord) => `release ${deploymentId} is rolled back`;

export const reasonsFor = ({ alarmName, reason }: AlarmEvent): Reason[] => [
  fact("alarm", `${alarmName} went into ALARM after the release: ${reason || "no reason given"}`),
];

/** A kill is waited for as long as AppConfig answers; one that hangs goes on by itself while the alias is moved. */
function startKill(response: Response, release: ReleaseRecord) {
  const { clock } = response.ports;
  const nowMs = () => clock.now().getTime();
  let heardAtMs = nowMs();
  const onAnswer = () => {
    heardAtMs = nowMs();
  };
  const flags = killOnce(response, release, sharedFault(release), { onAnswer });
  const isDone = flags.then(() => true);
  const watch = async (): Promise<boolean> => {
    for (;;) {
      const leftMs = heardAtMs + FLAGS_LIMIT_MS - nowMs();
      if (leftMs <= 0) return false;
      if (await Promise.race([isDone, clock.sleep(leftMs).then(() => false)])) return true;
    }
  };
  return { flags, isDoneInTime: watch() };
}

/** On, and either younger than the code or what both versions failed with. Unreadable flags are no suspects. */
async function flagsAreSuspect(response: Response, release: ReleaseRecord): Promise<boolean> {
  const { clock } = response.ports;
  return withinBudget(clock, FLAGS_LIMIT_MS, () => hasSuspectFlag(response, release)).catch(() => false);
}

async function hasSuspectFlag(response: Response, release: ReleaseRecord): Promise<boolean> {
  const { flags } = response.ports;
  // On its way to the readers, and not deployed to all of them yet.
  if (release.enabling?.beganAt !== undefined && release.enabling.endedAt === undefined) return true;
  for (const {
    applicationId: application,
    environmentId: environment,
    profileId: profile,
    ...reference
  } of release.flags) {
    try {
      const deployed = await flags.deployed(await flags.resolve({ application, environment, profile }));
      if (!deployed || setFlags(deployed.document, allOff(reference.flags), "leave-out").changed.length === 0) continue;
      const younger = deployed.deployedAt !== undefined && deployed.deployedAt > new Date(release.openedAt);
      if (younger || isBaselineUnhealthy(release.verdict)) return true;
    } catch (error) {
      response.log.warn("flags could not be read", factsOf(error));
    }
  }
  return false;
}

/** Other alarms that turn red meanwhile wait as well: they go by the same minutes. */
async function recoversWithout(response: Response, { alarmName }: AlarmEvent, { deploymentId }: ReleaseRecord) {
  const { ledger, clock } = response.ports;
  await bestEffort(response, "recording that flags went off", () =>
    ledger.updateRelease(deploymentId, { harmfulFlagsOffAt: clock.now().toISOString() }),
  );
  return recovers(response, alarmName);
}

async function recovers({ ports, log, signal }: Response, alarmName: string): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < FLAG_RECOVERY_MS; waitedMs += POLL_MS) {
    await ports.clock.sleep(POLL_MS, signal);
    const states = await ports.monitoring.alarmStates([alarmName]).catch(() => ({ [alarmName]: "ALARM" as const }));
    if (states[alarmName] !== "ALARM") return true;
  }
  log.warn("the alarm stays red although the flags are off", { alarm: alarmName });
  return false;
}

/** The alias does not wait for the flags, and the books not for how the flags went; people are told when all is over. */
export async function putBack(
  response: Response,
  release: ReleaseRecord,
  reasons: Reason[],
  flagsOff: Promise<FlagResult[] | undefined>,
  move: () => Promise<AliasState> = () => moveBack(response, release, reasons[0]!.message),
): Promise<void> {
  const { ports, receivedAt } = response;
  const { deploymentId, functionName, alias } = release;
  const moving = move();
  const others = moving.catch(() => undefined).then(() => groupBack(response, release, reasons[0]!.message));
  const [moved, killed] = await Promise.allSettled([
    moving.then(async (state) => {
      const durationSeconds = secondsSince(response, receivedAt);
      response.emit("rollbacks");
      response.emit("rollbackDurationSeconds", durationSeconds);
      return { state, durationSeconds, isWritten: await recordPutBack(response, release, state, reasons) };
    }),
    flagsOff,
  ]);
  const flags = killed.status === "fulfilled" ? (killed.value ?? []) : [];
  const news = { release, severity: "critical" as const, reasons, findings: [], flags, drifted: true };
  if (moved.status === "rejected") {
    response.emit("rollbackFailures");
    await tell(response, "notify-trouble", {
      ...news,
      outcome: release.outcome,
      durationSeconds: secondsSince(response, receivedAt),
      aliasState: await ports.functions.getAlias(functionName, alias),
      trouble: messageOf(moved.reason),
    });
    const left = await others;
    if (mayPass(moved.reason)) throw moved.reason;
    if (left) throw left;
    return;
  }
  const { state, durationSeconds, isWritten } = moved.value;
  await tell(response, "notify-guard", { ...news, outcome: "rolled-back", durationSeconds, aliasState: state });
  const left = await others;
  if (left) throw left;
  if (!isWritten) throw booksOpen(deploymentId);
}

/** False when something could not be written. */
export async function recordPutBack(
  response: Response,
  release: ReleaseRecord,
  alias: Pick<AliasState, "functionVersion">,
  reasons: Reason[],
): Promise<boolean> {
  const written = [
    await rememberBad(response, release, "alarm-after-release"),
    await rememberPutBack(response, release, alias.functionVersion),
    await rememberRollback(response, release, alias.functionVersion),
    await rememberOutcome(response, release, "rolled-back"),
  ];
  // Last: it says that the others are done.
  if (written.includes(false)) return false;
  return bestEffort(response, "recording the outcome", () =>
    response.ports.ledger.updateRelease(release.deploymentId, {
      outcome: "rolled-back",
      reason: reasons[0]!.message,
      actor: "respond",
    }),
  );
}
