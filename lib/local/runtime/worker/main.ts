/** Runs in a worker thread: one execution environment of one function version. */
import { createHash } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";
import { RANDOM_ID, SeededRandom } from "../../kernel/random.ts";
import type { FromWorker, InvokeMessage, RuntimeError, ToWorker, WorkerSetup } from "../protocol.ts";
import { Activity } from "./activity.ts";
import { installVirtualTime } from "./install-time.ts";
import { type Handler, loadHandler } from "./load-handler.ts";
import { LogOutput } from "./log-output.ts";
import { OutgoingRequests } from "./outgoing-requests.ts";
import { VirtualTimers } from "./virtual-timers.ts";

const setup = workerData as WorkerSetup;
const shared = new Float64Array(setup.sharedNow);
const now = () => shared[0] as number;
const post = (message: FromWorker) => parentPort?.postMessage(message);

let turn = 0;
let current: InvokeMessage | undefined;
let handler: Promise<Handler> | undefined;

const timers = new VirtualTimers(now, () => activity.kick());
const requests = new OutgoingRequests(setup.environmentId, () => activity.kick());
const activity: Activity = new Activity({
  nextTimerAt: () => timers.nextAt(),
  waitingRequests: () => requests.waiting(),
  receivingAnswers: () => requests.receiving(),
  declareIdle: (until, waiting) => post({ type: "idle", turn, until, requests: waiting }),
  declareBusy: () => post({ type: "busy" }),
});
installVirtualTime(now, timers);
const output = new LogOutput(setup.logFormat, (lines) => post({ type: "log", lines }));

/** Where Lambda puts a function's code; the folder that stands for it here differs from run to run. */
const inTask = (text: unknown) => String(text ?? "").replaceAll(setup.taskRoot, "/var/task");
/** This script in a stack: as source text, or compiled. */
const OWN_FRAME = /\[worker eval\]|\/worker\/main\.js/;

function describe(error: unknown): RuntimeError {
  if (error instanceof Error) {
    const trace = inTask(error.stack).split("\n");
    const own = trace.findIndex((frame) => OWN_FRAME.test(frame));
    return {
      errorType: error.name,
      errorMessage: inTask(error.message),
      trace: own < 0 ? trace : trace.slice(0, own),
    };
  }
  return { errorType: typeof error, errorMessage: String(error), trace: [] };
}

function finish(requestId: string, message: FromWorker): void {
  if (current?.requestId !== requestId) return;
  current = undefined;
  activity.freeze();
  post(message);
}

function fail(requestId: string, error: RuntimeError, heading: string, fatal: boolean): void {
  output.write("ERROR", [heading, JSON.stringify({ ...error, trace: undefined, stack: error.trace })]);
  finish(requestId, { type: "failure", requestId, error, fatal });
}

function contextOf(message: InvokeMessage, callback: (error: unknown, result?: unknown) => void) {
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: message.functionName,
    functionVersion: message.functionVersion,
    invokedFunctionArn: message.invokedFunctionArn,
    memoryLimitInMB: String(message.memoryLimitInMB),
    awsRequestId: message.requestId,
    logGroupName: message.logGroupName,
    logStreamName: message.logStreamName,
    clientContext: message.clientContext ? JSON.parse(message.clientContext) : undefined,
    identity: undefined,
    getRemainingTimeInMillis: () => Math.max(0, message.deadlineMs - now()),
    done: callback,
    fail: (error: unknown) => callback(error ?? "handled"),
    succeed: (result: unknown) => callback(null, result),
  };
}

function sabotage(message: InvokeMessage): Promise<never> | undefined {
  if (message.sabotage === "crash") process.exit(1);
  if (message.sabotage === "throw") return Promise.reject(new Error("sabotaged: the handler throws"));
  if (message.sabotage === "hang") return new Promise<never>(() => undefined);
  return undefined;
}

async function call(message: InvokeMessage): Promise<unknown> {
  await sabotage(message);
  handler ??= loadHandler(setup.taskRoot, setup.handler);
  const run = await handler;
  return new Promise((resolve, reject) => {
    const callback = (error: unknown, result?: unknown) => (error ? reject(error) : resolve(result));
    const returned = run(JSON.parse(message.payload), contextOf(message, callback), callback);
    const thenable = returned as Promise<unknown> | undefined;
    if (typeof thenable?.then === "function") thenable.then(resolve, reject);
    // A handler with fewer than three parameters has no callback to wait for.
    else if (run.length < 3) resolve(returned);
  });
}

function sameInEveryRun({ functionName, deadlineMs, payload }: InvokeMessage): string {
  const content = payload.replace(RANDOM_ID, "");
  return createHash("sha256").update(`${functionName}/${deadlineMs}/${content}`).digest("hex").slice(0, 16);
}

async function invoke(message: InvokeMessage): Promise<void> {
  const { requestId } = message;
  current = message;
  requests.invocation = sameInEveryRun(message);
  // Retries wait for random times: drawn from what identifies the invocation, they are the same in every run.
  const random = new SeededRandom(requests.invocation);
  Math.random = () => random.next();
  output.beginInvocation(requestId);
  activity.takeTurn();
  await timers.runDue();
  try {
    const result = await call(message);
    let payload: string;
    try {
      payload = JSON.stringify(result === undefined ? null : result) ?? "null";
    } catch {
      throw new Error("Unable to stringify response body");
    }
    finish(requestId, { type: "result", requestId, payload });
  } catch (error) {
    const described = describe(error);
    // A module that failed to load is loaded again by a fresh process.
    const fatal = described.errorType.startsWith("Runtime.") || (await handlerFailed());
    fail(requestId, described, "Invoke Error", fatal);
  }
}

async function handlerFailed(): Promise<boolean> {
  return (
    handler?.then(
      () => false,
      () => true,
    ) ?? false
  );
}

process.on("uncaughtException", (error) => {
  if (current) fail(current.requestId, describe(error), "Uncaught Exception", true);
});
process.on("unhandledRejection", (reason) => {
  if (!current) return;
  const error = { ...describe(reason), errorType: "Runtime.UnhandledPromiseRejection", errorMessage: String(reason) };
  fail(current.requestId, error, "Unhandled Promise Rejection", true);
});

parentPort?.on("message", (message: ToWorker) => {
  turn = message.turn;
  if (message.type === "invoke") {
    void invoke(message);
  } else if (current) {
    activity.takeTurn();
    void timers.runDue();
  }
});
