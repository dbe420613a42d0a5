import { type ErrorCode, GoaroundError } from "../core/errors.ts";

interface SdkError {
  name?: unknown;
  message?: unknown;
  Message?: unknown;
  $metadata?: { httpStatusCode?: number; requestId?: string; attempts?: number };
  $fault?: unknown;
  $retryable?: { throttling?: boolean };
  code?: unknown;
}

/** Names by which the services say "slow down" (the SDK's own retry classification, 2026). */
const THROTTLED = new Set([
  "BandwidthLimitExceeded",
  "LimitExceededException",
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
  "RequestThrottled",
  "RequestThrottledException",
  "SlowDown",
  "ThrottledException",
  "Throttling",
  "ThrottlingException",
  "TooManyRequestsException",
]);

/** The caller is who it should not be, or nobody. */
const IDENTITY = new Set([
  "AccessDenied",
  "AccessDeniedException",
  "AuthorizationError",
  "AuthorizationErrorException",
  "CredentialsProviderError",
  "ExpiredToken",
  "ExpiredTokenException",
  "IncompleteSignature",
  "InvalidClientTokenId",
  "InvalidSignatureException",
  "MissingAuthenticationToken",
  "MissingAuthenticationTokenException",
  "NotAuthorized",
  "SignatureDoesNotMatch",
  "TokenProviderError",
  "UnauthorizedOperation",
  "UnrecognizedClientException",
]);

const CONFLICT = new Set([
  "ConflictException",
  "PreconditionFailedException",
  "ResourceConflictException",
  "DeploymentLimitExceededException",
  "TooManyUpdates",
]);

export interface CallContext {
  /** `lambda UpdateAlias`: what was asked, for the message. */
  operation: string;
  /** What the call was about: `alias live of rag_query_processor`. */
  subject: string;
  /** What "not found" means here; without it the error stays an AWS fault. */
  missing?: ErrorCode;
  /** What to do when it is missing. */
  missingAdvice?: string;
}

export const errorName = (error: unknown) => String((error as SdkError)?.name ?? "Error");

/** True for every spelling of "there is no such thing" among the services used here. */
export function isNotFound(error: unknown): boolean {
  return /^(?:ResourceNotFound|ResourceNotFoundException|ParameterNotFound|NotFound|NotFoundException|.*DoesNotExistException)$/.test(
    errorName(error),
  );
}

/** Turns what the SDK throws into the product's one error, with the cause kept. */
export function toGoaroundError(error: unknown, context: CallContext): GoaroundError {
  if (error instanceof GoaroundError) return error;
  const sdk = (error ?? {}) as SdkError;
  // The raw response drags sockets and the signed request into every log of the cause.
  if (error instanceof Error) Reflect.deleteProperty(error, "$response");
  const name = errorName(error);
  const said = String(sdk.message || sdk.Message || name);
  const text = `${context.operation} for ${context.subject}: ${name === "Error" ? said : `${name}: ${said}`}`;
  const status = sdk.$metadata?.httpStatusCode;
  const cause = { cause: error };

  if (name === "AbortError") return new GoaroundError("interrupted", "operator", `${text} (given up)`, cause);
  if (THROTTLED.has(name) || sdk.$retryable?.throttling || status === 429) {
    return new GoaroundError("throttled", "dependency", text, {
      advice: "AWS is throttling these calls. Wait a minute and run the same command again; it resumes.",
      ...cause,
    });
  }
  if (IDENTITY.has(name) || /could not load credentials|no credentials/i.test(said)) {
    return new GoaroundError("wrong-identity", "operator", text, {
      advice: "Check with `aws sts get-caller-identity` who you are, then choose --profile and --region.",
      ...cause,
    });
  }
  if (context.missing && (isNotFound(error) || (status === 404 && !isUnimplemented(name)))) {
    return new GoaroundError(context.missing, "operator", text, { advice: context.missingAdvice, ...cause });
  }
  if (CONFLICT.has(name) || status === 412) {
    return new GoaroundError("conflict", "dependency", text, {
      advice: "Someone else changed it or is changing it. Look at the state, then run the command again.",
      ...cause,
    });
  }
  if (name === "TimeoutError" || sdk.code === "ETIMEDOUT") {
    return new GoaroundError("aws-fault", "dependency", `${text} (no answer in time)`, {
      advice: "The call may have had its effect. Run the same command again; it looks first and resumes.",
      ...cause,
    });
  }
  return new GoaroundError("aws-fault", "dependency", text, {
    advice:
      sdk.code === "ECONNREFUSED"
        ? "Nothing listens there: check --endpoint-url."
        : "A fault of AWS, or of the way there. Run the same command again; it looks first and resumes.",
    ...cause,
  });
}

const isUnimplemented = (name: string) => name === "NotImplementedException" || name === "UnknownOperationException";

/** Awaits a call and maps what it throws. */
export async function calling<T>(context: CallContext, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw toGoaroundError(error, context);
  }
}
