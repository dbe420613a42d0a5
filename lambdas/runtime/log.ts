import { Logger } from "@aws-lambda-powertools/logger";
import { GoaroundError } from "../../lib/core/errors.ts";

/** Log lines carry names, ids, figures and decisions; never payloads, flag contents, environment or events. */
export interface Log {
  info(message: string, facts?: Record<string, unknown>): void;
  warn(message: string, facts?: Record<string, unknown>): void;
  error(message: string, facts?: Record<string, unknown>): void;
}

export function createLog(service: string, facts: Record<string, string> = {}): Log {
  const logger = new Logger({ serviceName: `goaround-${service}`, persistentKeys: facts });
  return {
    info: (message, extra = {}) => logger.info(message, extra),
    warn: (message, extra = {}) => logger.warn(message, extra),
    error: (message, extra = {}) => logger.error(message, extra),
  };
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
