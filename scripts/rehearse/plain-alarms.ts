/**
 * The same app as CodeDeploy alone would release it: no hooks, nobody who listens to events, and one alarm in each
 * deployment group, as the CDK's LambdaDeploymentGroup and SAM's deployment preferences have it.
 */
export interface PlainAlarm {
  name: string;
  /** All traffic of the alias, or the new version's alone. */
  scope: "alias" | "version";
  /** Minutes in a row over the limit. */
  minutes: number;
}

/** Percent errors of a minute, as most guides have it. */
const LIMIT_PERCENT = 5;

export const PLAIN_ALARMS: readonly PlainAlarm[] = [
  { name: "alarm 5 %, 2 of 2, alias", scope: "alias", minutes: 2 },
  { name: "alarm 5 %, 2 of 2, version", scope: "version", minutes: 2 },
  { name: "alarm 5 %, 1 of 1, version", scope: "version", minutes: 1 },
];

interface Resource {
  Type: string;
  Properties: Record<string, unknown>;
  UpdatePolicy?: { CodeDeployLambdaAliasUpdate?: Record<string, unknown> };
}

/** Rewrites one CloudFormation template. */
export function withPlainAlarm(template: string, alarm: PlainAlarm): string {
  const parsed = JSON.parse(template) as { Resources?: Record<string, Resource> };
  const resources = parsed.Resources ?? {};
  for (const [id, resource] of Object.entries(resources)) {
    if (resource.Type === "AWS::Events::Rule") resource.Properties.State = "DISABLED";
    const update = resource.UpdatePolicy?.CodeDeployLambdaAliasUpdate;
    if (resource.Type !== "AWS::Lambda::Alias" || !update) continue;
    delete update.BeforeAllowTrafficHook;
    delete update.AfterAllowTrafficHook;
    const group = groupOf(resources, update.DeploymentGroupName);
    if (!group) continue;
    const alarmId = `${id}PlainAlarm`;
    resources[alarmId] = alarmFor(resource.Properties, alarm);
    group.Properties.AlarmConfiguration = { Enabled: true, Alarms: [{ Name: { Ref: alarmId } }] };
    // The guard's own role reads the guard's alarms alone; the CDK and SAM attach this policy.
    const role = resources[roleOf(group)];
    if (role) role.Properties.ManagedPolicyArns = [CODE_DEPLOY_POLICY];
  }
  return JSON.stringify(parsed);
}

const CODE_DEPLOY_POLICY = {
  "Fn::Join": [
    ":",
    ["arn", { Ref: "AWS::Partition" }, "iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited"],
  ],
};

const roleOf = (group: Resource) =>
  (group.Properties.ServiceRoleArn as { "Fn::GetAtt"?: [string, string] } | undefined)?.["Fn::GetAtt"]?.[0] ?? "";

function groupOf(resources: Record<string, Resource>, name: unknown): Resource | undefined {
  const referred = (name as { Ref?: string } | undefined)?.Ref;
  if (referred !== undefined) return resources[referred];
  return Object.values(resources).find(
    ({ Type, Properties }) => Type === "AWS::CodeDeploy::DeploymentGroup" && Properties.DeploymentGroupName === name,
  );
}

/** Built from the alias' own properties: a reference to the alias would close a cycle through the group. */
function alarmFor(alias: Record<string, unknown>, { scope, minutes }: PlainAlarm): Resource {
  const dimensions = [
    { Name: "FunctionName", Value: alias.FunctionName },
    { Name: "Resource", Value: { "Fn::Join": [":", [alias.FunctionName, alias.Name]] } },
    ...(scope === "version" ? [{ Name: "ExecutedVersion", Value: alias.FunctionVersion }] : []),
  ];
  const metric = (Id: string, MetricName: string) => ({
    Id,
    ReturnData: false,
    MetricStat: { Metric: { Namespace: "AWS/Lambda", MetricName, Dimensions: dimensions }, Period: 60, Stat: "Sum" },
  });
  return {
    Type: "AWS::CloudWatch::Alarm",
    Properties: {
      Metrics: [
        metric("errors", "Errors"),
        metric("invocations", "Invocations"),
        { Id: "rate", Expression: "100 * errors / invocations", ReturnData: true },
      ],
      ComparisonOperator: "GreaterThanThreshold",
      Threshold: LIMIT_PERCENT,
      EvaluationPeriods: minutes,
      DatapointsToAlarm: minutes,
      TreatMissingData: "notBreaching",
    },
  };
}
