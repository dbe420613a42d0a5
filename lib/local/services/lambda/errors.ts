import { AwsError } from "../../kernel/errors.ts";

/** Codes, statuses and texts as recorded from the service (LocalStack's AWS-validated snapshots, 2022 to 2026). */
export const invalidParameter = (message: string) => new AwsError("InvalidParameterValueException", message);
export const validation = (message: string) =>
  new AwsError("ValidationException", `1 validation error detected: ${message}`);
export const notFound = (message: string) => new AwsError("ResourceNotFoundException", message, { status: 404 });
export const functionNotFound = (arn: string) => notFound(`Function not found: ${arn}`);
export const conflict = (message: string) => new AwsError("ResourceConflictException", message, { status: 409 });
export const staleRevision = (api = "GetFunction/GetAlias") =>
  new AwsError(
    "PreconditionFailedException",
    `The Revision Id provided does not match the latest Revision Id. Call the ${api} API to retrieve the latest Revision Id`,
    { status: 412 },
  );

export type ThrottleReason = "ReservedFunctionConcurrentInvocationLimitExceeded" | "ConcurrentInvocationLimitExceeded";

export const throttled = (reason: ThrottleReason) =>
  new AwsError("TooManyRequestsException", "Rate Exceeded.", { status: 429, members: { Reason: reason } });
