import type { Construct } from "constructs";
import { type GuardHandler, guardFunctionName, policyParameterName } from "../contract/names.ts";
import { stackArn } from "./arns.ts";
import { functionLogs } from "./guard-signals.ts";
import type { Permission } from "./least-privilege-role.ts";
import { type LedgerPartition, ledgerItems } from "./ledger-permissions.ts";

export interface GuardPermissionsProps {
  readonly environmentName: string;
  readonly applicationName: string;
  readonly functionNamePrefixes: readonly string[];
  readonly tableArn: string;
  readonly topicArn: string;
  readonly keyArn: string;
  readonly queueArn: string;
  /** The state machine that watches releases, and the schedule that looks after it. */
  readonly watchArn: string;
  readonly sweepRuleArn: string;
}

/**
 * What each Lambda of the guard may do. Nobody may change code, delete a function or pass a role. The hooks and the
 * watch cannot move an alias or stop a deployment; only the responder can, and the watch and the sweep may ask it to. `shift` writes the
 * weights of staged releases, and can do nothing else. Who reads and writes which items of the ledger is told apart by their
 * partition keys: what people have ordered is written by the responder and, with the groups, by pre-traffic only.
 */
export function guardPermissions(scope: Construct, props: GuardPermissionsProps): Record<GuardHandler, Permission[]> {
  const arn = (service: string, rest: string) => stackArn(scope, service, rest);
  const groups = [arn("codedeploy", `deploymentgroup:${props.applicationName}/*`)];
  const functions = props.functionNamePrefixes.map((prefix) => arn("lambda", `function:${prefix}*`));
  const guarded = "one guard serves all functions of an environment; their names share this prefix, in no other reach";
  const groupsReason =
    "one application holds all deployment groups of the environment and this guard serves each of them";

  const readLedger = (...of: LedgerPartition[]) => ledgerItems(["dynamodb:GetItem"], props.tableArn, of);
  const writeLedger = (...of: LedgerPartition[]) =>
    ledgerItems(["dynamodb:GetItem", "dynamodb:UpdateItem"], props.tableArn, of);
  const notify: Permission[] = [
    { actions: ["sns:Publish"], resources: [props.topicArn] },
    { actions: ["kms:Decrypt", "kms:GenerateDataKey"], resources: [props.keyArn] },
  ];
  const readDeployments: Permission[] = [
    {
      actions: ["codedeploy:GetDeployment", "codedeploy:ListDeployments", "codedeploy:GetDeploymentGroup"],
      resources: groups,
      because: groupsReason,
    },
    {
      actions: ["codedeploy:GetApplicationRevision"],
      resources: [arn("codedeploy", `application:${props.applicationName}`)],
    },
    {
      actions: ["codedeploy:GetDeploymentConfig"],
      resources: [arn("codedeploy", "deploymentconfig:*")],
      because:
        "a function may use any deployment configuration, CodeDeploy's own included; reading one tells no secret",
    },
    {
      actions: ["codedeploy:GetDeploymentTarget", "codedeploy:ListDeploymentTargets"],
      resources: ["*"],
      because: "IAM lists no resource type for reading deployment targets (Service Authorization Reference, 2026)",
    },
  ];
  const reportHook: Permission = {
    actions: ["codedeploy:PutLifecycleEventHookExecutionStatus"],
    resources: groups,
    because: groupsReason,
  };
  const readFunctions: Permission = {
    actions: ["lambda:GetAlias", "lambda:GetFunctionConfiguration", "lambda:ListVersionsByFunction"],
    resources: functions,
    because: guarded,
  };
  const invoke: Permission = { actions: ["lambda:InvokeFunction"], resources: functions, because: guarded };
  const readPolicy: Permission = {
    actions: ["ssm:GetParameter"],
    resources: [arn("ssm", `parameter${policyParameterName(props.environmentName, "*", "*")}`)],
    because: "each guarded function of the environment has its policy under this path, and one guard reads them all",
  };
  const readMetrics: Permission = {
    actions: ["cloudwatch:GetMetricData"],
    resources: ["*"],
    because: "IAM has no resource type for reading metric data (Service Authorization Reference, 2026)",
  };
  const readAlarms: Permission[] = [
    {
      actions: ["cloudwatch:DescribeAlarms"],
      resources: ["*"],
      because:
        "a blocker may be a composite alarm, and IAM lets those be read with all resources only (CloudWatch API)",
    },
    readMetrics,
  ];
  const readWatch: Permission = {
    actions: ["states:DescribeExecution"],
    resources: [`${props.watchArn.replace(":stateMachine:", ":execution:")}:*`],
    because: "an execution is named by its deployment, and one guard looks after the watches of all of them",
  };
  const logs = (...actions: string[]): Permission => ({
    actions: actions.map((action) => `logs:${action}`),
    resources: props.functionNamePrefixes.map((prefix) => functionLogs(scope, prefix)),
    because: guarded,
  });
  const hook = [...readDeployments, reportHook, readFunctions, readPolicy, ...readAlarms];

  return {
    "pre-traffic": [
      ...hook,
      invoke,
      // The environment's record holds release groups, which a release joins before its traffic.
      writeLedger("release", "alias", "environment", "signals", "openReleases"),
      { actions: ["states:StartExecution"], resources: [props.watchArn] },
      { actions: ["events:EnableRule"], resources: [props.sweepRuleArn] },
      // What was begun is taken back where the log cannot be counted after all.
      logs("PutSubscriptionFilter", "DeleteSubscriptionFilter"),
    ],
    "post-traffic": [...hook, writeLedger("release", "alias"), readLedger("environment"), readWatch, ...notify],
    // The one besides the responder that may write an alias, and nothing else.
    shift: [
      {
        actions: ["codedeploy:GetDeployment", "codedeploy:GetDeploymentGroup"],
        resources: groups,
        because: groupsReason,
      },
      ...readDeployments.slice(1),
      { actions: ["lambda:GetAlias", "lambda:UpdateAlias"], resources: functions, because: guarded },
      readLedger("release"),
    ],
    watch: [
      ...readDeployments,
      reportHook,
      ...readAlarms,
      writeLedger("release", "alias", "signals", "openReleases"),
      readLedger("environment"),
      // The release, as CodeDeploy and its policy have it, while the ledger does not answer.
      readFunctions,
      readPolicy,
      // What the signals Lambda has counted.
      ledgerItems(["dynamodb:Query"], props.tableArn, ["signals"]),
      logs("DeleteSubscriptionFilter"),
      ...notify,
      // Probes, where a policy asks for them.
      invoke,
      {
        actions: ["lambda:InvokeFunction"],
        resources: [
          guardFunctionArn(scope, props.environmentName, "respond"),
          guardFunctionArn(scope, props.environmentName, "shift"),
        ],
      },
    ],
    "report-failure": [
      ...readDeployments,
      reportHook,
      writeLedger("release", "alias", "signals", "openReleases"),
      readLedger("environment"),
      readWatch,
      { actions: ["states:StartExecution"], resources: [props.watchArn] },
      // The share of a staged release, and flags that somebody else's deployment kept on.
      {
        actions: ["lambda:InvokeFunction"],
        resources: [
          guardFunctionArn(scope, props.environmentName, "respond"),
          guardFunctionArn(scope, props.environmentName, "shift"),
        ],
      },
      { actions: ["events:EnableRule", "events:DisableRule"], resources: [props.sweepRuleArn] },
      logs("DeleteSubscriptionFilter"),
      ...notify,
      { actions: ["sqs:SendMessage"], resources: [props.queueArn] },
    ],
    signals: [writeLedger("signals")],
    respond: [
      ...readDeployments,
      readFunctions,
      invoke,
      readPolicy,
      ...readAlarms,
      writeLedger("release", "alias", "rollback", "environment", "openReleases"),
      ...notify,
      ...undo(scope, props, functions, groups, guarded, groupsReason),
      { actions: ["events:EnableRule"], resources: [props.sweepRuleArn] },
      { actions: ["sqs:SendMessage"], resources: [props.queueArn] },
    ],
  };
}

