import { AwsError } from "../../kernel/errors.ts";

/** Codes and texts as recorded in LocalStack's validated snapshots (stepfunctions/v2/test_sfn_api, 2023 to 2025). */

export const machineMissing = (arn: string) =>
  new AwsError("StateMachineDoesNotExist", `State Machine Does Not Exist: '${arn}'`);

export const machineExists = (arn: string) =>
  new AwsError("StateMachineAlreadyExists", `State Machine Already Exists: '${arn}'`);

/** Text unverified. */
export const machineDeleting = (arn: string) =>
  new AwsError("StateMachineDeleting", `State Machine is being deleted: '${arn}'`);

export const executionMissing = (arn: string) =>
  new AwsError("ExecutionDoesNotExist", `Execution Does Not Exist: '${arn}'`);

export const executionExists = (arn: string) =>
  new AwsError("ExecutionAlreadyExists", `Execution Already Exists: '${arn}'`);

export const invalidName = (name: string) => new AwsError("InvalidName", `Invalid Name: '${name}'`);

export const invalidArn = (arn: string) => new AwsError("InvalidArn", `Invalid Arn: 'Invalid ARN prefix: ${arn}'`);

export const invalidInput = (why: string) =>
  new AwsError("InvalidExecutionInput", `Invalid State Machine Execution Input: '${why}'`);

export const invalidDefinition = (problem: string) =>
  new AwsError("InvalidDefinition", `Invalid State Machine Definition: '${problem}'`);

export const constraint = (member: string, value: unknown, rule: string) =>
  new AwsError(
    "ValidationException",
    `1 validation error detected: Value '${String(value)}' at '${member}' failed to satisfy constraint: Member must ${rule}`,
  );
