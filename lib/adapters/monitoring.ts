import {
  CloudWatchClient,
  type CompositeAlarm,
  DeleteAlarmsCommand,
  DescribeAlarmsCommand,
  DisableAlarmActionsCommand,
  EnableAlarmActionsCommand,
  type MetricAlarm,
  type MetricDataQuery,
  PutMetricAlarmCommand,
  paginateDescribeAlarms,
} from "@aws-sdk/client-cloudwatch";
import { NO_COUNTS, type SideCounts, type TestedPercentile } from "../core/judge/types.ts";
import type { AlarmState, MonitoringPort } from "../core/ports.ts";
import { readDeclared } from "./declared-metrics.ts";
import { calling, isNotFound, toGoaroundError } from "./errors.ts";
import { type Dimensions, readMinutes, readSeries, stat, subjectOf, wholeMinutes } from "./metric-data.ts";
import { createMetricSources } from "./metric-sources/index.ts";
import { type AdapterOptions, connect, lazy } from "./options.ts";

/** DescribeAlarms and DeleteAlarms take at most 100 names (CloudWatch API reference, 2026). */
const NAMES_PER_CALL = 100;
/** A period may be at most a day; longer intervals come back in several buckets. */
const MAX_PERIOD_SECONDS = 86_400;

const chunks = <T>(all: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));

export function createMonitoring(options: AdapterOptions = {}): MonitoringPort {
  const client = lazy(() => connect(CloudWatchClient, options));
  const others = createMetricSources(options, () => client().config);
  const http = { abortSignal: options.signal };

  async function counts(dimensions: Dimensions, from: Date, to: Date): Promise<SideCounts> {
    // Lambda's metrics exist per whole minute only; half a minute would be counted twice or not at all.
    const range = wholeMinutes(from, to);
    if (!range) return NO_COUNTS;
    const seconds = (range.to.getTime() - range.from.getTime()) / 1000;
    const asked = queries(dimensions, Math.min(seconds, MAX_PERIOD_SECONDS));
    return summarise(await readSeries(client(), asked, range, subjectOf(dimensions), options.signal));
  }

  async function describe(names: readonly string[]): Promise<(MetricAlarm | CompositeAlarm)[]> {
    const found: (MetricAlarm | CompositeAlarm)[] = [];
    for (const part of chunks([...new Set(names)], NAMES_PER_CALL)) {
      try {
        const pages = paginateDescribeAlarms(
          { client: client() },
          // Without AlarmTypes only metric alarms come back (CloudWatch API reference, 2026).
          { AlarmNames: part, AlarmTypes: ["MetricAlarm", "CompositeAlarm"] },
          http,
        );
        for await (const page of pages) found.push(...(page.MetricAlarms ?? []), ...(page.CompositeAlarms ?? []));
      } catch (error) {
        throw toGoaroundError(error, { operation: "cloudwatch DescribeAlarms", subject: part.join(", ") });
      }
    }
    return found.filter(({ AlarmName }) => AlarmName !== undefined);
  }

  return {
    async alarmStates(names) {
      const all = await describe(names);
      return Object.fromEntries(
        all.flatMap(({ AlarmName, StateValue }) => (StateValue ? [[AlarmName, StateValue]] : [])),
      );
    },

    async alarmActions(names) {
      const all = await describe(names);
      return Object.fromEntries(all.map(({ AlarmName, ActionsEnabled }) => [AlarmName, ActionsEnabled ?? true]));
    },

    async putVersionErrorAlarm(alarm) {
      const dimensions = [
        { Name: "FunctionName", Value: alarm.functionName },
        { Name: "Resource", Value: `${alarm.functionName}:${alarm.alias}` },
        { Name: "ExecutedVersion", Value: alarm.version },
      ];
      const metric = (id: string, name: string): MetricDataQuery => ({
        Id: id,
        ReturnData: false,
        MetricStat: {
          Metric: { Namespace: "AWS/Lambda", MetricName: name, Dimensions: dimensions },
          Period: 60,
          Stat: "Sum",
        },
      });
      await calling(
        { operation: "cloudwatch PutMetricAlarm", subject: `alarm ${alarm.name}` },
        client().send(
          new PutMetricAlarmCommand({
            AlarmName: alarm.name,
            AlarmDescription: alarm.description,
            Metrics: [
              metric("errors", "Errors"),
              metric("invocations", "Invocations"),
              {
                Id: "rate",
                Label: "error rate of the version (percent)",
                Expression: `IF(invocations >= ${alarm.minSamples}, 100 * errors / invocations, 0)`,
                ReturnData: true,
              },
            ],
            ComparisonOperator: "GreaterThanThreshold",
            Threshold: alarm.errorRatePercent,
            EvaluationPeriods: 1,
            DatapointsToAlarm: 1,
            // A minute without traffic on the version says nothing against it.
            TreatMissingData: "notBreaching",
          }),
          http,
        ),
      );
    },

    async deleteAlarms(names) {
      for (const name of names) {
        // One by one: DeleteAlarms deletes nothing when one of several names is missing.
        try {
          await client().send(new DeleteAlarmsCommand({ AlarmNames: [name] }), http);
        } catch (error) {
          if (!isNotFound(error)) {
            throw toGoaroundError(error, { operation: "cloudwatch DeleteAlarms", subject: `alarm ${name}` });
          }
        }
      }
    },

    async setAlarmActions(names, enabled) {
      for (const part of chunks(names, NAMES_PER_CALL)) {
        const input = { AlarmNames: part };
        await calling(
          { operation: `cloudwatch ${enabled ? "Enable" : "Disable"}AlarmActions`, subject: part.join(", ") },
          enabled
            ? client().send(new EnableAlarmActionsCommand(input), http)
            : client().send(new DisableAlarmActionsCommand(input), http),
        );
      }
    },

    versionCounts: ({ from, to, ...version }) => counts(dimensionsOf(version), from, to),

    aliasCounts: ({ from, to, ...alias }) => counts(dimensionsOf(alias), from, to),

    async minuteCounts({ from, to, slowThresholdsMs, ...version }) {
      const range = wholeMinutes(from, to);
      return range ? readMinutes(client(), dimensionsOf(version), range, slowThresholdsMs, options.signal) : [];
    },

    async durationPercentiles({ from, to, percentiles, ...alias }) {
      const range = wholeMinutes(from, to);
      if (!range) return undefined;
      const dimensions = dimensionsOf(alias);
      const seconds = (range.to.getTime() - range.from.getTime()) / 1000;
      const asked = [
        stat("requests", dimensions, "Duration", "SampleCount", seconds),
        ...percentiles.map((p, i) => stat(`p${i}`, dimensions, "Duration", `p${p}`, seconds)),
      ];
      const series = await readSeries(client(), asked, range, subjectOf(dimensions), options.signal);
      // Cut at the period's own boundary, the larger part speaks.
      const largest = [...(series.get("requests") ?? [])].sort((a, b) => b.value - a.value)[0];
      if (!largest) return undefined;
      const value = (id: string) => series.get(id)?.find(({ at }) => at.getTime() === largest.at.getTime())?.value;
      const valuesMs = percentiles.flatMap((_, i) => value(`p${i}`) ?? []);
      return valuesMs.length < percentiles.length ? undefined : { requests: largest.value, valuesMs };
    },

    declaredMetrics: ({ metrics, ...query }) => readDeclared(client(), others, query, metrics, options.signal),

    async peakConcurrency({ from, to, ...alias }) {
      const range = wholeMinutes(from, to);
      if (!range) return undefined;
      const dimensions = dimensionsOf(alias);
      const asked = [stat("peak", dimensions, "ConcurrentExecutions", "Maximum")];
      const series = await readSeries(client(), asked, range, subjectOf(dimensions), options.signal);
      const peaks = (series.get("peak") ?? []).map(({ value }) => value);
      return peaks.length === 0 ? undefined : Math.max(...peaks);
    },
  };
}

