import { AwsError } from "../../kernel/errors.ts";

/** Codes and texts as recorded by LocalStack's validated tests (2024-12) and in public logs. */

export function validation(message: string): AwsError {
  return new AwsError("ValidationException", message);
}

export function constraint(member: string, value: unknown, rule: string): AwsError {
  const shown = value === undefined ? "Value null" : `Value '${String(value)}'`;
  return validation(`1 validation error detected: ${shown} at '${member}' failed to satisfy constraint: ${rule}`);
}

export function notFound(message: string): AwsError {
  return new AwsError("ResourceNotFoundException", message);
}

export function ruleNotFound(rule: string, bus: string): AwsError {
  return notFound(`Rule ${rule} does not exist on EventBus ${bus}.`);
}

export function busNotFound(bus: string): AwsError {
  return notFound(`Event bus ${bus} does not exist.`);
}

export function limitExceeded(): AwsError {
  return new AwsError("LimitExceededException", "The requested resource exceeds the maximum number allowed.");
}

export function invalidPattern(reason: string): AwsError {
  return new AwsError("InvalidEventPatternException", `Event pattern is not valid. Reason: ${reason}`);
}
