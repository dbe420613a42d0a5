import type { Clock } from "../kernel/clock.ts";
import { CodeStore } from "./code-store.ts";
import { ExecutionEnvironment, type HandlerOutcome } from "./execution-environment.ts";
import type { LogFormat, SabotageKind } from "./protocol.ts";
import { type WorkerScript, workerScript } from "./worker-script.ts";

/** Idle environments kept over all functions; each is a thread with its own heap (about 10 MB). */
const WARM_LIMIT = 16;

/** What identifies a loaded version; a change of `revision` retires its environments. */
export interface RuntimeTarget {
  functionName: string;
  version: string;
  revision: string;
  code: Uint8Array;
  handler: string;
  memoryMb: number;
  logFormat: LogFormat;
  /** Called once per environment, when it is created: its variables, credentials and log stream. */
  open: (taskRoot: string) => { variables: Record<string, string>; logStreamName: string };
}

export interface RuntimeRequest {
  requestId: string;
  invokedFunctionArn: string;
  logGroupName: string;
  deadlineMs: number;
  payload: string;
  clientContext?: string;
  sabotage?: SabotageKind;
  /** Told once, before any output: which stream this invocation's output belongs to. */
  onStart: (start: { logStreamName: string; coldStart: boolean }) => void;
  onLog: (lines: string[]) => void;
}

interface Slot {
  key: string;
  functionName: string;
  version: string;
  environment: ExecutionEnvironment;
  logStreamName: string;
  onLog: (lines: string[]) => void;
}

/** Runs Node.js handlers for real, keeping environments warm between invocations. */
export class NodeRuntime {
  private readonly clock: Clock;
  private readonly codeStore = new CodeStore();
  /** Least recently used first. */
  private idle: Slot[] = [];
  private readonly running = new Set<Slot>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  async invoke(target: RuntimeTarget, request: RuntimeRequest): Promise<HandlerOutcome> {
    // Building the worker's script is real work; the environment holds the clock itself from its first turn on.
    const script = await this.clock.whileBusy(workerScript());
    const warm = this.takeWarm(target);
    const slot = warm ?? this.start(target, script);
    this.running.add(slot);
    slot.onLog = request.onLog;
    request.onStart({ logStreamName: slot.logStreamName, coldStart: !warm });
    const outcome = await slot.environment.invoke({
      requestId: request.requestId,
      invokedFunctionArn: request.invokedFunctionArn,
      functionName: target.functionName,
      functionVersion: target.version,
      memoryLimitInMB: target.memoryMb,
      logGroupName: request.logGroupName,
      logStreamName: slot.logStreamName,
      deadlineMs: request.deadlineMs,
      payload: request.payload,
      clientContext: request.clientContext,
      sabotage: request.sabotage,
    });
    this.running.delete(slot);
    if (slot.environment.usable) {
      this.idle.push(slot);
      while (this.idle.length > WARM_LIMIT) this.idle.shift()?.environment.terminate();
    }
    return outcome;
  }

  /** Ends the idle environments of a function, or of one version of it. */
  retire(functionName: string, version?: string): void {
    this.idle = this.idle.filter((slot) => {
      if (slot.functionName !== functionName || (version ?? slot.version) !== slot.version) return true;
      slot.environment.terminate();
      return false;
    });
  }

  close(): void {
    for (const slot of [...this.idle, ...this.running]) slot.environment.terminate();
    this.idle = [];
    this.codeStore.clear();
  }

  private takeWarm(target: RuntimeTarget): Slot | undefined {
    const key = keyOf(target);
    const index = this.idle.findLastIndex((slot) => slot.key === key && slot.environment.usable);
    return index === -1 ? undefined : this.idle.splice(index, 1)[0];
  }

  private start(target: RuntimeTarget, script: WorkerScript): Slot {
    const taskRoot = this.codeStore.taskRoot(target.code);
    const { variables, logStreamName } = target.open(taskRoot);
    const slot: Slot = {
      key: keyOf(target),
      functionName: target.functionName,
      version: target.version,
      logStreamName,
      onLog: () => undefined,
      environment: new ExecutionEnvironment({
        clock: this.clock,
        script,
        taskRoot,
        handler: target.handler,
        logFormat: target.logFormat,
        variables,
        memoryMb: target.memoryMb,
        onLog: (lines) => slot.onLog(lines),
      }),
    };
    return slot;
  }
}

const keyOf = (target: RuntimeTarget) => `${target.functionName}:${target.version}:${target.revision}`;
