import { CloudWatchClient, type MetricDataQuery, paginateGetMetricData } from "@aws-sdk/client-cloudwatch";
import { FLAG_METRICS, type FlagState } from "../contract/names.ts";
import type { FlagEvidencePort } from "../core/ports.ts";
import { toGoaroundError } from "./errors.ts";
import { type AdapterOptions, connect, lazy } from "./options.ts";

const STATES = ["on", "off"] as const satisfies readonly FlagState[];
const FIGURES = ["requests", "errors"] as const;

/** Flag evidence from CloudWatch: what functions write in the embedded metric format. */
export function createFlagEvidence(options: AdapterOptions = {}): FlagEvidencePort {
  const client = lazy(() => connect(CloudWatchClient, options));
  return {
    async flagCohorts({ functionName, versions, flag, from, to }) {
      const sums = new Map<string, number>();
      const id = (place: number, state: FlagState, figure: string) => `v${place}_${state}_${figure}`;
      const queries = versions.flatMap((version, place) =>
        STATES.flatMap((state) =>
          FIGURES.map(
            (figure): MetricDataQuery => ({
              Id: id(place, state, figure),
              MetricStat: {
                Metric: {
                  Namespace: FLAG_METRICS.namespace,
                  MetricName: FLAG_METRICS[figure],
                  Dimensions: Object.entries({
                    FunctionName: functionName,
                    ExecutedVersion: version,
                    Flag: flag,
                    State: state,
                  }).map(([Name, Value]) => ({ Name, Value })),
                },
                Period: 60,
                Stat: "Sum",
              },
            }),
          ),
        ),
      );
      try {
        const pages = paginateGetMetricData(
          { client: client() },
          { StartTime: from, EndTime: to, MetricDataQueries: queries },
          { abortSignal: options.signal },
        );
        for await (const page of pages) {
          for (const { Id = "", Values = [] } of page.MetricDataResults ?? []) {
            sums.set(
              Id,
              Values.reduce((sum, value) => sum + value, sums.get(Id) ?? 0),
            );
          }
        }
      } catch (error) {
        throw toGoaroundError(error, {
          operation: "cloudwatch GetMetricData",
          subject: `flag ${flag} of ${functionName}`,
        });
      }
      const cohort = (place: number, state: FlagState) => ({
        requests: sums.get(id(place, state, "requests")) ?? 0,
        errors: sums.get(id(place, state, "errors")) ?? 0,
      });
      return versions.map((version, place) => ({ version, on: cohort(place, "on"), off: cohort(place, "off") }));
    },
  };
}
