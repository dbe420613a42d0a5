import { Duration, Stack } from "aws-cdk-lib";
import * as events from "aws-cdk-lib/aws-events";
import * as targets from "aws-cdk-lib/aws-events-targets";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { alarmNamePrefix } from "../contract/names.ts";

export interface GuardEventsProps {
  readonly environmentName: string;
  readonly applicationName: string;
  readonly respond: IFunction;
  readonly deadLetters: IQueue;
}

/** An event that could not be handed over within this time is old news: the release it is about has ended. */
const MAX_EVENT_AGE = Duration.minutes(30);
const RETRIES = 8;

/**
 * Hands alarms and deployment states to the responder. Two rules for any number of functions: they match names by
 * prefix, so they never grow towards EventBridge's 4,096 characters.
 */
export function guardEvents(
  scope: Construct,
  props: GuardEventsProps,
): { alarms: events.Rule; deployments: events.Rule } {
  const target = () =>
    new targets.LambdaFunction(props.respond, {
      deadLetterQueue: props.deadLetters,
      maxEventAge: MAX_EVENT_AGE,
      retryAttempts: RETRIES,
    });
  const account = [Stack.of(scope).account];
  const alarms = new events.Rule(scope, "AlarmRule", {
    ruleName: `goaround-${props.environmentName}-alarms`,
    description: "Alarms of guarded functions that turn red",
    eventPattern: {
      source: ["aws.cloudwatch"],
      detailType: ["CloudWatch Alarm State Change"],
      account,
      detail: {
        alarmName: [{ prefix: alarmNamePrefix(props.environmentName) }],
        state: { value: ["ALARM"] },
        previousState: { value: [{ "anything-but": "ALARM" }] },
      },
    },
    targets: [target()],
  });
  const deployments = new events.Rule(scope, "DeploymentRule", {
    ruleName: `goaround-${props.environmentName}-deployments`,
    description: "Deployments of guarded functions that start or end",
    eventPattern: {
      source: ["aws.codedeploy"],
      detailType: ["CodeDeploy Deployment State-change Notification"],
      account,
      detail: { application: [props.applicationName], state: ["START", "SUCCESS", "FAILURE", "STOP"] },
    },
    targets: [target()],
  });
  return { alarms, deployments };
}
