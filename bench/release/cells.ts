import type { Behaviour, Scenario } from "../../lib/contract/scenario.ts";
import { scenarioSchema } from "../../lib/contract/scenario.ts";
import type { Disturbance } from "../../lib/local/services/eventbridge/disturbance.ts";
import { loadScenario } from "../../scripts/rehearse/library.ts";
import { trafficName } from "../judge/cells.ts";

/** One release, again and again, with other requests each time. */
export interface ReleaseCell {
  key: string;
  kind: "must" | "scenario" | "grid" | "harmless";
  scenario: Scenario;
  /** Share of the canary, percent, for so many minutes. */
  percent: number;
  minutes: number;
  /** The canary's errors from a moment on that each run draws. */
  onset?: { errorRate: number };
  /** Nobody may take it back. */
  harmless: boolean;
  /** A fault that requests share: outside what tests of their number assume, and no part of the figures of harmless rows. */
  shared?: true;
  /** Requests are drawn one by one, logged, and read from the log; else only counted by the second. */
  each: boolean;
  /** What becomes of the log's batches. */
  disturbed: Disturbance[];
  thresholdsMs: number[];
}

/** Of the shift, seconds: as the watch's benchmark has it. */
export const ONSET_FROM = 5;
export const ONSET_TO = 235;

const RATES = [1 / 60, 1, 10, 100, 1000];
const SHARES = [1, 10, 50];
/** Percentage points on top of the baseline's. */
const FAULTS = [0.5, 2, 5, 20, 100];
/** As the rehearsals' behaviours have it. */
const BASELINE_ERRORS = 0.001;
const GRID_MINUTES = 10;
/** What the sample app has. */
const USUAL = { percent: 10, minutes: 5 };

const percent = (value: number) => `${Number((100 * value).toPrecision(3))} %`;

interface Release {
  key: string;
  requestsPerSecond: number;
  percent?: number;
  minutes?: number;
  baseline?: Partial<Behaviour>;
  /** As the baseline, where nothing is said. */
  canary?: Partial<Behaviour>;
  outages?: Scenario["outages"];
}

/** Quantiles of the baseline's durations, as they are fixed before a release; none where an hour brings too few. */
function thresholdsOf({ baseline, traffic }: Scenario): number[] {
  const perSecond = Array.isArray(traffic) ? traffic[0]!.requestsPerSecond : traffic.requestsPerSecond;
  if (perSecond * 3600 < 100) return [];
  const { medianMs, p99Ms } = baseline.latency;
  const spread = Math.log(p99Ms / medianMs) / 2.3263478740408408;
  const values = [0, 1.2815515655446004, 2.3263478740408408].map((z) => medianMs * Math.exp(spread * z));
  return values.map((value) => Number(value.toPrecision(3)));
}

function scenarioOf({ key, requestsPerSecond, baseline = {}, canary, outages = [] }: Release): Scenario {
  return scenarioSchema.parse({
    name: key
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")
      .slice(0, 64),
    description: key,
    traffic: { requestsPerSecond },
    baseline,
    outages,
    releases: [{ canary: { ...baseline, ...canary }, expected: "promoted" }],
    expected: { outcome: "promoted" },
  });
}

function cellOf(release: Release, more: Pick<ReleaseCell, "kind"> & Partial<ReleaseCell>): ReleaseCell {
  const scenario = scenarioOf(release);
  return {
    key: release.key,
    scenario,
    percent: release.percent ?? USUAL.percent,
    minutes: release.minutes ?? USUAL.minutes,
    harmless: false,
    each: release.requestsPerSecond < 100,
    disturbed: [],
    thresholdsMs: thresholdsOf(scenario),
    ...more,
  };
}

const onset = (key: string, requestsPerSecond: number, to: number, more: Partial<Release> = {}) =>
  [{ key, requestsPerSecond, percent: 10, minutes: GRID_MINUTES, ...more }, { onset: { errorRate: to } }] as const;

export const MUST = {
  usual: "10/s, 10 %, 0 → 20 %",
  busy: "100/s, 10 %, 0 → 20 %",
  small: "100/s, 10 %, 0 → 2 %",
} as const;

function mustCells(): ReleaseCell[] {
  const must = (key: string, rate: number, to: number) => {
    const [release, more] = onset(key, rate, to, { baseline: { errorRate: 0 } });
    return cellOf(release, { ...more, kind: "must", each: true });
  };
  return [must(MUST.usual, 10, 0.2), must(MUST.busy, 100, 0.2), must(MUST.small, 100, 0.02)];
}

