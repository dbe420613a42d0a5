import { withinBudget } from "../../../lib/core/deadline.ts";
import { GoaroundError } from "../../../lib/core/errors.ts";
import { fact } from "../../../lib/core/judge/reason.ts";
import type { Verdict } from "../../../lib/core/judge/types.ts";
import { withOutcome } from "../../../lib/core/release/alias-history.ts";
import { type AttendedStep, BEAT_MS, nextAttendedStep, takeBackCommand } from "../../../lib/core/release/attended.ts";
import {
  asOrdered,
  disarmedBy,
  EMPTY_ENVIRONMENT,
  type EnvironmentRecord,
} from "../../../lib/core/release/environment-record.ts";
import { giveShare, percentOf } from "../../../lib/core/release/give-share.ts";
import { judgeWindow, windowsAhead } from "../../../lib/core/release/judge-shift.ts";
import { publishedAt } from "../../../lib/core/release/look.ts";
import type { ReleaseRecord } from "../../../lib/core/release/records.ts";
import { ownAlarmNames, redSinceRelease } from "../../../lib/core/release/release-facts.ts";
import type { LookWindow } from "../../../lib/core/release/shift.ts";
import { comparedTime, withJudged, withShare } from "../../../lib/core/release/staged.ts";
import { clockTime, isPassing } from "../follow.ts";
import { describeAlias, openReleaseOf } from "../lookup.ts";
import type { Outcome, Session } from "../session.ts";
import { endedByOthers, promote, takeBack } from "./attended-end.ts";
import { logOf } from "./session-log.ts";

/** Looks in a row at an alias that is not as it was left: a read may not know yet of the write before it. */
const MAX_STRANGE = 3;
const SOON_MS = 1000;
/** AWS may be out of reach for so long before a person must look. Milliseconds. */
const PATIENCE_MS = 30 * 60_000;
const AGAIN_MS = 5000;
/** The ledger is waited for no longer: the versions are compared meanwhile. Milliseconds. */
const LEDGER_MS = 10_000;
/** Between two words about a stage that goes on. Milliseconds. */
const TELL_MS = 30 * 60_000;

/**
 * Takes a release through its stages until it has ended. All that it knows is in the ledger and in the alias, so that
 * the same command goes on after this one was cut off.
 */
export async function drive(session: Session, release: ReleaseRecord, stackName: string | undefined): Promise<Outcome> {
  const run = new Drive(session, release, stackName);
  let failingSince: number | undefined;
  try {
    for (;;) {
      session.throwIfInterrupted();
      try {
        const turn = await run.turn();
        if ("exitCode" in turn) return turn;
        failingSince = undefined;
        await session.sleep(turn.waitMs);
      } catch (error) {
        const now = session.clock.now().getTime();
        failingSince ??= now;
        if (session.signal.aborted || !isPassing(error) || now - failingSince >= PATIENCE_MS) throw error;
        session.say(`  ${clockTime(session)} ${(error as Error).message}; trying again`);
        await session.sleep(AGAIN_MS);
      }
    }
  } finally {
    await run.leave();
  }
}

class Drive {
  private readonly session: Session;
  private readonly id: string;
  private readonly owner: string;
  private readonly stackName: string | undefined;
  private beatAtMs: number;
  private strange = 0;
  private told = { why: "", atMs: 0 };
  private isOver = false;
  /** What the ledger last said, and what people had ordered then. */
  private known: ReleaseRecord;
  private orders: EnvironmentRecord = EMPTY_ENVIRONMENT;
  /** What the ledger could not be told. */
  private unwritten: Partial<ReleaseRecord> = {};

  constructor(session: Session, release: ReleaseRecord, stackName: string | undefined) {
    this.session = session;
    this.id = release.deploymentId;
    this.owner = release.attended!.owner!;
    this.stackName = stackName;
    this.known = release;
    this.beatAtMs = session.clock.now().getTime();
    this.describe(release);
  }

  /** One step, or how it ended. */
  async turn(): Promise<Outcome | { waitMs: number }> {
    const { session, stackName } = this;
    const { release, silence } = await this.read();
    if (release.closedAt) {
      this.isOver = true;
      return endedByOthers(session, release, stackName);
    }
    const window = nextWindow(release, session.clock.now());
    const step = nextAttendedStep({
      now: session.clock.now(),
      release,
      nextLookAt: window && publishedAt(window),
      objections: await this.objections(release),
    });
    // Somebody else may have the release by now: more traffic is only given by the ledger's word.
    if (silence && (step.kind === "set-share" || step.kind === "promote")) throw silence;
    if (step.kind === "roll-back")
      return this.end(() => takeBack(session, { release, verdict: step.verdict, stackName }));
    const moved = await this.movedByOthers(release);
    if (moved) return moved;
    if (step.kind === "promote") return this.end(() => promote(session, { release, verdict: step.verdict, stackName }));
    if (step.kind === "look") return this.look(release, window!);
    if (step.kind === "set-share") await this.setShare(release, step);
    if (step.kind !== "wait") return { waitMs: 0 };
    this.tellWhy(step.why);
    const untilMs = step.until.getTime() - session.clock.now().getTime();
    return { waitMs: Math.max(SOON_MS, Math.min(untilMs, BEAT_MS)) };
  }

