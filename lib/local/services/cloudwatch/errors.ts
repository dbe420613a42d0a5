import { AwsError } from "../../kernel/errors.ts";

/** `ValidationError`, CloudWatch's answer to most wrong input (recordings of the service, 2023). */
export function validationError(message: string): AwsError {
  return new AwsError("ValidationError", message);
}

/** What the request framework says when members of a request break the model's constraints. */
export function constraintError(problems: readonly string[]): AwsError {
  const noun = problems.length === 1 ? "error" : "errors";
  return validationError(`${problems.length} validation ${noun} detected: ${problems.join("; ")}`);
}

export function nullMember(member: string): string {
  return `Value null at '${member}' failed to satisfy constraint: Member must not be null`;
}

export function notInEnum(member: string, value: unknown, allowed: readonly string[]): string {
  return `Value '${String(value)}' at '${member}' failed to satisfy constraint: Member must satisfy enum value set: [${allowed.join(", ")}]`;
}

export function tooLong(member: string, value: string, limit: number): string {
  return `Value '${value}' at '${member}' failed to satisfy constraint: Member must have length less than or equal to ${limit}`;
}

export function missingParameter(name: string): AwsError {
  return new AwsError("MissingRequiredParameterException", `The parameter ${name} is required.`, {
    queryCode: "MissingParameter",
  });
}

export function invalidValue(message: string): AwsError {
  return new AwsError("InvalidParameterValueException", message, { queryCode: "InvalidParameterValue" });
}

export function invalidCombination(message: string): AwsError {
  return new AwsError("InvalidParameterCombinationException", message, { queryCode: "InvalidParameterCombination" });
}

/** SetAlarmState on an unknown alarm: 404 with an empty message (recorded 2023-11). */
export function alarmNotFound(): AwsError {
  return new AwsError("ResourceNotFound", "", { status: 404 });
}

/** SetAlarmState wants reason data in JSON (API reference, 2026; own text). */
export function invalidFormat(): AwsError {
  return new AwsError("InvalidFormatFault", "Data was not syntactically valid JSON.", { queryCode: "InvalidFormat" });
}

export function taggedResourceNotFound(arn: string): AwsError {
  return new AwsError("ResourceNotFoundException", `${arn} does not exist`, {
    status: 404,
    members: { ResourceType: "alarm", ResourceId: arn },
  });
}

export function invalidNextToken(): AwsError {
  return new AwsError("InvalidNextToken", "The next token specified is invalid.");
}