function gridCells(): ReleaseCell[] {
  return RATES.flatMap((rate) =>
    SHARES.flatMap((share) =>
      FAULTS.map((points) => {
        const to = Math.min(1, BASELINE_ERRORS + points / 100);
        const key = `${trafficName(rate)}, ${share} %, +${points} points`;
        const [release, more] = onset(key, rate, to, { percent: share });
        return cellOf(release, { ...more, kind: "grid" });
      }),
    ),
  );
}

/** Rehearsals that are about traffic. Their faults begin when the scenario says, and last. */
const SCENARIOS: Record<string, Pick<ReleaseCell, "harmless" | "shared">> = {
  healthy: { harmless: true },
  "high-error-rate": { harmless: false },
  "service-unavailable": { harmless: false },
  "performance-degradation": { harmless: false },
  "outage-on-both": { harmless: true },
  "one-bad-environment": { harmless: true, shared: true },
  "cold-starts": { harmless: true },
  "low-traffic": { harmless: true },
  "monitoring-outage": { harmless: true },
  "metrics-late": { harmless: true },
};

function scenarioCells(): ReleaseCell[] {
  return Object.entries(SCENARIOS).map(([name, about]) => {
    const scenario = loadScenario(name);
    const { lostShare, doubledShare, lateSeconds } = scenario.logDelivery ?? {};
    const disturbance: Disturbance = {
      ...(lostShare === undefined ? {} : { drop: lostShare }),
      ...(doubledShare === undefined ? {} : { duplicate: doubledShare }),
      ...(lateSeconds === undefined ? {} : { delayMs: 1000 * lateSeconds }),
    };
    return {
      key: name,
      kind: "scenario",
      scenario,
      ...(scenario.strategy?.kind === "canary"
        ? { percent: scenario.strategy.percentage, minutes: scenario.strategy.minutes }
        : USUAL),
      ...about,
      each: true,
      disturbed: scenario.logDelivery ? [disturbance] : [],
      thresholdsMs: thresholdsOf(scenario),
    };
  });
}

const SLOW_STARTS = { coldStartMs: 4000, sandboxLifetimeRequests: 400 };
/** Batches as CloudWatch Logs may bring them: on a common day, and on a bad one. */
const DISTURBED: Disturbance[] = [{ duplicate: 0.1 }, { reorder: 0.1, delayMs: 10_000 }];
const BADLY: Disturbance[] = [{ duplicate: 0.1 }, { reorder: 0.3, delayMs: 60_000 }];

function harmlessCells(): ReleaseCell[] {
  return RATES.flatMap((rate) => {
    const add = (name: string, release: Partial<Release>, more: Partial<ReleaseCell> = {}) =>
      cellOf(
        { key: `${trafficName(rate)}, ${name}`, requestsPerSecond: rate, ...release },
        { kind: "harmless", harmless: true, ...more },
      );
    const outage = [{ fromSeconds: 60, untilSeconds: 600, errorRate: 0.2 }];
    return [
      ...[0.001, 0.01].map((errorRate) => add(`errors ${percent(errorRate)}`, { baseline: { errorRate } })),
      add("half of the traffic on the canary, errors 1 %", { percent: 50, baseline: { errorRate: 0.01 } }),
      add("outage of 20 % on both from the second minute", { outages: outage }),
      add("outage of everything on both from the second minute", { outages: [{ ...outage[0]!, errorRate: 1 }] }),
      add("burst of 50 % on both for twenty seconds", {
        outages: [{ fromSeconds: 90, untilSeconds: 110, errorRate: 0.5 }],
      }),
      add("cold starts of four seconds", { baseline: SLOW_STARTS }),
      add(
        "outage of 20 % on both, a tenth of the batches twice, a tenth late by up to 10 s",
        { outages: outage },
        { disturbed: DISTURBED },
      ),
      add(
        "outage of 20 % on both, a tenth of the batches twice, a third late by up to a minute",
        { outages: outage },
        { disturbed: BADLY },
      ),
      add(
        "errors 1 %, a tenth of the batches twice, a third late by up to a minute",
        { baseline: { errorRate: 0.01 } },
        { disturbed: BADLY },
      ),
      add("errors 1 %, a third of the batches lost", { baseline: { errorRate: 0.01 } }, { disturbed: [{ drop: 0.3 }] }),
    ];
  });
}

export const releaseCells = (): ReleaseCell[] => [
  ...mustCells(),
  ...scenarioCells(),
  ...gridCells(),
  ...harmlessCells(),
];
