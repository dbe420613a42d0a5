import { AwsError } from "../../kernel/errors.ts";

/** Codes and texts of the real service (recordings of 2023 to 2025). */

export function invalidParameter(detail: string): AwsError {
  return new AwsError("InvalidParameterException", `Invalid parameter: ${detail}`, { queryCode: "InvalidParameter" });
}

export function topicNotFound(): AwsError {
  return new AwsError("NotFoundException", "Topic does not exist", { status: 404, queryCode: "NotFound" });
}

export function subscriptionNotFound(): AwsError {
  return new AwsError("NotFoundException", "Subscription does not exist", { status: 404, queryCode: "NotFound" });
}

export function resourceNotFound(): AwsError {
  return new AwsError("ResourceNotFoundException", "Resource does not exist", {
    status: 404,
    queryCode: "ResourceNotFound",
  });
}

export function attributeValueInvalid(message: string): AwsError {
  return new AwsError("InvalidParameterValueException", message, { queryCode: "ParameterValueInvalid" });
}

export function batchError(code: string, message: string): AwsError {
  return new AwsError(`${code}Exception`, message, { queryCode: code });
}

/** Checks the shape of an ARN; `parameter` is its name in the request. */
export function requireArn(arn: string | undefined, parameter: string): string {
  const elements = (arn ?? "").split(":").length;
  if (elements < 6) {
    throw invalidParameter(`${parameter} Reason: An ARN must have at least 6 elements, not ${elements}`);
  }
  return arn ?? "";
}
