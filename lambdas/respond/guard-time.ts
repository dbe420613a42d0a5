import { parseAlarmName } from "../../lib/contract/names.ts";
import type { FlagReference } from "../../lib/contract/policy.ts";
import { fact } from "../../lib/core/judge/reason.ts";
import type { Reason } from "../../lib/core/judge/types.ts";
import { messageOf } from "../../lib/core/log.ts";
import type { AliasState } from "../../lib/core/ports.ts";
import type { AlarmEvent } from "../../lib/core/release/events.ts";
import type { RollbackRecord } from "../../lib/core/release/journal.ts";
import type { FlagResult, ReleaseRecord } from "../../lib/core/release/records.ts";
import { onlyFlags } from "../../lib/core/release/release-flags.ts";
import { notItsDoing } from "./attribute.ts";
import { rememberBad, rememberOutcome, rememberPutBack, rememberRollback, tell } from "./books.ts";
import { checkRestored } from "./check-restored.ts";
import { flagEvidence } from "./flag-evidence.ts";
import { killOrAwait, killReleaseFlags, seeToFlags, tellFlagsOff } from "./flags-off.ts";
import { groupBack } from "./group.ts";
import { endTrial, tryBoth, UNTRIED } from "./guard-trial.ts";
import { moveBack } from "./move-back.ts";
import { takeStepsBack } from "./plan-steps.ts";
import { bestEffort, booksOpen, mayPass, once, type Response, secondsSince } from "./responder.ts";
import { howToTell } from "./rolled-back-again.ts";
import { isStale } from "./stale.ts";
import { mayMoveTraffic, readStanding, tellHeld } from "./standing.ts";
import { flagsAreSuspect, isEchoOfFlag, recoversWithout, startKill } from "./suspect-flags.ts";

/** Claim of whoever puts a release back that has ended. */
export const GOES_BACK = "guard";

/** How a release goes back once nothing speaks for it, and what is done where it stays. */
export interface WayBack {
  /** When the alarm went red, for people. */
  when: string;
  /** Of the claim under which its flags go off first. */
  flagsClaim: string;
  goBack(reasons: Reason[], flagsOff: () => Promise<FlagResult[]>): Promise<void>;
  /** It is not the release's doing, or traffic may not be moved. */
  stays?(why: string): Promise<void>;
}

/** Of a release that has ended: the alias back, and the release's flags off. */
function afterRelease(response: Response, event: AlarmEvent, release: ReleaseRecord): WayBack {
  return {
    when: "after the release",
    flagsClaim: "guard-flags",
    goBack: (reasons, flagsOff) =>
      backUnlessCleared(response, event, release, reasons, (why) => putBack(response, release, why, flagsOff())),
  };
}

/**
 * An alarm of the whole alias when nothing but the release's version serves. Where the cause is shared with the version that served before,
 * the code stays and people are told. A flag of the release that is on and changed after the code is
 * the first suspect: it goes off, and the code stays if the alarm recovers. Otherwise both levers at once: the release
 * goes back, by default as one that has ended, and the flags go off. False where others have taken the alias over
 * while the alarm waited: it is to be heard again then, as if it came now.
 */
export async function guardRelease(
  response: Response,
  event: AlarmEvent,
  release: ReleaseRecord,
  { journal, isUnread }: { journal: RollbackRecord | undefined; isUnread: boolean },
  way: WayBack = afterRelease(response, event, release),
): Promise<boolean> {
  const reasons = [...reasonsFor(event, way.when), ...(isUnread ? [withoutLedger(release)] : [])];
  const [standing, isOver] = await Promise.all([
    readStanding(response, release),
    isStale(response, event, release, journal),
  ]);
  if (isOver) return true;
  const { disarmed } = standing;
  if (disarmed || !release.policy.automaticRollback) {
    await tellHeld(response, release, reasons, disarmed);
    return true;
  }
  if (await isEchoOfFlag(response, event, release)) return true;
  const cause = await notItsDoing(response, event, release);
  const leave = cause ? "yes" : await mayMoveTraffic(response, event, release, { standing, reasons });
  if (leave === "overtaken") return false;
  if (leave === "no") await way.stays?.("traffic may not be moved automatically");
  else await undo(response, event, release, { reasons, cause }, way);
  return true;
}

/** The flags that are the first suspects go off, else both levers at once; where there is a `cause` the code stays. */
async function undo(
  response: Response,
  event: AlarmEvent,
  release: ReleaseRecord,
  { reasons, cause }: Pick<Suspicion, "reasons" | "cause">,
  way: WayBack,
): Promise<void> {
  const { deploymentId } = release;
  const evidence = await flagEvidence(response, release);
  const isHarmful = evidence.harmful.length > 0;
  const flagsFirst = isHarmful || (await flagsAreSuspect(response, { ...release, flags: evidence.suspects }));
  if (cause && !flagsFirst) return stay(response, release, reasons, cause, way);
  if (!flagsFirst) return way.goBack(reasons, () => killOrAwait(response, release, rolledBack(release)));
  // With a claim of its own: the code may still have to go back for another reason, or at a later alarm.
  const guilty = isHarmful ? evidence.harmful : release.flags;
  await once(response, deploymentId, way.flagsClaim, () =>
    flagsBeforeCode(response, event, release, { reasons, because: evidence.reasons, guilty, cause }, way),
  );
}

