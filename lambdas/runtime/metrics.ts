import { METRICS } from "../../lib/contract/names.ts";

type MetricName = Exclude<keyof typeof METRICS, "namespace">;
export type EmitMetric = (metric: MetricName, value?: number) => void;

/**
 * Metrics in CloudWatch's embedded format: one line of JSON on standard output (CloudWatch user guide, "Embedded metric
 * format specification", 2026). Written to the stream and not through `console`, which Lambda wraps in a record of its
 * own when it logs JSON.
 */
export function emitTo(environment: string, now: () => Date, write: (line: string) => void): EmitMetric {
  return (metric, value = 1) => {
    const name = METRICS[metric];
    const unit = name.endsWith("Seconds") ? "Seconds" : "Count";
    write(
      `${JSON.stringify({
        _aws: {
          Timestamp: now().getTime(),
          CloudWatchMetrics: [
            { Namespace: METRICS.namespace, Dimensions: [["Environment"]], Metrics: [{ Name: name, Unit: unit }] },
          ],
        },
        Environment: environment,
        [name]: value,
      })}\n`,
    );
  };
}

export const emitToStdout = (environment: string, now: () => Date) =>
  emitTo(environment, now, (line) => process.stdout.write(line));
