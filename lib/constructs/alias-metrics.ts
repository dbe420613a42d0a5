import { Duration } from "aws-cdk-lib";
import { Metric, type MetricOptions } from "aws-cdk-lib/aws-cloudwatch";

/** The alias whose traffic is looked at. Names are literal: a Ref to the alias would close a cycle through the group. */
export interface WatchedAlias {
  readonly functionName: string;
  readonly aliasName: string;
}

export const LAMBDA_NAMESPACE = "AWS/Lambda";

/** Lambda publishes at one-minute intervals (Lambda developer guide, monitoring, 2022): nothing shorter has data. */
export const METRIC_PERIOD_SECONDS = 60;

/**
 * Dimensions that split a weighted alias: `Resource` is the text `function:alias`, `ExecutedVersion` the version that ran
 * (Lambda developer guide, metric dimensions, 2022). Without a version: the whole alias.
 */
export function aliasDimensions({ functionName, aliasName }: WatchedAlias, version?: string): Record<string, string> {
  return {
    FunctionName: functionName,
    Resource: `${functionName}:${aliasName}`,
    ...(version === undefined ? {} : { ExecutedVersion: version }),
  };
}

export function aliasMetric(
  alias: WatchedAlias,
  metricName: string,
  statistic: string,
  options: MetricOptions = {},
  version?: string,
): Metric {
  return new Metric({
    namespace: LAMBDA_NAMESPACE,
    metricName,
    dimensionsMap: aliasDimensions(alias, version),
    statistic,
    period: Duration.seconds(METRIC_PERIOD_SECONDS),
    ...options,
  });
}
