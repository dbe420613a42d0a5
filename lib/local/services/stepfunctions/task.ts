import { AwsError } from "../../kernel/errors.ts";
import type { Principal, World } from "../../kernel/service.ts";

/** An error of the Amazon States Language: its name is what Retry and Catch match. */
export class StatesError extends Error {
  readonly error: string;
  override readonly cause: string | undefined;

  constructor(error: string, cause?: string) {
    super(`${error}: ${cause}`);
    this.error = error;
    this.cause = cause;
  }
}

interface InvokeReply {
  StatusCode: number;
  ExecutedVersion: string;
  FunctionError?: string;
  Payload: Uint8Array;
}

/**
 * Calls Lambda as the execution role. What the function throws becomes an error of its type with its error document as
 * cause; what Lambda refuses becomes `Lambda.<code>` (recorded in LocalStack's
 * stepfunctions/v2/error_handling/test_task_service_lambda, 2023-06).
 */
export async function invokeLambda(
  world: World,
  parameters: Record<string, unknown>,
  principal: Principal,
): Promise<Record<string, unknown>> {
  const { FunctionName, Qualifier, Payload } = parameters;
  let reply: InvokeReply;
  try {
    reply = await world.call<InvokeReply>(
      "lambda",
      "Invoke",
      {
        FunctionName,
        ...(Qualifier === undefined ? {} : { Qualifier }),
        Payload: new TextEncoder().encode(JSON.stringify(Payload ?? {})),
      },
      principal,
    );
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    const { code, status, message } = error;
    throw new StatesError(
      `Lambda.${code}`,
      `${message} (Service: AWSLambda; Status Code: ${status}; Error Code: ${code}; Request ID: ${world.random.uuid()}; Proxy: null)`,
    );
  }
  const text = new TextDecoder().decode(reply.Payload);
  if (reply.FunctionError !== undefined) {
    const { errorType } = JSON.parse(text) as { errorType?: string };
    throw new StatesError(errorType ?? "Lambda.Unknown", text);
  }
  return {
    ExecutedVersion: reply.ExecutedVersion,
    Payload: text === "" ? {} : JSON.parse(text),
    SdkHttpMetadata: { HttpStatusCode: reply.StatusCode },
    StatusCode: reply.StatusCode,
  };
}
