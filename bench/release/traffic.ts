import type { Behaviour } from "../../lib/contract/scenario.ts";
import { drawBinomial, drawPoisson } from "../../lib/core/judge/sequential/traffic.ts";
import type { SeededRandom } from "../../lib/local/kernel/random.ts";
import { ModelledPool } from "../../lib/local/services/lambda/modelled-pool.ts";
import {
  arrivals,
  functionModel,
  momentOf,
  requestsPerSecondAt,
  sharedErrorRate,
} from "../../scripts/rehearse/model.ts";
import { drawAbove, normalTail } from "../judge/durations.ts";
import type { ReleaseCell } from "./cells.ts";

export const SIDES = ["baseline", "canary"] as const;
export type Side = (typeof SIDES)[number];
/** Version numbers, as the alias and the log have them. */
export const VERSIONS: Record<Side, string> = { baseline: "1", canary: "2" };

/** What one version was asked in one second, by the beginning of the requests. */
export interface SecondCounts {
  requests: number;
  errors: number;
  coldStarts: number;
  durationMs: number;
  /** Slower than each of the thresholds. */
  slow: number[];
}

export interface DrawnRequest {
  side: Side;
  atMs: number;
  durationMs: number;
  initMs: number | undefined;
  status: "success" | "error" | "timeout" | "failure";
  /** Which of the version's execution environments had it. */
  environment: number;
}

export interface Second {
  counts: Record<Side, SecondCounts>;
  /** Undefined where requests are only counted: there by version and log stream. */
  requests?: DrawnRequest[];
  streams?: Record<Side, SecondCounts[]>;
  /** When the canary's requests began that failed. */
  canaryFailuresMs: number[];
  /** The most requests at once. */
  concurrency: number;
}

export interface Shifting {
  startMs: number;
  endMs: number;
  /** Share of the canary in between, 0 to 1. */
  share: number;
}

/** One second after another, in order. `logged`: somebody reads the log. */
export type Draw = (fromMs: number, logged: boolean) => Second;

const TIMEOUT_MS = 30_000;
const FUNCTION = "released";
const UNLIMITED = Number.POSITIVE_INFINITY;
/** Log streams of a version that are told apart where requests are only counted. */
const MOST_STREAMS = 8;
const Z99 = 2.3263478740408408;

export const noCounts = (thresholds: number): SecondCounts => ({
  requests: 0,
  errors: 0,
  coldStarts: 0,
  durationMs: 0,
  slow: Array.from({ length: thresholds }, () => 0),
});

/** Each request by itself, by the rehearsal's own model of a function. */
export function eachRequest(cell: ReleaseCell, canary: Behaviour, shifting: Shifting, random: SeededRandom): Draw {
  const { scenario, thresholdsMs } = cell;
  const [arriving, choosing, modelling] = [random.fork("arrivals"), random.fork("versions"), random.fork("model")];
  const since = sinceShift(shifting);
  const isCanary = (version: string) => version === VERSIONS.canary;
  const model = functionModel(
    scenario,
    (version) => (isCanary(version) ? canary : scenario.baseline),
    since,
    () => false,
    isCanary,
  );
  const pool = new ModelledPool();
  return (fromMs) => {
    const second: Second = {
      counts: { baseline: noCounts(thresholdsMs.length), canary: noCounts(thresholdsMs.length) },
      requests: [],
      canaryFailuresMs: [],
      concurrency: 0,
    };
    for (const atMs of arrivals(
      requestsPerSecondAt(scenario.traffic, since(fromMs)),
      fromMs,
      fromMs + 1000,
      arriving,
    )) {
      const side: Side = choosing.chance(shareAt(shifting, atMs)) ? "canary" : "baseline";
      const version = VERSIONS[side];
      const place = pool.enter(FUNCTION, version, atMs, UNLIMITED)!;
      const {
        outcome,
        durationMs: drawn,
        initMs,
      } = model({
        functionName: FUNCTION,
        version,
        atMs,
        coldStart: place.coldStart,
        environment: place.environment,
        random: modelling,
      });
      const late = outcome === "timeout" || drawn >= TIMEOUT_MS;
      const durationMs = late ? TIMEOUT_MS : drawn;
      place.leaveAt(atMs + (initMs ?? 0) + durationMs);
      const status = late ? "timeout" : outcome === "ok" ? "success" : "error";
      second.requests!.push({ side, atMs, durationMs, initMs, status, environment: place.environment });
      second.concurrency = Math.max(second.concurrency, place.concurrency);
      const counts = second.counts[side];
      counts.requests += 1;
      counts.durationMs += durationMs;
      if (initMs !== undefined) counts.coldStarts += 1;
      for (const [i, ms] of thresholdsMs.entries()) if (durationMs > ms) counts.slow[i]! += 1;
      if (status === "success") continue;
      counts.errors += 1;
      if (side === "canary") second.canaryFailuresMs.push(atMs);
    }
    return second;
  };
}

