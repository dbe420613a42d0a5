/** Whose fault an error is: it decides the exit code and the advice. */
export type Fault = "operator" | "contract" | "dependency" | "defect";

export type ErrorCode =
  | "usage"
  | "refused"
  | "function-missing"
  | "alias-missing"
  | "version-missing"
  | "deployment-missing"
  | "group-missing"
  | "flags-missing"
  | "policy-invalid"
  | "appspec-invalid"
  | "partly-done"
  | "conflict"
  | "wrong-identity"
  | "aws-fault"
  | "throttled"
  | "interrupted"
  | "timed-out"
  | "defect";

/**
 * The one error class. The message names the offending value and the limit; `advice` says what to do next.
 */
export class GoaroundError extends Error {
  readonly code: ErrorCode;
  readonly fault: Fault;
  readonly advice: string | undefined;

  constructor(code: ErrorCode, fault: Fault, message: string, options: { advice?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "GoaroundError";
    this.code = code;
    this.fault = fault;
    this.advice = options.advice;
  }
}

/** Somebody else was faster, or has changed what was read. */
export const isConflict = (error: unknown) => error instanceof GoaroundError && error.code === "conflict";