  /** Says that nobody drives it any more, so that the next run need not wait to find out. */
  async leave(): Promise<void> {
    if (this.isOver) return;
    const { ledger } = this.session.ports;
    await ledger
      .getRelease(this.id)
      .then(async (found) => {
        if (found?.attended?.owner !== this.owner) return;
        const { owner: _, ...gone } = found.attended;
        await ledger.updateRelease(this.id, { attended: gone });
      })
      .catch((error: unknown) =>
        this.session.warn(`the ledger does not know that this command ended: ${(error as Error).message}`),
      );
  }

  private async end(work: () => Promise<Outcome>): Promise<Outcome> {
    const outcome = await work();
    this.isOver = true;
    return outcome;
  }

  /**
   * The record with what it could not be told, as the guard's orders have it now. While the ledger does not answer, as it was:
   * a bad version does not wait for it.
   */
  private async read(): Promise<{ release: ReleaseRecord; silence?: unknown }> {
    try {
      return { release: this.asOrdered(await this.ask()) };
    } catch (error) {
      if (this.session.signal.aborted || !isPassing(error)) throw error;
      this.tellWhy(`${(error as Error).message}; going on with what is known`);
      return { release: this.asOrdered({ ...this.known, ...this.unwritten }), silence: error };
    }
  }

  private async ask(): Promise<ReleaseRecord> {
    const { session, id } = this;
    const { ledger } = session.ports;
    const now = session.clock.now();
    const [found, orders] = await within(session, () => Promise.all([ledger.getRelease(id), ledger.getEnvironment()]));
    if (!found?.attended) throw new GoaroundError("defect", "defect", `the record of ${id} is gone`);
    const { attended } = found;
    if (attended.owner !== this.owner && !found.closedAt) {
      this.isOver = true;
      throw new GoaroundError("conflict", "operator", `${attended.actor} has taken release ${id} over`, {
        advice: "Leave it to them.",
      });
    }
    this.known = found;
    this.orders = orders;
    if (!found.closedAt && (now.getTime() - this.beatAtMs >= BEAT_MS || Object.keys(this.unwritten).length > 0)) {
      await this.write({ attended: { ...attended, beatAt: now.toISOString() } });
      this.beatAtMs = now.getTime();
    }
    return { ...this.known, ...this.unwritten };
  }

  private asOrdered(release: ReleaseRecord): ReleaseRecord {
    const now = this.session.clock.now();
    const order = disarmedBy(this.orders, release.functionName, now);
    if (order) this.tellWhy(`the guard is disarmed by ${order.by} until ${order.until}: nothing is rolled back`);
    return asOrdered(release, this.orders, now);
  }

  /** Alarms that were green before the release, and those of what it needs; asked for when the next stage is due. */
  private async objections(release: ReleaseRecord): Promise<string[]> {
    const { session } = this;
    const { policy, staged } = release;
    const current = staged?.steps.at(-1);
    const minutes = policy.staged?.stages[(staged?.steps.length ?? 0) - 1]?.minutes ?? 0;
    const isDue = current && session.clock.now().getTime() >= Date.parse(current.at) + minutes * 60_000;
    if (!isDue || current.percent === 100) return [];
    const own = ownAlarmNames(session.environment, release);
    const states = await session.ports.monitoring.alarmStates([...policy.blockers, ...own]);
    return redSinceRelease(release, states).map((name) => `${name} is in ALARM`);
  }

  /** An alias that is not as this release has left it belongs to somebody else now. */
  private async movedByOthers(release: ReleaseRecord): Promise<Outcome | { waitMs: number } | undefined> {
    const { session, stackName } = this;
    const { functionName, alias, baselineVersion, deploymentId: id } = release;
    const { functions, ledger } = session.ports;
    const state = await functions.getAlias(functionName, alias);
    const steps = release.staged?.steps ?? [];
    // A run that was cut off may have given a share and not written it down.
    const expected = [steps.at(-1)?.percent ?? 0, release.policy.staged?.stages[steps.length]?.percent];
    if (expected.includes(percentOf(state, release))) {
      this.strange = 0;
      return undefined;
    }
    this.strange += 1;
    if (this.strange < MAX_STRANGE) return { waitMs: SOON_MS };
    const journal = await ledger.getRollback(functionName, alias);
    if (journal?.deploymentId === id && journal.version === baselineVersion) {
      const reason = fact("rollback", journal.reason);
      const verdict: Verdict =
        release.judging?.verdict.kind === "rollback"
          ? release.judging.verdict
          : { kind: "hold", reasons: [reason], findings: [] };
      return this.end(() => takeBack(session, { release, verdict, stackName }));
    }
    const reason = `the alias is on ${describeAlias(state)} and was left with ${steps.at(-1)?.percent ?? 0} % on version ${release.canaryVersion}: somebody else has moved it`;
    const over = { outcome: "failed" as const, closedAt: session.clock.now().toISOString() };
    await ledger.updateRelease(id, { ...over, reason });
    await ledger.changeAlias(functionName, alias, (record) => withOutcome(record, { deploymentId: id, ...over }));
    this.isOver = true;
    throw new GoaroundError("conflict", "operator", `release ${id} is over: ${reason}`, {
      advice: "Look who did, then release again.",
    });
  }

