import { Logger } from "@aws-lambda-powertools/logger";
import type { Log } from "../../lib/core/log.ts";

/** Where a Lambda's lines go. */
export function createLog(service: string, facts: Record<string, string> = {}): Log {
  const logger = new Logger({ serviceName: `goaround-${service}`, persistentKeys: facts });
  return {
    info: (message, extra = {}) => logger.info(message, extra),
    warn: (message, extra = {}) => logger.warn(message, extra),
    error: (message, extra = {}) => logger.error(message, extra),
  };
}
