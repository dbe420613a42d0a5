import { AwsError } from "../../../kernel/errors.ts";
import type { Principal } from "../../../kernel/service.ts";

/** Why a request is denied, in the words of AWS (IAM user guide, "Access denied error messages", 2025). */
export type Reason =
  | { kind: "not-allowed"; by: "identity-based policy" | "resource-based policy" | "permissions boundary" }
  | { kind: "denied"; in: "an identity-based policy" | "a resource-based policy" }
  /** A policy cannot be evaluated here, or the operation has no rule; AWS has no such answer. */
  | { kind: "local"; text: string };

interface Shape {
  code: string;
  status: number;
  queryCode?: string;
}

const JSON_SHAPE: Shape = { code: "AccessDeniedException", status: 400 };
const QUERY_SHAPE: Shape = { code: "AccessDenied", status: 403 };

/** How each service answers (recordings and public reports; see docs/fidelity/iam.md). */
const SHAPES: Record<string, Shape> = {
  appconfig: { code: "AccessDeniedException", status: 403 },
  appconfigdata: { code: "AccessDeniedException", status: 403 },
  cloudformation: QUERY_SHAPE,
  cloudwatch: { code: "AccessDenied", status: 403 },
  iam: QUERY_SHAPE,
  lambda: { code: "AccessDeniedException", status: 403 },
  s3: QUERY_SHAPE,
  sns: { code: "AuthorizationErrorException", status: 403, queryCode: "AuthorizationError" },
  sqs: { code: "AccessDeniedException", status: 403, queryCode: "AccessDenied" },
  sts: QUERY_SHAPE,
};

export function denial(
  service: string,
  principal: Principal,
  need: { action: string; resource: string | undefined },
  reason: Reason,
): AwsError {
  const key = service === "sns" && need.action.startsWith("kms:");
  const { code, status, queryCode } = key
    ? { code: "KMSAccessDeniedException", status: 400, queryCode: "KMSAccessDenied" }
    : (SHAPES[service] ?? JSON_SHAPE);
  return new AwsError(code, message(principal, need, reason), { status, ...(queryCode && { queryCode }) });
}

function message(
  principal: Principal,
  { action: given, resource }: { action: string; resource: string | undefined },
  reason: Reason,
): string {
  const action = spelt(given);
  // Actions without a resource are told without one.
  const on = resource === undefined || resource === "*" ? "" : ` on resource: ${quoted(given, resource)}`;
  const text = `User: ${principal.arn} is not authorized to perform: ${action}${on}`;
  // STS does not tell why: the caller is not to learn whether the role exists.
  if (given === "sts:AssumeRole" && reason.kind !== "local") return text;
  switch (reason.kind) {
    case "not-allowed":
      return `${text} because no ${reason.by} allows the ${action} action`;
    case "denied":
      return `${text} with an explicit deny in ${reason.in}`;
    case "local":
      return `${text}: ${reason.text}`;
  }
}

/** SNS and SQS write their actions in their own way (public reports, 2022 to 2025). */
function spelt(action: string): string {
  if (action.startsWith("sns:")) return `SNS:${action.slice(4)}`;
  return action.startsWith("sqs:") ? action.toLowerCase() : action;
}

/** S3 puts the resource in quotation marks (S3 user guide, troubleshooting access denied, 2025). */
const quoted = (action: string, resource: string) => (action.startsWith("s3:") ? `"${resource}"` : resource);
