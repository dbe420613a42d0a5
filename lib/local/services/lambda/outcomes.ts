import type { HandlerOutcome } from "../../runtime/execution-environment.ts";
import type { RuntimeError } from "../../runtime/protocol.ts";
import type { ReportFigures } from "./invocation-log.ts";
import type { VersionRecord } from "./store.ts";

/** Largest answer of a synchronous invocation, bytes (6 MB and 100 bytes; Lambda quotas). */
const MAX_RESPONSE_BYTES = 6_291_556;

export const timeoutOf = (version: VersionRecord) => (version.settings.Timeout ?? 3) * 1_000;

export function statusOf(outcome: HandlerOutcome): ReportFigures["status"] {
  if (outcome.kind === "success") return "success";
  if (outcome.kind === "timeout") return "timeout";
  return outcome.kind === "exit" ? "failure" : "error";
}

/** The error document of a failed invocation, in the words of Lambda's sandbox. */
export function errorOf(outcome: HandlerOutcome, requestId: string, timeoutMs: number): RuntimeError | undefined {
  const sandbox = (errorType: string, text: string) => ({
    errorType,
    errorMessage: `RequestId: ${requestId} Error: ${text}`,
  });
  switch (outcome.kind) {
    case "failure":
      return outcome.error;
    case "timeout":
      return sandbox("Sandbox.Timedout", `Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`);
    case "exit":
      if (!outcome.code) return sandbox("Runtime.ExitError", "Runtime exited without providing a reason");
      return sandbox(
        "Runtime.ExitError",
        // 128 + SIGKILL: the environment ran out of memory.
        `Runtime exited with error: ${outcome.code === 137 ? "signal: killed" : `exit status ${outcome.code}`}`,
      );
    default:
      if (Buffer.byteLength(outcome.payload) <= MAX_RESPONSE_BYTES) return undefined;
      return {
        errorType: "Function.ResponseSizeTooLarge",
        errorMessage: `Response payload size exceeded maximum allowed payload size (${MAX_RESPONSE_BYTES} bytes).`,
      };
  }
}
