import { Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import * as events from "aws-cdk-lib/aws-events";
import * as targets from "aws-cdk-lib/aws-events-targets";
import * as iam from "aws-cdk-lib/aws-iam";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import * as logs from "aws-cdk-lib/aws-logs";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import { CfnStateMachine } from "aws-cdk-lib/aws-stepfunctions";
import type { Construct } from "constructs";
import { sweepRuleName, watchMachineName } from "../contract/names.ts";
import { acknowledgeWildcards, type Permission, policyDocument } from "./least-privilege-role.ts";

export interface GuardWatchProps {
  readonly environmentName: string;
  readonly watchArn: string;
  readonly watch: IFunction;
  readonly reportFailure: IFunction;
  readonly deadLetters: IQueue;
  /** Default 30 days. */
  readonly logRetention?: logs.RetentionDays | undefined;
}

/** What the guide asks for (Step Functions guide, "Logging in CloudWatch Logs" and "AWS X-Ray", 2026). */
const LOGS_AND_TRACES: Permission[] = [
  {
    actions: [
      "logs:CreateLogDelivery",
      "logs:GetLogDelivery",
      "logs:UpdateLogDelivery",
      "logs:DeleteLogDelivery",
      "logs:ListLogDeliveries",
      "logs:PutResourcePolicy",
      "logs:DescribeResourcePolicies",
      "logs:DescribeLogGroups",
    ],
    resources: ["*"],
    because: "IAM has no resource type for the delivery of vended logs (Service Authorization Reference, 2026)",
  },
  {
    actions: ["xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"],
    resources: ["*"],
    because: "IAM has no resource type for sending trace segments (Service Authorization Reference, 2026)",
  },
];

/** A Lambda deployment may run 50 hours (CodeDeploy user guide, limits, 2023); two more and something is wrong. */
const LONGEST_WATCH = Duration.hours(52);
/** The function's own timeout and a moment to hear of it. */
const TURN_TIMEOUT_SECONDS = 345;
/**
 * More releases are open than executions are set aside for: another ends its turn within a minute, and whoever asks
 * often enough gets its place. Half an hour of it: sooner the others' nets would take a watch that waits for one that is lost.
 */
const WAIT_FOR_PLACE = {
  ErrorEquals: ["Lambda.TooManyRequestsException"],
  IntervalSeconds: 2,
  BackoffRate: 2,
  MaxDelaySeconds: 15,
  MaxAttempts: 240,
  JitterStrategy: "FULL",
};
/** A turn that throws is tried again for a minute and a half, then the watch is over and others answer. */
const RETRY = { ErrorEquals: ["States.ALL"], IntervalSeconds: 2, BackoffRate: 2, MaxDelaySeconds: 30, MaxAttempts: 6 };

/**
 * The watch: one execution for each release, which waits between its turns, and two nets under it. A status event tells
 * `report-failure` of an execution that did not reach its end; a sweep, enabled while a release is open, finds what no
 * event told.
 */
export function guardWatch(scope: Construct, props: GuardWatchProps): void {
  const { environmentName, watch } = props;
  const { account, partition } = Stack.of(scope);
  const permissions: Permission[] = [
    { actions: ["lambda:InvokeFunction"], resources: [watch.functionArn] },
    ...LOGS_AND_TRACES,
  ];
  const logGroup = new logs.LogGroup(scope, "WatchMachineLogs", {
    // Under this prefix CloudWatch Logs needs no growing resource policy (Step Functions guide, 2026).
    logGroupName: `/aws/vendedlogs/states/${watchMachineName(environmentName)}`,
    retention: props.logRetention ?? logs.RetentionDays.ONE_MONTH,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const role = new iam.Role(scope, "WatchMachineRole", {
    description: `Calls the watch of goaround ${environmentName}`,
    assumedBy: new iam.ServicePrincipal("states.amazonaws.com", {
      conditions: { StringEquals: { "aws:SourceAccount": account }, ArnLike: { "aws:SourceArn": props.watchArn } },
    }),
    inlinePolicies: {
      own: policyDocument(permissions),
    },
  });
  acknowledgeWildcards(role, permissions);
  const machine = new CfnStateMachine(scope, "WatchMachine", {
    // Names and figures only: what the watch knows is in the ledger.
    loggingConfiguration: {
      level: "ALL",
      includeExecutionData: false,
      destinations: [{ cloudWatchLogsLogGroup: { logGroupArn: logGroup.logGroupArn } }],
    },
    tracingConfiguration: { enabled: true },
    stateMachineName: watchMachineName(environmentName),
    stateMachineType: "STANDARD",
    roleArn: role.roleArn,
    definitionString: Stack.of(scope).toJsonString(definition(partition, watch.functionArn)),
  });
  machine.node.addDependency(role);

  const target = (maxEventAge: Duration, retryAttempts: number) =>
    new targets.LambdaFunction(props.reportFailure, {
      deadLetterQueue: props.deadLetters,
      maxEventAge,
      retryAttempts,
    });
  new events.Rule(scope, "WatchEndedRule", {
    ruleName: `goaround-${environmentName}-watch-ended`,
    description: "Watches that ended before their release did",
    eventPattern: {
      source: ["aws.states"],
      detailType: ["Step Functions Execution Status Change"],
      account: [account],
      detail: { stateMachineArn: [props.watchArn], status: ["FAILED", "TIMED_OUT", "ABORTED"] },
    },
    targets: [target(Duration.minutes(30), 8)],
  });
  new events.Rule(scope, "SweepRule", {
    ruleName: sweepRuleName(environmentName),
    description: "Looks for hooks and watches that died; on while a release is open",
    schedule: events.Schedule.rate(Duration.minutes(1)),
    enabled: false,
    // The next minute brings the next one.
    targets: [target(Duration.minutes(1), 1)],
  });
}

function definition(partition: string, functionArn: string): object {
  const wait = (Comment: string) => ({ Type: "Wait", Comment, SecondsPath: "$.turn.waitSeconds", Next: "Turn" });
  return {
    Comment: "Watches one release; what is known is in the ledger",
    StartAt: "Turn",
    TimeoutSeconds: LONGEST_WATCH.toSeconds(),
    States: {
      Turn: {
        Type: "Task",
        Resource: `arn:${partition}:states:::lambda:invoke`,
        Parameters: { FunctionName: functionArn, Payload: { "deploymentId.$": "$.deploymentId" } },
        ResultSelector: { "next.$": "$.Payload.next", "waitSeconds.$": "$.Payload.waitSeconds" },
        ResultPath: "$.turn",
        TimeoutSeconds: TURN_TIMEOUT_SECONDS,
        Retry: [WAIT_FOR_PLACE, RETRY],
        Catch: [{ ErrorEquals: ["States.ALL"], ResultPath: "$.failure", Next: "Lost" }],
        Next: "Next",
      },
      Next: {
        Type: "Choice",
        Choices: [
          { Variable: "$.turn.next", StringEquals: "again", Next: "Shift" },
          { Variable: "$.turn.next", StringEquals: "bake", Next: "Bake" },
        ],
        Default: "Done",
      },
      Shift: wait("Until the next look"),
      Bake: wait("All traffic is on the new version, and the release can still be undone"),
      Done: { Type: "Succeed" },
      Lost: { Type: "Fail", Error: "WatchLost", Cause: "The turns of the watch fail; see the log of its function" },
    },
  };
}
