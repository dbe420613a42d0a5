import { Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import type { Construct } from "constructs";
import { alarmNamePrefix } from "../contract/names.ts";
import { environmentOf, stackArn, type TemplateValue, templateArn } from "./arns.ts";
import { acknowledgeWildcards, type Permission } from "./least-privilege-role.ts";
import type { IReleaseGuard } from "./release-guard-ref.ts";
import { templatePart } from "./template-part.ts";

export interface DeploymentRoleProps {
  readonly guard: IReleaseGuard;
  readonly functionName: string;
  readonly aliasName: string;
  readonly deploymentGroupName: string;
  /** Names of the group's alarms that are not our own. */
  readonly otherAlarms: readonly string[];
}

/**
 * The service role of one function's deployment group: what CodeDeploy does for a Lambda deployment and nothing more.
 * The managed `AWSCodeDeployRoleForLambda*` policies may update every alias of the account, and the CDK's own group
 * attaches one to any mutable role; hence a role and a group of the first level.
 */
export function deploymentRole(scope: Construct, id: string, props: DeploymentRoleProps): iam.CfnRole {
  const { guard, functionName, aliasName } = props;
  const stack = Stack.of(scope);
  const arn = (service: string, rest: string) => templateArn(stack, service, rest);
  const group = arn("codedeploy", `deploymentgroup:${guard.applicationName}/${props.deploymentGroupName}`);
  const lambda = (name: string) => arn("lambda", `function:${name}`);
  const permissions: Permission<TemplateValue>[] = [
    {
      actions: ["lambda:GetAlias", "lambda:UpdateAlias", "lambda:GetProvisionedConcurrencyConfig"],
      resources: [lambda(functionName), lambda(`${functionName}:*`)],
      because:
        "CodeDeploy addresses the alias and both versions of this one function; version numbers are not known here",
    },
    {
      actions: ["lambda:InvokeFunction"],
      resources: (["pre-traffic", "post-traffic"] as const).map((hook) => lambda(guard.handlerName(hook))),
    },
    {
      actions: ["cloudwatch:DescribeAlarms"],
      resources: [
        // The group's alarms carry the version, and a deployment by script adds one of its own.
        arn("cloudwatch", `alarm:${alarmNamePrefix(guard.environmentName)}${functionName}.${aliasName}.*`),
        ...props.otherAlarms.map((name) => stackArn(scope, "cloudwatch", `alarm:${name}`)),
      ],
      because: "the alarms of this one alias carry the number of each version in their name, which is not known here",
    },
  ];
  const role = new iam.CfnRole(scope, id, {
    description: `CodeDeploy for ${functionName}:${aliasName}`,
    assumeRolePolicyDocument: templatePart(() => ({
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Action: "sts:AssumeRole",
          Principal: { Service: "codedeploy.amazonaws.com" },
          // CodeDeploy takes the role for the group (user guide, "Cross-service confused deputy prevention", 2025).
          Condition: { StringEquals: { "aws:SourceAccount": environmentOf(stack).account, "aws:SourceArn": group } },
        },
      ],
    })),
    policies: templatePart((resolve) => [
      {
        policyName: "deploy",
        policyDocument: {
          Version: "2012-10-17",
          Statement: permissions.map(({ actions, resources }) => ({
            Effect: "Allow",
            Action: actions,
            Resource: resources.map((resource) => (typeof resource === "string" ? resolve(resource) : resource)),
          })),
        },
      },
    ]),
  });
  acknowledgeWildcards(role, permissions);
  return role;
}