  /** What is bad goes back at once, whether the ledger can be told or not. */
  private async look(release: ReleaseRecord, window: LookWindow): Promise<Outcome | { waitMs: number }> {
    const { session, stackName } = this;
    const ports = { clock: session.clock, monitoring: session.ports.monitoring };
    const judging = await judgeWindow(ports, release, window, logOf(session), session.signal);
    const { verdict } = judging;
    const staged = withJudged(release.staged!, release.judging, judging);
    if (verdict.kind !== release.judging?.verdict.kind) {
      const why = verdict.reasons.map(({ message }) => message).join("; ");
      session.say(`  ${clockTime(session)} the judge says ${verdict.kind}${why ? `: ${why}` : ""}`);
    }
    const writing = this.write({ judging, staged });
    if (verdict.kind !== "rollback" || !release.policy.automaticRollback) {
      await writing;
      return { waitMs: 0 };
    }
    await session.attempt("the verdict is not in the ledger", writing);
    return this.end(() => takeBack(session, { release: { ...release, judging, staged }, verdict, stackName }));
  }

  private async setShare(
    release: ReleaseRecord,
    { percent, verdict }: AttendedStep & { kind: "set-share" },
  ): Promise<void> {
    const { session } = this;
    const { functionName, alias, canaryVersion, staged } = release;
    const before = staged!.steps.at(-1);
    const open = await openReleaseOf(session, functionName, alias);
    if (open) {
      const { deploymentId, creator } = open.deployment;
      throw new GoaroundError(
        "conflict",
        "operator",
        `deployment ${deploymentId} (${creator}) of the alias has begun`,
        {
          advice: "When it has ended, run the same command again.",
        },
      );
    }
    if (before) {
      session.say(
        `  ${clockTime(session)} go: ${before.judged} requests judged at ${before.percent} %, the judge says ${verdict.kind}`,
      );
    }
    for (const { message } of verdict.findings) session.detail(message);
    const given = await giveShare(session.ports, release, percent);
    if (!given.isSet) throw new GoaroundError("conflict", "operator", given.why, { advice: "Look who did that." });
    const now = session.clock.now();
    const steps = withShare(staged!, percent, now);
    const next = { staged: percent === 100 ? { ...steps, clearedAt: now.toISOString() } : steps };
    this.describe({ ...release, ...next });
    const minutes = release.policy.staged?.stages[staged!.steps.length]?.minutes ?? 0;
    const until = new Date(now.getTime() + minutes * 60_000);
    session.say(
      `  ${clockTime(session)} ${percent} % on version ${canaryVersion}${minutes > 0 ? `, until ${until.toISOString().slice(0, 16)}Z` : ""}`,
    );
    await this.write(next);
  }

  /** What cannot be written now is written with the next sign of life. */
  private async write(changes: Partial<ReleaseRecord>): Promise<void> {
    this.unwritten = { ...this.unwritten, ...changes };
    await within(this.session, () => this.session.ports.ledger.updateRelease(this.id, this.unwritten));
    this.known = { ...this.known, ...this.unwritten };
    this.unwritten = {};
  }

  private describe(release: ReleaseRecord): void {
    const { functionName, alias, canaryVersion, staged } = release;
    const current = staged?.steps.at(-1);
    this.session.state = current
      ? `version ${canaryVersion} has ${current.percent} % of the traffic of ${functionName}:${alias} since ${current.at} (release ${this.id}) and keeps it; nobody judges it meanwhile, alarms still put it back`
      : `release ${this.id} is open and version ${canaryVersion} has no traffic`;
    this.session.resumeCommand = `the same command again (or take it back: ${takeBackCommand(release)})`;
  }

  private tellWhy(why: string): void {
    const atMs = this.session.clock.now().getTime();
    if (why === this.told.why && atMs - this.told.atMs < TELL_MS) return;
    this.told = { why, atMs };
    this.session.say(`  ${clockTime(this.session)} ${why}`);
  }
}

/** A ledger that hangs is one that does not answer. */
async function within<T>({ clock }: Session, call: () => Promise<T>): Promise<T> {
  try {
    return await withinBudget(clock, LEDGER_MS, call);
  } catch (error) {
    if (!(error instanceof GoaroundError && error.code === "timed-out")) throw error;
    throw new GoaroundError("aws-fault", "dependency", `the ledger did not answer within ${LEDGER_MS / 1000} s`);
  }
}

function nextWindow(release: ReleaseRecord, now: Date): LookWindow | undefined {
  if (release.judging?.verdict.kind === "rollback") return undefined;
  const { shift, ...split } = comparedTime(release, { shift: undefined, routing: undefined });
  return shift && windowsAhead({ release, shift, ...split }, now)[0];
}