interface Suspicion {
  /** Of the alarm, and of the evidence against the flags. */
  reasons: Reason[];
  because: Reason[];
  /** What goes off first. */
  guilty: FlagReference[];
  /** Why the code is not to blame, if it is not. */
  cause: Reason | undefined;
}

/** The suspects go off; the code stays if the alarm recovers, or is known not to be the cause. */
async function flagsBeforeCode(
  response: Response,
  event: AlarmEvent,
  release: ReleaseRecord,
  { reasons, because, guilty, cause }: Suspicion,
  way: WayBack,
): Promise<void> {
  const startedAt = response.ports.clock.now();
  const kill = startKill(response, { ...release, flags: guilty });
  if (await kill.isDoneInTime) {
    const flags = (await kill.flags) ?? [];
    const findings = release.verdict?.findings ?? [];
    await tellFlagsOff(response, release, { flags, reasons: [...because, ...reasons], findings, startedAt });
    const changed = flags.some((result) => result.switchedOff.length > 0);
    if (changed && (await recoversWithout(response, event, release))) return;
  }
  if (cause) return stay(response, release, reasons, cause, way);
  const rest = onlyFlags(release.flags, (_, flag) => !guilty.some(({ flags }) => flags.includes(flag)));
  await way.goBack(reasons, () =>
    kill.flags.then(async (flags) => [
      ...(flags ?? []),
      ...(rest.length > 0 ? await killReleaseFlags(response, { ...release, flags: rest }, rolledBack(release)) : []),
    ]),
  );
}

async function stay(response: Response, release: ReleaseRecord, reasons: Reason[], cause: Reason, way: WayBack) {
  await tellCause(response, release, reasons, cause);
  await way.stays?.(cause.message);
}

/** A trial is gone on with whatever else has changed: the alias must not stay split. Whoever disarms the guard ends it. */
export async function goOnTrying(response: Response, event: AlarmEvent, release: ReleaseRecord): Promise<void> {
  const { disarmed } = await readStanding(response, release);
  if (disarmed) return endTrial(response, release);
  const way = afterRelease(response, event, release);
  await way.goBack(reasonsFor(event), () => killOrAwait(response, release, rolledBack(release)));
}

/** Where the policy wants the versions tried side by side first, the code stays when both do alike. */
async function backUnlessCleared(
  response: Response,
  event: AlarmEvent,
  release: ReleaseRecord,
  reasons: Reason[],
  goBack: (reasons: Reason[]) => Promise<void>,
): Promise<void> {
  // Throttles are of the whole alias, whichever version serves: there is nothing to compare.
  const isThrottles = parseAlarmName(response.environment, event.alarmName)?.check === "throttles";
  const tried = isThrottles ? UNTRIED : await tryBoth(response, release, event.at);
  if (tried.kind === "left") return;
  if (tried.kind === "cleared") await tellCause(response, release, reasons, tried.cause);
  else await once(response, release.deploymentId, GOES_BACK, () => goBack([...reasons, ...tried.reasons]));
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

const withoutLedger = ({ deploymentId }: ReleaseRecord) =>
  fact(
    "without-ledger",
    `the ledger does not answer: ${deploymentId} is the newest deployment of the alias that succeeded, and what was ordered or rolled back before is not known`,
  );

export const rolledBack = ({ deploymentId }: ReleaseRecord) => `release ${deploymentId} is rolled back`;

export const reasonsFor = ({ alarmName, reason }: AlarmEvent, when = "after the release"): Reason[] => [
  fact("alarm", `${alarmName} went into ALARM ${when}: ${reason || "no reason given"}`),
];

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
  const news = {
    release,
    severity: "critical" as const,
    reasons,
    findings: [],
    flags,
    drifted: release.closedAt !== undefined,
  };
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
  const found = await checkRestored(response, release, state, flags);
  const { severity, findings } = await howToTell(response, release, flags, found);
  const guardNews = {
    ...news,
    severity,
    findings: [...found, ...findings],
    outcome: "rolled-back" as const,
    durationSeconds,
    aliasState: state,
  };
  const isToldNow = await tell(response, "notify-guard", guardNews);
  await takeStepsBack(response, release, state.functionVersion, deploymentId);
  const left = await others;
  if (left) throw left;
  if (!isWritten) throw booksOpen(deploymentId);
  await seeToFlags(response, release, flags, isToldNow);
}

/** False when something could not be written. */
export async function recordPutBack(
  response: Response,
  release: ReleaseRecord,
  alias: Pick<AliasState, "functionVersion">,
  reasons: Reason[],
): Promise<boolean> {
  const written = [
    await rememberBad(response, release, release.closedAt ? "alarm-after-release" : "alarm"),
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
      closedAt: release.closedAt ?? response.ports.clock.now().toISOString(),
    }),
  );
}
