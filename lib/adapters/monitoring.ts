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
  paginateGetMetricData,
} from "@aws-sdk/client-cloudwatch";
import type { SideCounts } from "../core/judge/types.ts";
import type { AlarmState, MonitoringPort } from "../core/ports.ts";
import { calling, isNotFound, toGoaroundError } from "./errors.ts";
import { type AdapterOptions, clientConfig, lazy, watched } from "./options.ts";

/** DescribeAlarms and DeleteAlarms take at most 100 names (CloudWatch API reference, 2026). */
const NAMES_PER_CALL = 100;
const MINUTE_MS = 60_000;
/** A period may be at most a day; longer intervals come back in several buckets. */
const MAX_PERIOD_SECONDS = 86_400;

const chunks = <T>(all: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));

export function createMonitoring(options: AdapterOptions = {}): MonitoringPort {
  const client = lazy(() => watched(new CloudWatchClient(clientConfig(options)), options));
  const http = { abortSignal: options.signal };

  async function counts(dimensions: Record<string, string>, from: Date, to: Date): Promise<SideCounts> {
    // Lambda's metrics exist per whole minute only; half a minute would be counted twice or not at all.
    const startMs = Math.floor(from.getTime() / MINUTE_MS) * MINUTE_MS;
    const endMs = Math.floor(to.getTime() / MINUTE_MS) * MINUTE_MS;
    if (endMs <= startMs) return NOTHING;
    const values = new Map<string, number[]>();
    try {
      const pages = paginateGetMetricData(
        { client: client() },
        {
          StartTime: new Date(startMs),
          EndTime: new Date(endMs),
          ScanBy: "TimestampAscending",
          MetricDataQueries: queries(dimensions, Math.min((endMs - startMs) / 1000, MAX_PERIOD_SECONDS)),
        },
        http,
      );
      for await (const page of pages) {
        for (const result of page.MetricDataResults ?? []) {
          const id = result.Id ?? "";
          values.set(id, [...(values.get(id) ?? []), ...(result.Values ?? [])]);
        }
      }
    } catch (error) {
      throw toGoaroundError(error, {
        operation: "cloudwatch GetMetricData",
        subject: `${dimensions.Resource}${dimensions.ExecutedVersion ? ` version ${dimensions.ExecutedVersion}` : ""}`,
      });
    }
    return summarise(values);
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

    versionCounts: ({ functionName, alias, version, from, to }) =>
      counts({ FunctionName: functionName, Resource: `${functionName}:${alias}`, ExecutedVersion: version }, from, to),

    aliasCounts: ({ functionName, alias, from, to }) =>
      counts({ FunctionName: functionName, Resource: `${functionName}:${alias}` }, from, to),
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

const NOTHING: SideCounts = {
  invocations: 0,
  errors: 0,
  throttles: 0,
  averageDurationMs: undefined,
  p99DurationMs: undefined,
};

function queries(dimensions: Record<string, string>, rangeSeconds: number): MetricDataQuery[] {
  const list = Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));
  const stat = (Id: string, MetricName: string, Stat: string, Period: number): MetricDataQuery => ({
    Id,
    MetricStat: { Metric: { Namespace: "AWS/Lambda", MetricName, Dimensions: list }, Period, Stat },
  });
  return [
    stat("invocations", "Invocations", "Sum", 60),
    stat("errors", "Errors", "Sum", 60),
    stat("throttles", "Throttles", "Sum", 60),
    stat("durationSum", "Duration", "Sum", 60),
    stat("durationCount", "Duration", "SampleCount", 60),
    // Percentiles of minutes cannot be joined: ask for the whole interval as one period.
    stat("p99", "Duration", "p99", rangeSeconds),
  ];
}

function summarise(values: ReadonlyMap<string, readonly number[]>): SideCounts {
  const sum = (id: string) => (values.get(id) ?? []).reduce((total, value) => total + value, 0);
  const samples = sum("durationCount");
  const p99 = values.get("p99") ?? [];
  return {
    invocations: sum("invocations"),
    errors: sum("errors"),
    throttles: sum("throttles"),
    averageDurationMs: samples > 0 ? sum("durationSum") / samples : undefined,
    // CloudWatch may cut an interval at the period's own boundary: then the worse part speaks.
    p99DurationMs: p99.length > 0 ? Math.max(...p99) : undefined,
  };
}
