import type { Behaviour } from "../../lib/contract/scenario.ts";
import type { SignalPlan } from "../../lib/core/signals/count.ts";
import { SeededRandom } from "../../lib/local/kernel/random.ts";
import { requestsPerSecondAt } from "../../scripts/rehearse/model.ts";
import { SignalBook } from "./book.ts";
import { ONSET_FROM, ONSET_TO, type ReleaseCell } from "./cells.ts";
import { LAGS } from "./lags.ts";
import { LogFeed } from "./log-feed.ts";
import {
  counted,
  type Draw,
  eachRequest,
  noCounts,
  type Second,
  type SecondCounts,
  type Shifting,
  SIDES,
  type Side,
  VERSIONS,
} from "./traffic.ts";

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
/** Any whole minute will do. */
const EPOCH_MS = Date.UTC(2026, 0, 5, 12);
/** Alarms have a past when the shift begins, and the old version has warm environments. */
const BEFORE_MS = 3 * MINUTE_MS;
const WARM_MS = 10 * SECOND_MS;
/** In busy traffic requests are drawn one by one only from so long before the fault on. */
const BUSY = 100;
const BEFORE_FAULT_MS = 30 * SECOND_MS;

/**
 * One release and all that is seen of it, from a seed. Every method reads the same requests; which are drawn as time goes
 * on, as far as anybody asks.
 */
export class ReleaseWorld {
  readonly cell: ReleaseCell;
  readonly shifting: Shifting;
  readonly book = new SignalBook();
  readonly feed: LogFeed;
  /** For what has a phase of its own, such as the second at which an alarm is evaluated. */
  readonly phases: SeededRandom;
  /** When the canary's fault begins; undefined where it has none. */
  readonly faultMs: number | undefined;
  /** When canary requests began that failed, in order of time. */
  readonly canaryFailuresMs: number[] = [];
  /** Nobody reads the log any more: it is written no longer. */
  logged = true;
  private readonly beginMs = EPOCH_MS;
  private readonly seconds: Second[] = [];
  private readonly eachFromMs: number;
  private readonly drawEach: Draw;
  private readonly drawCounts: Draw;

  constructor(cell: ReleaseCell, run: number) {
    const random = new SeededRandom(`${cell.key}/${run}`);
    const moments = random.fork("moments");
    const startMs = EPOCH_MS + BEFORE_MS + Math.floor(moments.next() * MINUTE_MS);
    const { behaviour, faultSeconds } = canaryOf(cell, moments);
    this.cell = cell;
    this.shifting = { startMs, endMs: startMs + cell.minutes * MINUTE_MS, share: cell.percent / 100 };
    this.faultMs = faultSeconds === undefined ? undefined : startMs + 1000 * faultSeconds;
    const isBusy = requestsPerSecondAt(cell.scenario.traffic, undefined) >= BUSY;
    const awaited = isBusy ? (this.faultMs ?? 0) - BEFORE_FAULT_MS : 0;
    this.eachFromMs = cell.each ? Math.max(startMs - WARM_MS, awaited) : Number.POSITIVE_INFINITY;
    this.phases = random.fork("phases");
    this.feed = new LogFeed(planOf(cell), this.book, cell.disturbed, random);
    this.drawEach = eachRequest(cell, behaviour, this.shifting, random);
    this.drawCounts = counted(cell, behaviour, this.shifting, random.fork("counts"));
  }

  /** Everything up to now has happened, and what is due has arrived. */
  advanceTo(nowMs: number): void {
    while (this.drawnMs < nowMs) {
      const fromMs = this.drawnMs;
      const logged = this.logged && fromMs >= this.shifting.startMs - WARM_MS;
      const draw = logged && fromMs >= this.eachFromMs ? this.drawEach : this.drawCounts;
      const second = draw(fromMs, logged);
      this.seconds.push(second);
      this.canaryFailuresMs.push(...second.canaryFailuresMs);
      if (logged) this.feed.take(fromMs, second);
      delete second.requests;
      delete second.streams;
    }
    if (this.logged) this.feed.countUntil(nowMs);
  }

  /** What one version was asked in whole seconds [fromMs, toMs). */
  countsOf(side: Side, fromMs: number, toMs: number): SecondCounts {
    this.advanceTo(toMs);
    const sum = noCounts(this.cell.thresholdsMs.length);
    for (let at = (fromMs - this.beginMs) / SECOND_MS; at < (toMs - this.beginMs) / SECOND_MS; at += 1) {
      const counts = this.seconds[at]?.counts[side];
      if (!counts || counts.requests === 0) continue;
      const { requests, errors, coldStarts, durationMs, slow } = counts;
      sum.requests += requests;
      sum.errors += errors;
      sum.coldStarts += coldStarts;
      sum.durationMs += durationMs;
      for (let i = 0; i < slow.length; i += 1) sum.slow[i]! += slow[i]!;
    }
    return sum;
  }

  concurrency(fromMs: number, toMs: number): number {
    this.advanceTo(toMs);
    const seconds = this.seconds.slice((fromMs - this.beginMs) / SECOND_MS, (toMs - this.beginMs) / SECOND_MS);
    return Math.max(0, ...seconds.map(({ concurrency }) => concurrency));
  }

  /** When Lambda's metrics of the minute that began at `minuteMs` can be read. */
  publishedMs(minuteMs: number): number {
    const at = minuteMs + MINUTE_MS + LAGS.metricsMs;
    for (const { fromSeconds, untilSeconds } of this.cell.scenario.metricOutages) {
      const [from, until] = [fromSeconds, untilSeconds].map((seconds) => this.shifting.startMs + 1000 * seconds);
      if (at >= from! && at < until!) return until!;
    }
    return at;
  }

  get beganMs(): number {
    return this.beginMs;
  }

  private get drawnMs(): number {
    return this.beginMs + SECOND_MS * this.seconds.length;
  }
}

function canaryOf(
  { scenario, onset }: ReleaseCell,
  moments: SeededRandom,
): { behaviour: Behaviour; faultSeconds: number | undefined } {
  const behaviour = scenario.releases[0]!.canary;
  if (!onset) return { behaviour, faultSeconds: behaviour.phases[0]?.fromSeconds };
  const fromSeconds = ONSET_FROM + moments.next() * (ONSET_TO - ONSET_FROM);
  return {
    behaviour: { ...behaviour, phases: [{ fromSeconds, errorRate: onset.errorRate }] },
    faultSeconds: fromSeconds,
  };
}

export const DEPLOYMENT_ID = "d-RELEASED";
export const FUNCTION_NAME = "released";

const planOf = ({ thresholdsMs }: ReleaseCell): SignalPlan => ({
  deploymentId: DEPLOYMENT_ID,
  functionName: FUNCTION_NAME,
  filterName: "goaround-dev-d-1",
  versions: SIDES.map((side) => VERSIONS[side]),
  slowThresholdsMs: thresholdsMs,
  ownRequests: [],
});