/**
 * Only how many, stream by stream: for traffic of which each request would take too long, and where nobody reads the log.
 * Requests of a second fail at its middle.
 */
export function counted(cell: ReleaseCell, canary: Behaviour, shifting: Shifting, random: SeededRandom): Draw {
  const { scenario, thresholdsMs, each } = cell;
  const since = sinceShift(shifting);
  const uniform = () => random.next();
  // Environments that are started or, where requests are drawn one by one in between, have been started there.
  const warm: Record<Side, number> = { baseline: UNLIMITED, canary: each ? UNLIMITED : 0 };
  const starting: { side: Side; environments: number; readyMs: number }[] = [];
  return (fromMs, logged) => {
    const at = since(fromMs + 500);
    while (starting[0] && starting[0].readyMs < fromMs) {
      const { side, environments } = starting.shift()!;
      warm[side] += environments;
    }
    const requests = drawPoisson(uniform, requestsPerSecondAt(scenario.traffic, at));
    const onCanary = drawBinomial(uniform, requests, shareAt(shifting, fromMs + 500));
    const side = (name: Side, count: number): SecondCounts[] => {
      const behaviour = name === "canary" ? canary : scenario.baseline;
      const { errorRate, hangRate, medianMs, p99Ms } = momentOf(behaviour, at);
      const shared = sharedErrorRate(scenario, name, at, () => false);
      const failing = 1 - (1 - errorRate) * (1 - hangRate) * (1 - shared);
      const spread = Math.log(Math.max(p99Ms / medianMs, 1)) / Z99;
      const above = (extraMs: number) =>
        thresholdsMs.map((ms) => (ms <= extraMs ? 1 : normalTail(Math.log((ms - extraMs) / medianMs) / spread)));
      const [fast, cold] = [above(0), above(behaviour.coldStartMs / 4)];
      const meanMs = medianMs * Math.exp(spread ** 2 / 2);
      // What warm environments have no time for starts others, until the first of those are ready.
      const left = Math.max(0, count - (warm[name] * 1000) / meanMs);
      const started = Math.ceil(left * Math.min(1, (behaviour.coldStartMs + meanMs) / 1000));
      if (started > 0) starting.push({ side: name, environments: started, readyMs: fromMs + behaviour.coldStartMs });
      const streams = logged ? Math.max(1, Math.min(MOST_STREAMS, Math.ceil((count * meanMs) / 1000))) : 1;
      let [restOfCount, restOfStarted] = [count, started];
      return Array.from({ length: streams }, (_, i) => {
        const part = 1 / (streams - i);
        const own = drawBinomial(uniform, restOfCount, part);
        const ownStarted = Math.min(own, drawBinomial(uniform, restOfStarted, part));
        restOfCount -= own;
        restOfStarted -= ownStarted;
        const coldStarts = ownStarted + drawBinomial(uniform, own - ownStarted, 1 / behaviour.sandboxLifetimeRequests);
        const slow = [drawAbove(uniform, own - coldStarts, fast), drawAbove(uniform, coldStarts, cold)] as const;
        return {
          requests: own,
          errors: drawBinomial(uniform, own, failing),
          coldStarts,
          durationMs: own * meanMs + (coldStarts * behaviour.coldStartMs) / 4,
          slow: slow[0].map((value, k) => value + slow[1][k]!),
        };
      });
    };
    const streams = { baseline: side("baseline", requests - onCanary), canary: side("canary", onCanary) };
    const sum = (of: readonly SecondCounts[]) => of.reduce(addCounts, noCounts(thresholdsMs.length));
    const counts = { baseline: sum(streams.baseline), canary: sum(streams.canary) };
    return {
      counts,
      streams,
      canaryFailuresMs: Array.from({ length: counts.canary.errors }, () => fromMs + 500),
      concurrency:
        Math.ceil((counts.baseline.durationMs + counts.canary.durationMs) / 1000) +
        starting.reduce((total, { environments }) => total + environments, 0),
    };
  };
}

export const addCounts = (a: SecondCounts, b: SecondCounts): SecondCounts => ({
  requests: a.requests + b.requests,
  errors: a.errors + b.errors,
  coldStarts: a.coldStarts + b.coldStarts,
  durationMs: a.durationMs + b.durationMs,
  slow: a.slow.map((value, i) => value + b.slow[i]!),
});

const sinceShift =
  ({ startMs }: Shifting) =>
  (atMs: number) =>
    atMs < startMs ? undefined : (atMs - startMs) / 1000;

const shareAt = ({ startMs, endMs, share }: Shifting, atMs: number) => (atMs < startMs ? 0 : atMs < endMs ? share : 1);
