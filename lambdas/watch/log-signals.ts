import { nothingCounted } from "../../lib/core/judge/increments.ts";
import type { Look, Reason, SideCounts } from "../../lib/core/judge/types.ts";
import { factsOf, type Log } from "../../lib/core/log.ts";
import { judgeLook } from "../../lib/core/release/judge-shift.ts";
import { type LookPorts, METRIC_LAG_MS, nothingTaken, publishedAt, unobserved } from "../../lib/core/release/look.ts";
import type { Judging, ReleaseRecord } from "../../lib/core/release/records.ts";
import type { LookWindow } from "../../lib/core/release/shift.ts";
import type { NextLook, SignalPort, WatchedShift } from "../../lib/core/release/watch-ports.ts";
import { addFailures, howItFailed } from "../../lib/core/signals/failures.ts";
import {
  type Arrived,
  comesLate,
  compare,
  disagreement,
  environmentsOf,
  type LogJudging,
  leaving,
  minutesToCompare,
  notCompared,
  nothingLooked,
  sideOf,
  take,
  takeLate,
} from "../../lib/core/signals/log-looks.ts";
import { dueLogLook, isSilent, logWindow, pollFrom, readFrom, settled } from "../../lib/core/signals/look-schedule.ts";
import type { KnownInterval, SignalBooksPort } from "../../lib/core/signals/ports.ts";
import { type Published, readPublished } from "./published.ts";

/** A log that says nothing is held against metrics as soon as these can be out. Milliseconds after their minute. */
const EARLIEST_METRICS_MS = 60_000;
const ATTEMPTS = 3;
const RETRY_MS = 2000;

export interface LogSignalPorts extends LookPorts {
  books: Pick<SignalBooksPort, "read">;
}

/**
 * Both versions by what their log says, seconds after it arrives, for releases whose log is subscribed to. Each minute is held
 * against Lambda's metrics once they are out; where the two differ, or the log cannot be read, `metrics` are judged from
 * there on, and a finding says so. A log that says nothing is never taken for a version that gets nothing.
 */
export function logSignals(ports: LogSignalPorts, metrics: SignalPort, log: Log): SignalPort {
  const isOnMetrics = ({ signals, judging }: ReleaseRecord) =>
    signals === undefined || judging?.logs?.left !== undefined;
  const reader = new LogReader(ports, log);
  return {
    next: (watched, now) => (isOnMetrics(watched.release) ? metrics : reader).next(watched, now),
    look: (release, window, signal) =>
      isOnMetrics(release) ? metrics.look(release, window, signal) : reader.look(release, window, signal),
  };
}

class LogReader {
  private readonly ports: LogSignalPorts;
  private readonly log: Log;

  constructor(ports: LogSignalPorts, log: Log) {
    this.ports = ports;
    this.log = log;
  }

  async next(watched: WatchedShift, now: Date): Promise<NextLook | undefined> {
    const { release } = watched;
    const least = logWindow(watched, new Date(0));
    if (!least) return undefined;
    if (now < least.to) return { window: least, at: least.to };
    const intervals = await this.read(release, pollFrom(least), now.getTime());
    // That it cannot be read is for the look to find out.
    if (!intervals) return { window: least, at: now };
    const window = dueLogLook(watched, intervals, now.getTime());
    const later = { window: least, at: new Date(settled(intervals, now.getTime()).nextMs) };
    if (!window) return later;
    if (!isSilent(window, intervals)) return { window, at: now };
    if (minutesToCompare(release.judging?.logs, window, new Date(now.getTime() - EARLIEST_METRICS_MS))) {
      return { window, at: now };
    }
    if (!window.last) return later;
    return { window, at: publishedAt(window) > now ? publishedAt(window) : now };
  }

  async look(release: ReleaseRecord, window: LookWindow, signal: AbortSignal): Promise<Judging> {
    const { clock } = this.ports;
    const unread = leaving("what the log says could not be read, so metrics are");
    const intervals = await this.readAgain(release, window.from.getTime(), window.to.getTime(), signal);
    if (intervals === undefined) return this.leave(release, window, unread);
    const before = release.judging?.logs ?? nothingLooked;
    const silent = isSilent(window, intervals);
    const until = new Date(clock.now().getTime() - (silent ? EARLIEST_METRICS_MS : METRIC_LAG_MS));
    // What was looked at before is read again only when it can be held against metrics: once a minute.
    const isDue = window.last || minutesToCompare(before, window, until) !== undefined;
    const earlier = isDue ? await this.readAgain(release, readFrom(window), window.from.getTime(), signal) : [];
    if (earlier === undefined) return this.leave(release, window, unread);
    const known = [...earlier, ...intervals];
    const first = Math.min(...known.map(({ fromMs }) => fromMs));
    const due = minutesToCompare(before, window, until, Number.isFinite(first) ? first : 0);
    const readAll = async () => {
      const seconds = (window.to.getTime() - window.from.getTime()) / 1000;
      const read = due && (await readPublished(this.ports.monitoring, release, due, seconds, this.log));
      signal.throwIfAborted();
      return read;
    };
    let published = await readAll();
    for (let attempt = 1; due && window.last && !published?.isRead && attempt < ATTEMPTS; attempt += 1) {
      await clock.sleep(RETRY_MS, signal);
      published = await readAll();
    }
    // That there is nothing is only sure when metrics are taken to be out.
    while (due && silent && published?.isEmpty && clock.now() < publishedAt({ ...window, to: due.to })) {
      await clock.sleep(RETRY_MS, signal);
      published = await readAll();
    }
    if (due && silent && !published?.isRead) {
      return this.leave(release, window, leaving("the log says nothing, and metrics could not be read to tell why"));
    }
    let logs = before;
    if (due && published?.isRead) {
      logs = {
        ...before,
        reconciledUntil: due.to.toISOString(),
        compared: {
          canary: compare(before.compared.canary, release.canaryVersion, known, published.canary.minutes, due),
          baseline: compare(before.compared.baseline, release.baselineVersion, known, published.baseline.minutes, due),
        },
      };
      const reason = disagreement(logs.compared, release.signals?.sampleOneIn);
      if (reason) return this.leave(release, window, reason);
    }
    const judging = this.judge(release, window, { logs, before, earlier, intervals, published });
    const doubt = due && !published?.isRead ? notCompared(due, window) : undefined;
    if (!doubt || judging.logs?.left) return judging;
    const { verdict } = judging;
    return { ...judging, verdict: { ...verdict, findings: [...verdict.findings, doubt] } };
  }