/** The levers: stop the deployment, move the alias; the right to switch flags off comes with each flag profile. */
function undo(
  scope: Construct,
  props: GuardPermissionsProps,
  functions: string[],
  groups: string[],
  guarded: string,
  groupsReason: string,
): Permission[] {
  return [
    { actions: ["codedeploy:StopDeployment"], resources: groups, because: groupsReason },
    { actions: ["lambda:UpdateAlias"], resources: functions, because: guarded },
    {
      actions: ["cloudwatch:DisableAlarmActions", "cloudwatch:EnableAlarmActions"],
      resources: [stackArn(scope, "cloudwatch", "alarm:*")],
      because:
        "AppConfig ignores a red monitor only while its actions are disabled, and any alarm may be a flag monitor",
    },
    {
      actions: ["cloudwatch:DeleteAlarms"],
      resources: [stackArn(scope, "cloudwatch", `alarm:goaround-${props.environmentName}-*`)],
      because:
        "a deployment by script leaves a temporary version alarm of this prefix, which goes when the release ends",
    },
    {
      actions: ["appconfig:ListApplications", "appconfig:ListDeploymentStrategies"],
      resources: ["*"],
      because: "IAM has no resource type for these lists, and names in a policy must be turned into AppConfig's ids",
    },
  ];
}

/** ARN of a hook, from its name: a reference to the report-failure function would tie hooks and reporter in a cycle. */
export const guardFunctionArn = (scope: Construct, environmentName: string, handler: GuardHandler) =>
  stackArn(scope, "lambda", `function:${guardFunctionName(environmentName, handler)}`);
