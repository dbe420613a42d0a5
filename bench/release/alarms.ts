import { evaluationGrid } from "../../lib/local/services/cloudwatch/metric-alarm-evaluation.ts";
import { decideState, type MissingDataTreatment } from "../../lib/local/services/cloudwatch/missing-data.ts";
import { LAGS } from "./lags.ts";
import { SIDES, type Side } from "./traffic.ts";
import type { ReleaseWorld } from "./world.ts";

const MINUTE_MS = 60_000;

/** An alarm in the deployment group, as people write them. */
export interface Alarm {
  name: string;
  /** All traffic of the alias, or the new version's alone. */
  scope: "alias" | "version";
  /** Below a minute: the function writes the metric itself, Lambda does not have it. */
  periodSeconds: 10 | 60 | 300;
  /** In a row. */
  periods: number;
  missing: MissingDataTreatment;
  /** Undefined where there is nothing to divide by. */
  breaches: (requests: number, errors: number) => boolean | undefined;
}

const rate = (name: string, scope: Alarm["scope"], periodSeconds: 10 | 60, periods: number): Alarm => ({
  name,
  scope,
  periodSeconds,
  periods,
  missing: "notBreaching",
  breaches: (requests, errors) => (requests === 0 ? undefined : errors > 0.05 * requests),
});

const MORE_THAN = (limit: number) => (requests: number, errors: number) =>
  requests === 0 ? undefined : errors > limit;

/**
 * The usual rate alarms, and the two examples that most people begin with: SAM's (any error in two minutes, on alias and
 * version; SAM developer guide, gradual deployments, 2026) and the CDK's (more than one error in five minutes, which is
 * `metricErrors()`'s period; README of aws-codedeploy, 2026).
 */
export const ALARMS: readonly Alarm[] = [
  rate("alarm 5 %, 2 of 2 min, version", "version", 60, 2),
  rate("alarm 5 %, 1 of 1 min, version", "version", 60, 1),
  rate("alarm 5 %, 2 of 2 min, alias", "alias", 60, 2),
  rate("alarm 5 %, 1 of 1 min, alias", "alias", 60, 1),
  rate("alarm 5 %, 2 of 2 × 10 s, version", "version", 10, 2),
  rate("alarm 5 %, 1 of 1 × 10 s, version", "version", 10, 1),
  rate("alarm 5 %, 2 of 2 × 10 s, alias", "alias", 10, 2),
  { ...rate("SAM's example: any error, 2 of 2 min", "alias", 60, 2), missing: "missing", breaches: MORE_THAN(0) },
  {
    name: "CDK's example: 2 errors in 5 min",
    scope: "alias",
    periodSeconds: 300,
    periods: 1,
    missing: "missing",
    breaches: MORE_THAN(1),
  },
];

/** When an alarm is evaluated and asked for; by default at moments that the seed draws. */
export interface Phases {
  /** Milliseconds after a whole minute or ten seconds. */
  evaluatedMs: number;
  /** Of CodeDeploy's looks, after the start of the shift. */
  polledMs: number;
}

/**
 * A deployment with one alarm: when it went off, and when CodeDeploy saw it and stopped. Undefined without. An alarm that is
 * red when the shift begins stops it at the first look. After the shift the deployment has ended, and nobody looks.
 */
export function stopByAlarm(
  world: ReleaseWorld,
  alarm: Alarm,
  { evaluatedMs, polledMs }: Phases,
): { detectedMs: number; decidedMs: number } | undefined {
  const { startMs, endMs } = world.shifting;
  const everyMs = alarm.periodSeconds < 60 ? 10_000 : MINUTE_MS;
  let since: number | undefined;
  let pollMs = startMs + polledMs;
  for (let at = firstAfter(world.beganMs + MINUTE_MS, everyMs, evaluatedMs); at <= endMs; at += everyMs) {
    for (; pollMs < Math.min(at, endMs); pollMs += LAGS.alarmPollMs) {
      if (since !== undefined) return { detectedMs: Math.max(since, startMs), decidedMs: pollMs };
    }
    const state = stateAt(world, alarm, at);
    if (state === "ALARM") since ??= at;
    else if (state !== "keep") since = undefined;
  }
  for (; pollMs < endMs; pollMs += LAGS.alarmPollMs) {
    if (since !== undefined) return { detectedMs: Math.max(since, startMs), decidedMs: pollMs };
  }
  return undefined;
}

const firstAfter = (ms: number, everyMs: number, phaseMs: number) =>
  Math.ceil((ms - phaseMs) / everyMs) * everyMs + phaseMs;

function stateAt(world: ReleaseWorld, { scope, periodSeconds, periods, missing, breaches }: Alarm, nowMs: number) {
  const sides: readonly Side[] = scope === "version" ? ["canary"] : SIDES;
  const points = evaluationGrid({ periodSeconds, input: { EvaluationPeriods: periods } }, nowMs).map((start) => {
    let [requests, errors] = [0, 0];
    for (const [fromMs, toMs] of published(world, 1000 * start, 1000 * (start + periodSeconds), nowMs)) {
      for (const side of sides) {
        const counts = world.countsOf(side, fromMs, toMs);
        requests += counts.requests;
        errors += counts.errors;
      }
    }
    return breaches(requests, errors);
  });
  return decideState(points, { evaluationPeriods: periods, datapointsToAlarm: periods, treatment: missing });
}

/** What can be read of a period: whole minutes of Lambda's metrics, or all of it where the function writes it itself. */
function published(world: ReleaseWorld, fromMs: number, toMs: number, nowMs: number): [number, number][] {
  const from = Math.max(fromMs, world.beganMs);
  if (toMs - fromMs < MINUTE_MS) return toMs + LAGS.ownMetricsMs <= nowMs && toMs > from ? [[from, toMs]] : [];
  const minutes: [number, number][] = [];
  for (let at = from; at + MINUTE_MS <= toMs; at += MINUTE_MS) {
    if (world.publishedMs(at) <= nowMs) minutes.push([at, at + MINUTE_MS]);
  }
  return minutes;
}
