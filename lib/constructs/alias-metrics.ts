import { Duration, type IResolvable, Lazy } from "aws-cdk-lib";
import { type CfnAlarm, Metric, type MetricOptions } from "aws-cdk-lib/aws-cloudwatch";

/** The alias whose traffic is looked at. Names are literal: a Ref to the alias would close a cycle through the group. */
export interface WatchedAlias {
  readonly functionName: string;
  readonly aliasName: string;
}

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
    namespace: "AWS/Lambda",
    metricName,
    dimensionsMap: aliasDimensions(alias, version),
    statistic,
    period: Duration.seconds(METRIC_PERIOD_SECONDS),
    ...options,
  });
}

/** The same metric as an input of an alarm's expression. */
export function metricInput(
  id: string,
  alias: WatchedAlias,
  metricName: string,
  stat: string,
  version?: string,
): CfnAlarm.MetricDataQueryProperty {
  const dimensions = Object.entries(aliasDimensions(alias, version)).map(([name, value]) => ({ name, value }));
  return {
    id,
    returnData: false,
    metricStat: { metric: { namespace: "AWS/Lambda", metricName, dimensions }, period: METRIC_PERIOD_SECONDS, stat },
  };
}

/**
 * Keeps an alarm's queries out of the CDK's search for references to other stacks. The only reference in them is a
 * version's number, which the alarm's name announces already, and each function has a dozen queries.
 */
export const unsearched = (queries: CfnAlarm.MetricDataQueryProperty[]): IResolvable =>
  Lazy.uncachedAny({ produce: (context) => (context.preparing ? [] : queries) });
