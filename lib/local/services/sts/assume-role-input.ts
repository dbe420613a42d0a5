import type { AssumeRoleCommandInput } from "@aws-sdk/client-sts";
import { AwsError } from "../../kernel/errors.ts";

/** ARNs that name something, as far as recordings show (test_sts_invalid_parameters, 2025-07). */
const ARN = /^arn:[^:]+:[^:]+:[^:]*:[^:]*:.+$/;
const MIN_SECONDS = 900;
export const DEFAULT_SESSION_SECONDS = 3600;

/** What AssumeRole refuses before it looks at rights (recorded, test_sts_invalid_parameters, 2025-07). */
export function checkAssumeRoleInput(input: AssumeRoleCommandInput): void {
  const { RoleArn = "", RoleSessionName = "", DurationSeconds = DEFAULT_SESSION_SECONDS } = input;
  checkSessionName(RoleSessionName);
  if (DurationSeconds < MIN_SECONDS) {
    throw invalid("durationSeconds", DurationSeconds, `Member must have value greater than or equal to ${MIN_SECONDS}`);
  }
  if (RoleArn.length < 20) throw invalid("roleArn", RoleArn, "Member must have length greater than or equal to 20");
  if (!ARN.test(RoleArn)) throw new AwsError("ValidationError", `${RoleArn} is invalid`);
}

/** 2 to 64 characters (STS API reference, AssumeRole, 2025); texts recorded (2025-07, 2026-02). */
function checkSessionName(name: string): void {
  const refuse = (constraint: string) => invalid("roleSessionName", name, constraint);
  if (name.length > 64) throw refuse("Member must have length less than or equal to 64");
  if (name.length < 2) throw refuse("Member must have length greater than or equal to 2");
  if (!/^[\w+=,.@-]*$/.test(name)) {
    throw refuse("Member must satisfy regular expression pattern: [\\w+=,.@-]*");
  }
}

function invalid(member: string, value: string | number, constraint: string): AwsError {
  return new AwsError(
    "ValidationError",
    `1 validation error detected: Value '${value}' at '${member}' failed to satisfy constraint: ${constraint}`,
  );
}
