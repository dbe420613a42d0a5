import { AwsError } from "../../../kernel/errors.ts";
import { anything, type Input, needs, type PassedRole, type Place, type Rule, rulesOf } from "./rules.ts";

const stack = (nameOrArn: string | undefined, place: Place) => {
  // Change sets' ARNs do not tell their stack; then the stack must be named too, or the service looks it up.
  if (nameOrArn?.startsWith("arn:")) return nameOrArn.includes(":stack/") ? nameOrArn : undefined;
  return place.arn("cloudformation", `stack/${nameOrArn}/*`);
};
const onStack = (input: Input, place: Place) =>
  input.StackName === undefined ? stackOfChangeSet(input, place) : stack(input.StackName, place);
const onStackIfNamed = (input: Input, place: Place) =>
  input.StackName === undefined ? "*" : stack(input.StackName, place);

const stackOfChangeSet = ({ ChangeSetName }: Input, place: Place) =>
  place.read<{ StackId?: string }>("cloudformation", "DescribeChangeSet", { ChangeSetName })?.StackId;

/** The role that CloudFormation is to act in (user guide, service role, 2025; text as public reports have it). */
const executionRole = ({ RoleARN }: Input): PassedRole[] =>
  RoleARN === undefined
    ? []
    : [
        {
          roleArn: RoleARN,
          service: "cloudformation.amazonaws.com",
          refusal: new AwsError("ValidationError", `Role ${RoleARN} is invalid or cannot be assumed`),
        },
      ];

const inRole = (operation: string): Rule => ({
  needs: (input, place) => needs(`cloudformation:${operation}`, onStack(input, place)),
  passes: executionRole,
});

export const cloudFormationRules = rulesOf("cloudformation", {
  CreateStack: inRole("CreateStack"),
  UpdateStack: inRole("UpdateStack"),
  DeleteStack: inRole("DeleteStack"),
  CancelUpdateStack: onStack,
  RollbackStack: inRole("RollbackStack"),
  ContinueUpdateRollback: inRole("ContinueUpdateRollback"),
  UpdateTerminationProtection: onStack,
  CreateChangeSet: inRole("CreateChangeSet"),
  DescribeChangeSet: onStack,
  ExecuteChangeSet: onStack,
  DeleteChangeSet: onStack,
  ListChangeSets: onStack,
  DescribeEvents: onStack,
  ListHookResults: anything,
  DescribeStacks: onStackIfNamed,
  ListStacks: anything,
  DescribeStackEvents: onStack,
  DescribeStackResources: onStackIfNamed,
  DescribeStackResource: onStack,
  ListStackResources: onStack,
  GetTemplate: onStack,
  GetTemplateSummary: onStackIfNamed,
  ValidateTemplate: anything,
  ListExports: anything,
  ListImports: anything,
});
