import { CfnAlarm } from "aws-cdk-lib/aws-cloudwatch";
import type { IRule } from "aws-cdk-lib/aws-events";
import type { Construct } from "constructs";
import { guardAlarmName, guardFunctionName, METRICS } from "../contract/names.ts";

export interface GuardSelfAlarmsProps {
  readonly environmentName: string;
  readonly topicArn: string;
  readonly queueName: string;
  /** The rules that call the responder. */
  readonly rules: readonly IRule[];
}

/** Five minutes: a few minutes of delay do not matter for the guard's own health, and each evaluation costs nothing. */
const PERIOD_SECONDS = 300;
/** A day: a release of up to 24 hours has its start and its end in it. */
const DAY_PERIODS = (24 * 3600) / PERIOD_SECONDS;

type Input = Omit<CfnAlarm.MetricStatProperty["metric"], never>;

/** Alarms about the guard itself. They publish to the topic directly, because the responder may be what is broken. */
export function guardSelfAlarms(scope: Construct, props: GuardSelfAlarmsProps): CfnAlarm[] {
  const { environmentName } = props;
  const alarm = (id: string, check: string, description: string, definition: Partial<CfnAlarm["cfnProperties"]>) =>
    new CfnAlarm(scope, id, {
      alarmName: guardAlarmName(environmentName, check),
      alarmDescription: description,
      comparisonOperator: "GreaterThanThreshold",
      threshold: 0,
      evaluationPeriods: 1,
      treatMissingData: "notBreaching",
      alarmActions: [props.topicArn],
      ...definition,
    });
  const query = (id: string, metric: Input, stat = "Sum"): CfnAlarm.MetricDataQueryProperty => ({
    id,
    returnData: false,
    metricStat: { metric, period: PERIOD_SECONDS, stat },
  });
  const responder = [{ name: "FunctionName", value: guardFunctionName(environmentName, "respond") }];

  return [
    alarm("DeadLetterAlarm", "dead-letters", "An event or a failed hook could not be handled; look into the queue", {
      namespace: "AWS/SQS",
      metricName: "ApproximateNumberOfMessagesVisible",
      dimensions: [{ name: "QueueName", value: props.queueName }],
      statistic: "Maximum",
      period: PERIOD_SECONDS,
    }),
    // An error alone pages nobody: Lambda delivers the event again, and what fails three times is in the queue.
    alarm(
      "LostEventAlarm",
      "lost-events",
      "The responder gave an event up and the queue did not take it: a red alarm or a failed release is unanswered",
      {
        namespace: "AWS/Lambda",
        metricName: "DestinationDeliveryFailures",
        dimensions: responder,
        statistic: "Sum",
        period: PERIOD_SECONDS,
      },
    ),
    alarm(
      "UnguardedAlarm",
      "unguarded-deployments",
      "A deployment ran and no hook of the guard saw it: its group or alias has lost its hooks",
      {
        namespace: METRICS.namespace,
        metricName: METRICS.unguardedDeployments,
        dimensions: [{ name: "Environment", value: environmentName }],
        statistic: "Sum",
        period: PERIOD_SECONDS,
      },
    ),
    alarm(
      "UnvalidatedFlagsAlarm",
      "unvalidated-flags",
      "Flags were deployed while the ledger could not be asked which are killed: look whether one is on that should not be",
      {
        namespace: METRICS.namespace,
        metricName: METRICS.unvalidatedFlags,
        dimensions: [{ name: "Environment", value: environmentName }],
        statistic: "Sum",
        period: PERIOD_SECONDS,
      },
    ),
    // The alarm of unguarded deployments is fed by the responder, so this one does without it: a rule matched and nothing ran. One miss can
    // be an event at the edge of two periods; a release has two events, so two misses in a day are real.
    alarm(
      "SilentResponderAlarm",
      "silent-responder",
      "Alarms or deployments reached EventBridge and the responder did not run: releases go unwatched",
      {
        evaluationPeriods: DAY_PERIODS,
        datapointsToAlarm: 2,
        metrics: [
          ...props.rules.map((rule, i) =>
            query(`r${i}`, {
              namespace: "AWS/Events",
              metricName: "TriggeredRules",
              dimensions: [{ name: "RuleName", value: rule.ruleName }],
            }),
          ),
          query("ran", { namespace: "AWS/Lambda", metricName: "Invocations", dimensions: responder }),
          {
            id: "silent",
            label: "periods in which a rule matched and the responder did not run",
            expression: `IF((${props.rules.map((_, i) => `FILL(r${i}, 0)`).join(" + ")}) > 0 AND FILL(ran, 0) == 0, 1, 0)`,
          },
        ],
      },
    ),
  ];
}
