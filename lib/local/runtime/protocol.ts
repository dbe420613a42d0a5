/** What the emulator and a function's worker say to each other. */

/** Breaks the next invocations of a function for real, so that a rehearsal can show what the guard survives. */
export type SabotageKind = "crash" | "hang" | "throw";

export type LogFormat = "Text" | "JSON";

/** Handed to the worker when it starts. */
export interface WorkerSetup {
  /** Directory with the unpacked code. */
  taskRoot: string;
  /** `file.export`, as in the function's configuration. */
  handler: string;
  /** One float64: virtual time, epoch milliseconds. Written by the emulator whenever it gives the worker its turn. */
  sharedNow: SharedArrayBuffer;
  /** Unique in this process; prefixes the ids of the worker's requests. */
  environmentId: string;
  logFormat: LogFormat;
}

export interface InvokeMessage {
  type: "invoke";
  /** Number of the turn; the worker repeats it when it says that it is idle. */
  turn: number;
  requestId: string;
  invokedFunctionArn: string;
  functionName: string;
  functionVersion: string;
  memoryLimitInMB: number;
  logGroupName: string;
  logStreamName: string;
  deadlineMs: number;
  /** The event, JSON text. */
  payload: string;
  clientContext?: string;
  sabotage?: SabotageKind;
}

/** Virtual time has reached a timer of the worker. */
export interface AdvanceMessage {
  type: "advance";
  turn: number;
}

export type ToWorker = InvokeMessage | AdvanceMessage;

/** An error as Lambda's Node.js runtime reports it. */
export interface RuntimeError {
  errorType: string;
  errorMessage: string;
  trace?: string[];
}

export type FromWorker =
  /** The event loop is quiet: it waits for `until` (virtual), for the named requests, or for nothing at all. */
  | { type: "idle"; turn: number; until?: number; requests: string[] }
  /** Something woke it that was not its turn. */
  | { type: "busy" }
  | { type: "log"; lines: string[] }
  | { type: "result"; requestId: string; payload: string }
  /** `fatal`: the process is gone after it; the next invocation starts a new one. */
  | { type: "failure"; requestId: string; error: RuntimeError; fatal: boolean };

/** Names a worker's request to the HTTP servers of this process, so that they can say when they work on it. */
export const REQUEST_ID_HEADER = "x-local-request-id";
/** Says for which invocation a request is made: the same text in every run of the same world. */
export const INVOCATION_HEADER = "x-local-invocation";
