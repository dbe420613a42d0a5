import { RemovalPolicy } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import * as logs from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import { acknowledgeWildcards, type Permission, policyDocument } from "./least-privilege-role.ts";

export interface OwnFunctionProps extends Omit<lambda.FunctionProps, "functionName" | "role" | "logGroup"> {
  readonly functionName: string;
  readonly permissions?: readonly Permission[];
  /** Default: CloudFormation names the role. */
  readonly roleName?: string;
  /** Default 30 days. */
  readonly logRetention?: logs.RetentionDays;
  /** What becomes of the log group with the stack. Default DESTROY. */
  readonly logRemovalPolicy?: RemovalPolicy;
}

/**
 * A function with a role and a log group of its own. The role may write to that log group and do what `permissions` say;
 * the CDK's default would attach AWSLambdaBasicExecutionRole, which may write to every log group.
 */
export function ownFunction(scope: Construct, id: string, props: OwnFunctionProps): lambda.Function {
  const { permissions = [], roleName, logRetention, logRemovalPolicy, ...functionProps } = props;
  const logGroup = new logs.LogGroup(scope, `${id}Logs`, {
    logGroupName: `/aws/lambda/${props.functionName}`,
    retention: logRetention ?? logs.RetentionDays.ONE_MONTH,
    removalPolicy: logRemovalPolicy ?? RemovalPolicy.DESTROY,
  });
  const all: Permission[] = [
    { actions: ["logs:CreateLogStream", "logs:PutLogEvents"], resources: [logGroup.logGroupArn] },
    ...permissions,
  ];
  const role = new iam.Role(scope, `${id}Role`, {
    roleName,
    description: `Execution role of ${props.functionName}`,
    assumedBy: new iam.ServicePrincipal("lambda.amazonaws.com"),
    inlinePolicies: { own: policyDocument(all) },
  });
  acknowledgeWildcards(role, all);
  return new lambda.Function(scope, id, { ...functionProps, role, logGroup });
}
