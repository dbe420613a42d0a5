import { Worker } from "node:worker_threads";
import type { Clock, Timer } from "../kernel/clock.ts";
import type { FromWorker, InvokeMessage, LogFormat, RuntimeError, ToWorker, WorkerSetup } from "./protocol.ts";
import { type RequestPlace, requestWatch } from "./request-watch.ts";
import type { WorkerScript } from "./worker-script.ts";

/** Real milliseconds of computing without a word after which a handler counts as hung (an endless loop). */
const SILENT_LIMIT_REAL_MS = 10_000;

export interface EnvironmentOptions {
  clock: Clock;
  script: WorkerScript;
  taskRoot: string;
  handler: string;
  logFormat: LogFormat;
  variables: Record<string, string>;
  memoryMb: number;
  onLog: (lines: string[]) => void;
}

export type HandlerOutcome =
  | { kind: "success"; payload: string }
  | { kind: "failure"; error: RuntimeError }
  | { kind: "timeout" }
  /** The process is gone without an answer. */
  | { kind: "exit"; code: number | undefined };

type Request = Omit<InvokeMessage, "type" | "turn">;

let environments = 0;

/**
 * One worker thread with one function version loaded, handling one invocation at a time.
 *
 * It holds the clock while the handler computes or a request of it is on the wire, and lets go when the handler only
 * waits for a virtual timer, for a server of this process, or for nothing at all (then it is hung).
 */
export class ExecutionEnvironment {
  private readonly options: EnvironmentOptions;
  private readonly worker: Worker;
  private readonly now = new Float64Array(new SharedArrayBuffer(8));
  private readonly stopListening: () => void;
  private turn = 0;
  private idle: { until: number | undefined; requests: string[] } | undefined;
  private letGo: (() => void) | undefined;
  private wake: Timer | undefined;
  private silence: NodeJS.Timeout | undefined;
  private settle: ((outcome: HandlerOutcome) => void) | undefined;
  private gone = false;

  constructor(options: EnvironmentOptions) {
    this.options = options;
    const environmentId = `${process.pid}e${++environments}`;
    this.now[0] = options.clock.now();
    const setup: WorkerSetup = {
      taskRoot: options.taskRoot,
      handler: options.handler,
      sharedNow: this.now.buffer as SharedArrayBuffer,
      environmentId,
      logFormat: options.logFormat,
    };
    this.worker = new Worker(options.script.script, {
      eval: options.script.eval,
      workerData: setup,
      env: options.variables,
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: Math.max(options.memoryMb, 128) },
    });
    this.worker.on("message", (message: FromWorker) => this.receive(message));
    this.worker.on("error", (error) => {
      const outOfMemory = (error as NodeJS.ErrnoException).code === "ERR_WORKER_OUT_OF_MEMORY";
      this.end({ kind: "exit", code: outOfMemory ? 137 : 1 });
    });
    this.worker.on("exit", (code) => this.end({ kind: "exit", code }));
    this.worker.unref();
    this.stopListening = requestWatch.listen(environmentId, (place) => this.onRequest(place));
  }

  /** False when it cannot take another invocation. */
  get usable(): boolean {
    return !this.gone;
  }

  /** Resolves when the handler has answered, failed, exited or run into `deadlineMs` (virtual). Never rejects. */
  invoke(request: Request): Promise<HandlerOutcome> {
    if (this.settle) throw new Error("an execution environment handles one invocation at a time");
    return new Promise((resolve) => {
      const deadline = this.options.clock.at(request.deadlineMs, () => {
        this.settle?.({ kind: "timeout" });
        this.terminate();
      });
      this.settle = (outcome) => {
        this.settle = undefined;
        deadline.cancel();
        this.wake?.cancel();
        resolve(outcome);
        this.rest();
      };
      this.worker.ref();
      this.takeTurn((turn) => ({ type: "invoke", turn, ...request }));
    });
  }

  terminate(): void {
    this.end({ kind: "exit", code: undefined });
    void this.worker.terminate();
  }

  private takeTurn(message: (turn: number) => ToWorker): void {
    this.hold();
    this.turn += 1;
    this.idle = undefined;
    this.worker.postMessage(message(this.turn));
  }

  private receive(message: FromWorker): void {
    if (message.type === "log") {
      this.options.onLog(message.lines);
      return;
    }
    if (!this.settle) return;
    if (message.type === "busy") {
      this.idle = undefined;
      this.hold();
    } else if (message.type === "idle") {
      // An answer to an earlier turn: the worker has work again since.
      if (message.turn !== this.turn) return;
      this.idle = { until: message.until, requests: message.requests };
      this.reconsider();
    } else if (message.type === "result") {
      this.settle({ kind: "success", payload: message.payload });
    } else {
      this.settle({ kind: "failure", error: message.error });
      if (message.fatal) this.terminate();
    }
  }

  private onRequest(place: RequestPlace): void {
    if (!this.settle) return;
    if (place === "answered") this.hold();
    else this.reconsider();
  }

  /** Lets the clock go when the worker waits and none of its requests is on the wire. */
  private reconsider(): void {
    if (!this.idle) return;
    this.wake?.cancel();
    if (this.idle.until !== undefined) {
      this.wake = this.options.clock.at(this.idle.until, () => {
        if (this.settle) this.takeTurn((turn) => ({ type: "advance", turn }));
      });
    }
    if (this.idle.requests.every((id) => requestWatch.place(id) === "at-server")) this.release();
    else this.hold();
  }

  private hold(): void {
    this.now[0] = this.options.clock.now();
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.release(), SILENT_LIMIT_REAL_MS);
    this.silence.unref();
    if (this.letGo) return;
    void this.options.clock.whileBusy(
      new Promise<void>((resolve) => {
        this.letGo = resolve;
      }),
    );
  }

  private release(): void {
    clearTimeout(this.silence);
    this.letGo?.();
    this.letGo = undefined;
  }

  private rest(): void {
    this.idle = undefined;
    this.release();
    if (!this.gone) this.worker.unref();
  }

  private end(outcome: HandlerOutcome): void {
    this.gone = true;
    this.stopListening();
    this.settle?.(outcome);
    this.rest();
  }
}