/** One alarm listing by name prefix, metric and composite. */
export async function alarmStatesByPrefix(
  client: CloudWatchClient,
  prefix: string,
  abortSignal: AbortSignal | undefined,
): Promise<Record<string, AlarmState>> {
  const states: Record<string, AlarmState> = {};
  let NextToken: string | undefined;
  do {
    const page = await calling(
      { operation: "cloudwatch DescribeAlarms", subject: `alarms named ${prefix}…` },
      client.send(
        new DescribeAlarmsCommand({
          AlarmNamePrefix: prefix,
          AlarmTypes: ["MetricAlarm", "CompositeAlarm"],
          ...(NextToken === undefined ? {} : { NextToken }),
        }),
        { abortSignal },
      ),
    );
    for (const alarm of [...(page.MetricAlarms ?? []), ...(page.CompositeAlarms ?? [])]) {
      if (alarm.AlarmName && alarm.StateValue) states[alarm.AlarmName] = alarm.StateValue;
    }
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  return states;
}

/** One version behind an alias, or without one the whole alias (Lambda developer guide, monitoring metrics, 2022). */
const dimensionsOf = ({ functionName, alias, version }: { functionName: string; alias: string; version?: string }) => ({
  FunctionName: functionName,
  Resource: `${functionName}:${alias}`,
  ...(version === undefined ? {} : { ExecutedVersion: version }),
});

/** Percentiles that triggers may name. */
const PERCENTILES: TestedPercentile[] = [50, 90, 95];

function queries(dimensions: Dimensions, rangeSeconds: number): MetricDataQuery[] {
  // Percentiles of minutes cannot be joined: ask for the whole interval as one period.
  const percentile = (p: number) => stat(`p${p}`, dimensions, "Duration", `p${p}`, rangeSeconds);
  return [
    stat("invocations", dimensions, "Invocations", "Sum"),
    stat("errors", dimensions, "Errors", "Sum"),
    stat("throttles", dimensions, "Throttles", "Sum"),
    stat("durationSum", dimensions, "Duration", "Sum"),
    stat("durationCount", dimensions, "Duration", "SampleCount"),
    ...[...PERCENTILES, 99].map(percentile),
  ];
}

function summarise(series: Awaited<ReturnType<typeof readSeries>>): SideCounts {
  const values = (id: string) => (series.get(id) ?? []).map(({ value }) => value);
  const sum = (id: string) => values(id).reduce((total, value) => total + value, 0);
  // CloudWatch may cut an interval at the period's own boundary: then the worse part speaks.
  const worst = (id: string) => (values(id).length > 0 ? Math.max(...values(id)) : undefined);
  const samples = sum("durationCount");
  const percentiles = PERCENTILES.flatMap((p) => (worst(`p${p}`) === undefined ? [] : [[p, worst(`p${p}`)]]));
  return {
    invocations: sum("invocations"),
    errors: sum("errors"),
    throttles: sum("throttles"),
    averageDurationMs: samples > 0 ? sum("durationSum") / samples : undefined,
    p99DurationMs: worst("p99"),
    ...(percentiles.length > 0 ? { percentilesMs: Object.fromEntries(percentiles) } : {}),
  };
}
