import { FLAG_METRICS, type FlagState } from "./names.ts";

/** One request of one version that read one flag. */
export interface FlagRead {
  functionName: string;
  version: string;
  flag: string;
  state: FlagState;
  failed: boolean;
  /** Epoch milliseconds. */
  atMs: number;
}

/**
 * The log line that tells CloudWatch of it, in the embedded metric format ("Embedded metric format specification", 2026):
 * what the guard compares when only a flag is bad.
 */
export function flagRecord({ functionName, version, flag, state, failed, atMs }: FlagRead): string {
  const names = [FLAG_METRICS.requests, FLAG_METRICS.errors];
  return JSON.stringify({
    _aws: {
      Timestamp: Math.round(atMs),
      CloudWatchMetrics: [
        {
          Namespace: FLAG_METRICS.namespace,
          Dimensions: [FLAG_METRICS.dimensions],
          Metrics: names.map((Name) => ({ Name, Unit: "Count" })),
        },
      ],
    },
    FunctionName: functionName,
    ExecutedVersion: version,
    Flag: flag,
    State: state,
    [FLAG_METRICS.requests]: 1,
    [FLAG_METRICS.errors]: failed ? 1 : 0,
  });
}
