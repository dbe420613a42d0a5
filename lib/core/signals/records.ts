import type { LogEvent } from "./batch.ts";

/**
 * - `thrown`: the handler failed
 * - `timeout`: it ran out of time
 * - `out-of-memory`: its environment was killed for its memory
 * - `exit`: its environment ended for another reason
 */
export const ERROR_KINDS = ["thrown", "timeout", "out-of-memory", "exit"] as const;
export type ErrorKind = (typeof ERROR_KINDS)[number];

/** What one log event says. */
export type LogRecord =
  | {
      kind: "report";
      requestId: string;
      /** When it ended, epoch milliseconds. */
      endedMs: number;
      durationMs: number;
      /** Of a cold start. */
      initMs: number | undefined;
      memoryMb: number | undefined;
      error: ErrorKind | undefined;
    }
  /** A line about a request that failed; `requestId` is not always said. `alone`: no report will repeat it. */
  | { kind: "error"; requestId: string | undefined; error: ErrorKind; alone: boolean }
  | { kind: "init-failure" }
  /** Meant to be one of the above. */
  | { kind: "malformed" }
  | { kind: "other" };

/**
 * Reads a log event of a Lambda function: JSON system records (`platform.report`, `platform.initReport`; Lambda guide,
 * "JSON log format", and Telemetry API reference, 2026), or the lines of the text format. In text a handler's failure is
 * known by what the runtime of Node.js or Python writes about it; of other runtimes only time-outs and exits are seen, and
 * their text is not judged by.
 */
export function readRecord({ message, timestamp }: LogEvent): LogRecord {
  return message.startsWith("{") ? readJson(message, timestamp) : readText(message, timestamp);
}

interface PlatformEvent {
  time?: unknown;
  type?: unknown;
  record?: {
    requestId?: unknown;
    status?: unknown;
    errorType?: unknown;
    metrics?: { durationMs?: unknown; initDurationMs?: unknown; maxMemoryUsedMB?: unknown; memorySizeMB?: unknown };
  };
}

function readJson(message: string, timestamp: number): LogRecord {
  // Applications log in JSON too; most of it is none of ours.
  if (!message.includes('"platform.')) return { kind: "other" };
  let event: PlatformEvent;
  try {
    event = JSON.parse(message) as PlatformEvent;
  } catch {
    return { kind: "malformed" };
  }
  const { type, record } = event;
  if (type === "platform.initReport") return initOf(record?.status);
  if (type !== "platform.report") return { kind: "other" };
  const { requestId, status, errorType, metrics } = record ?? {};
  const durationMs = amount(metrics?.durationMs);
  if (typeof requestId !== "string" || durationMs === undefined) return { kind: "malformed" };
  const endedMs = typeof event.time === "string" ? Date.parse(event.time) : Number.NaN;
  return {
    kind: "report",
    requestId,
    endedMs: Number.isFinite(endedMs) ? endedMs : timestamp,
    durationMs,
    initMs: amount(metrics?.initDurationMs),
    memoryMb: amount(metrics?.maxMemoryUsedMB),
    error: errorOf(status, errorType),
  };
}

const initOf = (status: unknown): LogRecord =>
  status === "success" || status === undefined ? { kind: "other" } : { kind: "init-failure" };

/** `success`, `error` (the handler failed), `failure` (the environment did), `timeout` (Telemetry API reference, 2026). */
function errorOf(status: unknown, errorType: unknown): ErrorKind | undefined {
  if (errorType === "Runtime.OutOfMemory") return "out-of-memory";
  if (status === "timeout") return "timeout";
  if (errorType === "Runtime.ExitError" || status === "failure") return "exit";
  return status === "error" || (status === undefined && errorType !== undefined) ? "thrown" : undefined;
}

const amount = (value: unknown) =>
  typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;

/** Whose report a message is, without reading all of it; undefined where that does not show. */
export const reportedRequest = (message: string) =>
  /^REPORT RequestId: (\S+)|"platform\.report".*?"requestId":"([^"]+)"/.exec(message)?.slice(1).find(Boolean);

function readText(message: string, timestamp: number): LogRecord {
  if (message.startsWith("REPORT RequestId:")) return readReport(message, timestamp);
  if (message.startsWith("INIT_REPORT ")) return initOf(/Status: (\S+)/.exec(message)?.[1]);
  const thrown = /^\S+\t(\S+)\tERROR\t(?:Invoke Error|Uncaught Exception|Unhandled Promise Rejection)/.exec(message);
  if (thrown) return { kind: "error", requestId: thrown[1], error: "thrown", alone: true };
  // Python's runtime leaves the request out; a logged error has tabs behind its level.
  if (/^\[ERROR\] [^\t]+/.test(message) && message.includes("Traceback")) {
    return { kind: "error", requestId: undefined, error: "thrown", alone: true };
  }
  const late = /(\S+) Task timed out after /.exec(message);
  if (late) return { kind: "error", requestId: late[1], error: "timeout", alone: false };
  const exited = /(\S+) (?:Error: )?Runtime exited (.*)/.exec(message);
  if (!exited) return { kind: "other" };
  const error = exited[2]?.includes("signal: killed") ? "out-of-memory" : "exit";
  return { kind: "error", requestId: exited[1], error, alone: false };
}

function readReport(line: string, timestamp: number): LogRecord {
  const fields = new Map(
    line.split("\t").map((field) => {
      const at = field.indexOf(": ");
      return [field.slice(0, at), field.slice(at + 2).trim()] as const;
    }),
  );
  const requestId = fields.get("REPORT RequestId");
  const durationMs = figure(fields.get("Duration"));
  if (!requestId || durationMs === undefined) return { kind: "malformed" };
  return {
    kind: "report",
    requestId,
    endedMs: timestamp,
    durationMs,
    initMs: figure(fields.get("Init Duration")),
    memoryMb: figure(fields.get("Max Memory Used")),
    error: errorOf(fields.get("Status"), fields.get("Error Type")),
  };
}

/** `12.34 ms`, `128 MB` */
const figure = (text: string | undefined) =>
  text === undefined || !/^\d/.test(text) ? undefined : amount(Number.parseFloat(text));