  private judge(
    release: ReleaseRecord,
    window: LookWindow,
    { logs, before, earlier, intervals, published }: Seen,
  ): Judging {
    const { canaryVersion, baselineVersion, slowThresholdsMs = [] } = release;
    const canary = sideOf(intervals, canaryVersion, slowThresholdsMs.length);
    const baseline = sideOf(intervals, baselineVersion, slowThresholdsMs.length);
    const late = {
      canary: takeLate(before.canary, earlier, canaryVersion),
      baseline: takeLate(before.baseline, earlier, baselineVersion),
    };
    const arrived = {
      canary: arrivedSince(before.arrived?.canary, canary, late.canary),
      baseline: arrivedSince(before.arrived?.baseline, baseline, late.baseline),
    };
    const tooLate = comesLate(arrived);
    if (tooLate) return this.leave(release, window, tooLate);
    const environments = environmentsOf(intervals, canaryVersion);
    const sampleOneIn = release.signals?.sampleOneIn;
    const { from, to, expectedShare, elapsedSeconds } = window;
    const look: Look = {
      elapsedSeconds,
      seconds: (to.getTime() - from.getTime()) / 1000,
      expectedShare,
      observed: true,
      ...(slowThresholdsMs.length > 0 ? { slowThresholdsMs } : {}),
      ...(sampleOneIn === undefined ? {} : { sampleOneIn }),
      unreadable: { ...published?.canary.unreadable, ...published?.baseline.unreadable },
      canary: { ...canary, environments, ...published?.canary.beyond },
      baseline: { ...baseline, ...published?.baseline.beyond },
    };
    const { compared } = logs;
    const failures = addFailures(before.failures, intervals, canaryVersion);
    this.log.info("what the log says", { canary: failures, compared });
    const judging = judgeLook({ ...release, ...withoutLogs(release) }, look, nothingTaken, window, this.log);
    const taken = {
      canary: take(late.canary.taken, intervals, canaryVersion),
      baseline: take(late.baseline.taken, intervals, baselineVersion),
    };
    const { verdict } = judging;
    const how = verdict.kind === "rollback" ? howItFailed(failures) : undefined;
    return {
      ...judging,
      ...(how ? { verdict: { ...verdict, findings: [...verdict.findings, how] } } : {}),
      logs: { ...logs, ...taken, arrived, failures },
    };
  }

  /** Metrics go on where the log was left; nothing that the log has told is judged again. */
  private leave(release: ReleaseRecord, window: LookWindow, reason: Reason): Judging {
    this.log.warn("the log is left for metrics", { deploymentId: release.deploymentId, why: reason.message });
    const { from } = window;
    const known =
      release.judging ??
      judgeLook(release, unobserved({ ...window, to: from }), nothingTaken, { ...window, to: from }, this.log);
    return {
      ...known,
      verdict: { ...known.verdict, findings: [...known.verdict.findings, reason] },
      canary: nothingCounted,
      baseline: nothingCounted,
      peak: 0,
      logs: { ...nothingLooked, ...known.logs, left: { at: from.toISOString(), reason } },
    };
  }

  private async readAgain(release: ReleaseRecord, fromMs: number, toMs: number, signal: AbortSignal) {
    for (let attempt = 1; ; attempt += 1) {
      const intervals = await this.read(release, fromMs, toMs);
      if (intervals || attempt === ATTEMPTS) return intervals;
      await this.ports.clock.sleep(RETRY_MS, signal);
    }
  }

  private async read(release: ReleaseRecord, fromMs: number, toMs: number): Promise<KnownInterval[] | undefined> {
    try {
      return await this.ports.books.read(release.deploymentId, fromMs, toMs);
    } catch (error) {
      this.log.warn("the counts could not be read", factsOf(error));
      return undefined;
    }
  }
}

const arrivedSince = (
  { compared, late }: Arrived = { compared: 0, late: 0 },
  side: SideCounts,
  more: { late: number },
): Arrived => ({ compared: compared + side.invocations, late: late + more.late });

interface Seen {
  logs: LogJudging;
  before: LogJudging;
  /** Of looks before this one; none where they were not read again. */
  earlier: KnownInterval[];
  /** Of this look. */
  intervals: KnownInterval[];
  published: Published | undefined;
}

/** The judge goes on from its own state; what was taken of the log is put beside it afterwards. */
function withoutLogs({ judging }: ReleaseRecord): { judging?: Judging } {
  if (!judging) return {};
  const { logs: _, ...rest } = judging;
  return { judging: rest };
}
