import { PRICES, type PriceName } from "./prices.ts";

/** How many units of what. */
export type Usage = Partial<Record<PriceName, number>>;

export interface BillLine {
  name: PriceName;
  units: number;
  usd: number;
}

export const bill = (usage: Usage): BillLine[] =>
  (Object.entries(usage) as [PriceName, number][])
    .filter(([, units]) => units > 0)
    .map(([name, units]) => ({ name, units, usd: units * PRICES[name].usd }));

export const total = (lines: readonly BillLine[]): number => lines.reduce((sum, { usd }) => sum + usd, 0);

export function addUsage(...parts: readonly Usage[]): Usage {
  const sum: Usage = {};
  for (const part of parts) {
    for (const [name, units] of Object.entries(part) as [PriceName, number][]) sum[name] = (sum[name] ?? 0) + units;
  }
  return sum;
}

export const times = (usage: Usage, factor: number): Usage =>
  Object.fromEntries(Object.entries(usage).map(([name, units]) => [name, units * factor]));

interface AlarmProperties {
  Metrics?: { MetricStat?: unknown }[];
}

/** CloudWatch bills an alarm by the metrics that it reads: an alarm on an expression by the inputs of the expression. */
export const metricsOfAlarm = ({ Metrics }: AlarmProperties): number =>
  Metrics ? Metrics.filter(({ MetricStat }) => MetricStat !== undefined).length : 1;

export type Resources = Record<string, { Type: string; Properties?: Record<string, unknown> }>;

/** What a template costs a month while nothing happens. */
export function standingUsage(resources: Resources): Usage {
  const ofType = (type: string) => Object.values(resources).filter(({ Type }) => Type === type);
  return {
    alarmMetricMonth: ofType("AWS::CloudWatch::Alarm").reduce(
      (sum, { Properties = {} }) => sum + metricsOfAlarm(Properties as AlarmProperties),
      0,
    ),
    kmsKeyMonth: ofType("AWS::KMS::Key").length,
    dashboardMonth: ofType("AWS::CloudWatch::Dashboard").length,
  };
}
