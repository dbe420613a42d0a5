/** One log event as CloudWatch Logs hands it to a subscriber. */
export interface LogEvent {
  id: string;
  /** Epoch milliseconds. */
  timestamp: number;
  message: string;
}

/** What CloudWatch Logs sends to a subscriber: new events of one log stream. */
export interface LogBatch {
  logGroup: string;
  logStream: string;
  /** Names of the subscription filters that it comes by. */
  filters: string[];
  events: LogEvent[];
}

/** Reads a decoded subscription document. `control`: a message by which the service only tries the destination. */
export function parseBatch(document: unknown): LogBatch | "control" | { problem: string } {
  const given = document as Partial<
    Record<"messageType" | "logGroup" | "logStream" | "subscriptionFilters" | "logEvents", unknown>
  > | null;
  if (typeof given !== "object" || given === null) return { problem: "it is no object" };
  if (given.messageType === "CONTROL_MESSAGE") return "control";
  if (given.messageType !== "DATA_MESSAGE") return { problem: `its type is ${String(given.messageType)}` };
  const { logGroup, logStream, logEvents } = given;
  if (typeof logGroup !== "string" || typeof logStream !== "string" || !Array.isArray(logEvents)) {
    return { problem: "it has no log group, stream or events" };
  }
  const filters = (Array.isArray(given.subscriptionFilters) ? given.subscriptionFilters : []).map(String);
  return { logGroup, logStream, filters, events: (logEvents as unknown[]).flatMap(asEvent) };
}

function asEvent(value: unknown): LogEvent[] {
  const { id, timestamp, message } = (value ?? {}) as Partial<Record<keyof LogEvent, unknown>>;
  if (typeof id !== "string" || typeof timestamp !== "number" || typeof message !== "string") return [];
  return [{ id, timestamp, message }];
}

export interface StreamName {
  /** Empty in a log group of the function's own. */
  functionName: string;
  version: string;
  /** Tells execution environments apart. */
  environment: string;
}

/** `2026/03/01/[3]0123…`; in a log group of several functions the name stands before the version (Lambda guide, 2026). */
export function parseStreamName(name: string): StreamName | undefined {
  const match = /^\d{4}\/\d{2}\/\d{2}\/([^[\]]*)\[(\$LATEST|\d+)\](\w+)$/.exec(name);
  if (!match) return undefined;
  const [, functionName = "", version = "", environment = ""] = match;
  return { functionName, version, environment };
}

/** The same for the same events, however often they come. All of a batch: which of them count may change in between. */
export function batchId(events: readonly LogEvent[]): string {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (const { id } of events) {
    for (let i = 0; i < id.length; i += 1) {
      const code = id.charCodeAt(i);
      high = Math.imul(high ^ code, 2654435761);
      low = Math.imul(low ^ code, 1597334677);
    }
    high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
    low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  }
  return `${(high >>> 0).toString(36)}${(low >>> 0).toString(36)}-${events.length}`;
}
