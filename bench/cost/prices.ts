/**
 * List prices of us-east-1 in US dollars, without free tiers, as known to the authors at `PRICES_AS_OF`. They are
 * constants, not fetched from AWS: check them, and those of your region, before you rely on a sum.
 */
export interface Price {
  /** For one unit. */
  usd: number;
  /** As the pricing page says it. */
  quoted: string;
  /** What one unit is. */
  unit: string;
  source: string;
}

const price = (usd: number, per: number, unit: string, source: string): Price => ({
  usd: usd / per,
  quoted: per === 1 ? `$${usd}` : `$${usd} for ${per.toLocaleString("en")}`,
  unit,
  source,
});

export const PRICES_AS_OF = "November 2026";

export const PRICES = {
  alarmMetricMonth: price(0.1, 1, "metric in a standard-resolution alarm, month", "CloudWatch pricing, alarms"),
  customMetricMonth: price(0.3, 1, "custom metric, month", "CloudWatch pricing, metrics"),
  dashboardMonth: price(3, 1, "dashboard, month", "CloudWatch pricing, dashboards"),
  metricRead: price(0.01, 1000, "metric requested with GetMetricData", "CloudWatch pricing, API"),
  cloudWatchRequest: price(0.01, 1000, "other CloudWatch request", "CloudWatch pricing, API"),
  logGb: price(0.5, 1, "GB of logs ingested", "CloudWatch pricing, logs"),
  lambdaRequest: price(0.2, 1_000_000, "Lambda request", "Lambda pricing"),
  lambdaGbSecond: price(0.0000166667, 1, "GB-second, x86", "Lambda pricing"),
  stateTransition: price(0.025, 1000, "Step Functions state transition", "Step Functions pricing, Standard workflows"),
  trace: price(5, 1_000_000, "X-Ray trace recorded", "X-Ray pricing"),
  scheduledEvent: price(1, 1_000_000, "EventBridge scheduled event", "EventBridge pricing, custom events [assumed]"),
  dynamoWrite: price(
    0.625,
    1_000_000,
    "DynamoDB write request unit",
    "DynamoDB on-demand pricing, since November 2024",
  ),
  dynamoRead: price(0.125, 1_000_000, "DynamoDB read request unit", "DynamoDB on-demand pricing, since November 2024"),
  dynamoGbMonth: price(0.45, 1, "GB in DynamoDB with point-in-time recovery, month", "DynamoDB pricing"),
  snsRequest: price(0.5, 1_000_000, "SNS request", "SNS pricing"),
  snsEmail: price(2, 100_000, "SNS e-mail", "SNS pricing"),
  sqsRequest: price(0.4, 1_000_000, "SQS request", "SQS pricing"),
  kmsKeyMonth: price(1, 1, "KMS key, month", "KMS pricing"),
  kmsRequest: price(0.03, 10_000, "KMS request", "KMS pricing"),
  flagRequest: price(0.2, 1_000_000, "AppConfig configuration request", "Systems Manager pricing, AppConfig"),
  flagReceived: price(0.0008, 1, "AppConfig configuration received", "Systems Manager pricing, AppConfig"),
} as const satisfies Record<string, Price>;

export type PriceName = keyof typeof PRICES;

/** Used and free of charge: said, so that nobody looks for them. */
export const FREE = [
  "CodeDeploy deployments to Lambda",
  "EventBridge events of AWS services and the rules that match them",
  "Parameter Store: standard parameters and standard throughput",
  "CloudFormation, IAM, reserved concurrency, Lambda versions and aliases",
];
