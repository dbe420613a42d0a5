import { AwsError } from "../../../kernel/errors.ts";
import type { World } from "../../../kernel/service.ts";
import { ResourceHandlerError } from "../providers/resource-type.ts";

const HANDLER_ERROR_CODES: readonly (readonly [RegExp, string])[] = [
  [/AlreadyExists|ResourceConflict|EntityAlreadyExists|ResourceInUse/, "AlreadyExists"],
  [/NotFound|NoSuch|DoesNotExist|NonExistent/, "NotFound"],
  [/AccessDenied|NotAuthorized|Unauthorized/, "AccessDenied"],
  [/Throttl|TooManyRequests/, "Throttling"],
  [/LimitExceeded|Quota/, "ServiceLimitExceeded"],
];

/** The status reason of a failed resource, in the form that AWS's resource handlers give it. */
export function failureReason(error: unknown, world: World): string {
  if (error instanceof ResourceHandlerError) {
    return handlerMessage(error.message, error.handlerErrorCode, world);
  }
  if (error instanceof AwsError && error.code !== "ValidationError") {
    const code = HANDLER_ERROR_CODES.find(([pattern]) => pattern.test(error.code))?.[1];
    const fallback = error.fault === "server" ? "ServiceInternalError" : "InvalidRequest";
    const detail = `${error.message} (Status Code: ${error.status}, Request ID: ${world.random.uuid()})`;
    return handlerMessage(detail, code ?? fallback, world);
  }
  return error instanceof Error ? error.message : String(error);
}

function handlerMessage(message: string, code: string, world: World): string {
  return `Resource handler returned message: "${message}" (RequestToken: ${world.random.uuid()}, HandlerErrorCode: ${code})`;
}
