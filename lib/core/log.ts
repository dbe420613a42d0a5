import { GoaroundError } from "./errors.ts";

/** Log lines carry names, ids, figures and decisions; never payloads, flag contents, environment or events. */
export interface Log {
  info(message: string, facts?: Record<string, unknown>): void;
  warn(message: string, facts?: Record<string, unknown>): void;
  error(message: string, facts?: Record<string, unknown>): void;
}

/** What may be said of an error: its code, its message and the advice; no stack of a dependency's internals. */
export function factsOf(error: unknown): Record<string, unknown> {
  if (error instanceof GoaroundError) {
    return { code: error.code, fault: error.fault, error: error.message, advice: error.advice };
  }
  return { code: "defect", error: messageOf(error) };
}

export const messageOf = (error: unknown) =>
  error instanceof Error ? `${error.name}: ${error.message}` : String(error);
