import { flagRecord } from "../../lib/contract/flag-record.ts";
import type { Behaviour, Scenario } from "../../lib/contract/scenario.ts";
import type { SeededRandom } from "../../lib/local/kernel/random.ts";
import type { FunctionModel } from "../../lib/local/services/lambda/index.ts";

/** How a behaviour stands at one moment, its phases applied. */
export interface Moment {
  errorRate: number;
  hangRate: number;
  medianMs: number;
  p99Ms: number;
}

/** z-score of the 99th percentile of the normal distribution. */
const Z99 = 2.3263478740408408;

/**
 * The later of two phases that both apply wins. Before the shift (`undefined`) only phases without a start apply, and to
 * a request of no execution environment only those of all.
 */
export function momentOf(behaviour: Behaviour, sinceShiftSeconds: number | undefined, environment?: number): Moment {
  const moment: Moment = { errorRate: behaviour.errorRate, hangRate: 0, ...behaviour.latency };
  const at = sinceShiftSeconds ?? Number.NEGATIVE_INFINITY;
  for (const phase of behaviour.phases) {
    if (
      at < (phase.fromSeconds ?? Number.NEGATIVE_INFINITY) ||
      at >= (phase.untilSeconds ?? Number.POSITIVE_INFINITY) ||
      (phase.environment !== undefined && phase.environment !== environment)
    ) {
      continue;
    }
    if (phase.errorRate !== undefined) moment.errorRate = phase.errorRate;
    if (phase.hangRate !== undefined) moment.hangRate = phase.hangRate;
    if (phase.latency) Object.assign(moment, phase.latency);
  }
  return moment;
}

/** A log-normal duration with the given median and 99th percentile, in milliseconds. */
export function drawDuration(moment: Moment, random: SeededRandom): number {
  const sigma = Math.log(Math.max(moment.p99Ms / moment.medianMs, 1)) / Z99;
  return moment.medianMs * Math.exp(sigma * random.normal());
}

/** The error rate that an outage or a flag adds on top of a version's own, for one request. */
export function sharedErrorRate(
  scenario: Pick<Scenario, "outages" | "flagEffects">,
  side: "baseline" | "canary",
  sinceShiftSeconds: number | undefined,
  flagIsOn: (flag: string) => boolean,
): number {
  const at = sinceShiftSeconds ?? Number.NEGATIVE_INFINITY;
  const rates = [
    ...scenario.outages.filter((outage) => at >= outage.fromSeconds && at < outage.untilSeconds),
    ...scenario.flagEffects.filter((effect) => (effect.on === "both" || side === "canary") && flagIsOn(effect.flag)),
  ].map((source) => source.errorRate);
  return 1 - rates.reduce((ok, rate) => ok * (1 - rate), 1);
}

/** Requests per second at a time; between points of a list the last one holds. */
export function requestsPerSecondAt(traffic: Scenario["traffic"], sinceShiftSeconds: number | undefined): number {
  if (!Array.isArray(traffic)) return traffic.requestsPerSecond;
  const at = sinceShiftSeconds ?? Number.NEGATIVE_INFINITY;
  const sorted = [...traffic].sort((a, b) => a.atSeconds - b.atSeconds);
  return (sorted.filter((point) => point.atSeconds <= at).at(-1) ?? sorted[0])?.requestsPerSecond ?? 0;
}

/** Arrival times of a Poisson process over [fromMs, toMs). */
export function arrivals(requestsPerSecond: number, fromMs: number, toMs: number, random: SeededRandom): number[] {
  if (requestsPerSecond <= 0) return [];
  const times: number[] = [];
  for (let at = fromMs; ; ) {
    at += (-Math.log(1 - random.next()) * 1000) / requestsPerSecond;
    if (at >= toMs) return times;
    times.push(at);
  }
}

/**
 * The model of a function under release: which behaviour a version has, what time it is from the start of the shift,
 * and what is broken for everyone.
 */
export function functionModel(
  scenario: Pick<Scenario, "outages" | "flagEffects">,
  behaviourOf: (version: string) => Behaviour,
  sinceShift: (atMs: number) => number | undefined,
  flagIsOn: (reader: string, flag: string) => boolean,
  isCanary: (version: string) => boolean = () => false,
): FunctionModel {
  const flags = [...new Set(scenario.flagEffects.map(({ flag }) => flag))];
  return ({ functionName, version, atMs, coldStart, environment, payload, random }) => {
    const behaviour = behaviourOf(version);
    const moment = momentOf(behaviour, sinceShift(atMs), environment);
    // A payload means that someone invoked the version itself: the smoke test, not traffic. Once the canary has traffic,
    // what happens to that happens to the smoke test too.
    const isSmoke = payload !== undefined && isCanary(version);
    if (isSmoke && (behaviour.smoke !== "ok" || sinceShift(atMs) === undefined)) {
      return smokeAnswer(behaviour.smoke, moment.medianMs);
    }
    const durationMs = drawDuration(moment, random);
    const cold = coldStart || random.chance(1 / behaviour.sandboxLifetimeRequests);
    // Lambda leaves initialisation out of Duration; what a first request does lazily is in it.
    const timing = cold
      ? { durationMs: durationMs + behaviour.coldStartMs / 4, initMs: behaviour.coldStartMs }
      : { durationMs };
    if (random.chance(moment.hangRate)) return { outcome: "timeout", ...timing };
    const reader = flags.length === 0 ? "" : `environment-${Math.floor(random.next() * READERS)}`;
    const sees = (flag: string) => flagIsOn(reader, flag);
    const shared = sharedErrorRate(scenario, isCanary(version) ? "canary" : "baseline", sinceShift(atMs), sees);
    const failed = random.chance(1 - (1 - moment.errorRate) * (1 - shared));
    const log = flags.map((flag) =>
      flagRecord({ functionName, version, flag, state: sees(flag) ? "on" : "off", failed, atMs }),
    );
    if (failed) {
      return {
        outcome: "error",
        ...timing,
        errorType: "RehearsedError",
        errorMessage: "the scenario has this request fail",
        log,
      };
    }
    return { outcome: "ok", ...timing, log };
  };
}

/** Execution environments that read flags, each on its own; enough for AppConfig's growth to show in steps of 2 %. */
const READERS = 50;

function smokeAnswer(smoke: Behaviour["smoke"], durationMs: number): ReturnType<FunctionModel> {
  switch (smoke) {
    case "ok":
      return { outcome: "ok", durationMs };
    case "wrong-answer":
      return { outcome: "ok", durationMs, response: {} };
    case "timeout":
      return { outcome: "timeout", durationMs };
    case "error":
      return {
        outcome: "error",
        durationMs,
        errorType: "RehearsedError",
        errorMessage: "the scenario fails the smoke test",
      };
  }
}
