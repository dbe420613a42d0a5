import { notImplemented } from "../../kernel/errors.ts";
import type { SeededRandom } from "../../kernel/random.ts";
import type { World } from "../../kernel/service.ts";
import type { HandlerOutcome } from "../../runtime/execution-environment.ts";
import { NodeRuntime } from "../../runtime/node-runtime.ts";
import type { RuntimeError } from "../../runtime/protocol.ts";
import { ACCOUNT_CONCURRENCY } from "./concurrency.ts";
import { throttled } from "./errors.ts";
import { InvocationLog, logStreamName } from "./invocation-log.ts";
import type { LambdaMetrics } from "./metrics.ts";
import type { FunctionModel, ModelledOutcome } from "./model.ts";
import { errorOf, statusOf, timeoutOf } from "./outcomes.ts";
import { Sabotages } from "./sabotages.ts";
import type { FunctionRecord, FunctionStore, VersionRecord } from "./store.ts";
import { environmentVariables } from "./variables.ts";

export interface InvocationRequest {
  fn: FunctionRecord;
  version: VersionRecord;
  /** As called. */
  qualifier: string | undefined;
  requestId: string;
  /** JSON text. */
  payload: string;
  type: "RequestResponse" | "Event" | "Traffic";
  clientContext?: string;
  principal: string;
}

export interface InvocationResult {
  executedVersion: string;
  /** JSON text of the answer, or of the error. */
  payload: string;
  error: RuntimeError | undefined;
  logTail: string;
}

/** Runs invocations: for real, by a model, or both; with their logs, metrics and concurrency limits. */
export class Invoker {
  readonly models = new Map<string, FunctionModel>();
  readonly sabotages: Sabotages;
  private readonly running = new Map<string, number>();
  private readonly modelRandoms = new Map<string, SeededRandom>();
  private readonly runtime: NodeRuntime;
  private readonly world: World;
  private readonly store: FunctionStore;
  private readonly metrics: LambdaMetrics;
  private readonly random: SeededRandom;
  private readonly modelledConcurrency: (functionName: string, atMs: number) => number;

  constructor(
    world: World,
    store: FunctionStore,
    metrics: LambdaMetrics,
    modelledConcurrency: (functionName: string, atMs: number) => number,
  ) {
    this.world = world;
    this.store = store;
    this.metrics = metrics;
    this.modelledConcurrency = modelledConcurrency;
    this.random = world.random.fork("lambda/invocations");
    this.sabotages = new Sabotages(world.clock);
    this.runtime = new NodeRuntime(world.clock);
  }

  /** The stream of chance of a function's model. */
  modelRandom(functionName: string): SeededRandom {
    const random = this.modelRandoms.get(functionName) ?? this.world.random.fork(`lambda/model/${functionName}`);
    this.modelRandoms.set(functionName, random);
    return random;
  }

  /** Real invocations under way. */
  runningNow(functionName: string): number {
    return this.running.get(functionName) ?? 0;
  }

  limitOf(fn: FunctionRecord): number {
    return fn.reservedConcurrency ?? ACCOUNT_CONCURRENCY;
  }

  retire(functionName: string, version?: string): void {
    this.runtime.retire(functionName, version);
  }

  hasRunnableCode(version: VersionRecord): boolean {
    return version.code.zip !== undefined && version.settings.Runtime?.startsWith("nodejs") === true;
  }

  /** Refuses, before anything happens, what could only be pretended. */
  assertInvocable(fn: FunctionRecord, version: VersionRecord): void {
    if (this.models.has(fn.name) || this.hasRunnableCode(version)) return;
    const what = version.code.zip ? `runtime ${version.settings.Runtime}` : "a container image";
    throw notImplemented(
      "lambda",
      "Invoke",
      `function ${fn.name} uses ${what}; only Node.js zip packages are run, others need a model: setModel(${JSON.stringify(fn.name)}, …)`,
    );
  }

  /** Throws TooManyRequestsException when the function is at its limit. */
  async invoke(request: InvocationRequest): Promise<InvocationResult> {
    const { fn, version, qualifier } = request;
    this.assertInvocable(fn, version);
    const startedMs = this.world.clock.now();
    const concurrency = this.runningNow(fn.name) + this.modelledConcurrency(fn.name, startedMs);
    if (concurrency >= this.limitOf(fn)) {
      this.metrics.throttles(fn.name, qualifier, startedMs, 1, 0);
      throw throttled(
        fn.reservedConcurrency === undefined
          ? "ConcurrentInvocationLimitExceeded"
          : "ReservedFunctionConcurrentInvocationLimitExceeded",
      );
    }
    const { result, durationMs } = await this.run(request, this.decide(request, startedMs));
    this.metrics.invocations({
      functionName: fn.name,
      qualifier,
      executedVersion: version.version,
      startedMs,
      invocations: 1,
      errors: result.error ? 1 : 0,
      durationsMs: [durationMs],
    });
    this.metrics.throttles(fn.name, qualifier, startedMs, 0, 1);
    this.metrics.concurrency(fn.name, qualifier, startedMs, concurrency + 1);
    return result;
  }

  /** Runs the handler of an invocation whose figures are published elsewhere (modelled traffic). */
  async runForReal(request: InvocationRequest): Promise<InvocationResult> {
    return (await this.run(request, undefined)).result;
  }

  close(): void {
    this.runtime.close();
  }

  reset(): void {
    this.runtime.close();
    for (const state of [this.models, this.sabotages, this.running, this.modelRandoms]) state.clear();
  }

  private decide(request: InvocationRequest, atMs: number): ModelledOutcome | undefined {
    const model = this.models.get(request.fn.name);
    return model?.({
      functionName: request.fn.name,
      version: request.version.version,
      atMs,
      coldStart: false,
      payload: JSON.parse(request.payload),
      random: this.modelRandom(request.fn.name),
    });
  }

  private async run(
    request: InvocationRequest,
    decision: ModelledOutcome | undefined,
  ): Promise<{ result: InvocationResult; durationMs: number }> {
    const { fn, version, requestId } = request;
    const log = new InvocationLog(this.world, version, requestId);
    const startedMs = this.world.clock.now();
    this.running.set(fn.name, this.runningNow(fn.name) + 1);
    let outcome: HandlerOutcome;
    let initMs: number | undefined;
    try {
      if (decision) {
        initMs = decision.initMs;
        outcome = await this.follow(request, decision, log);
      } else {
        outcome = await this.handle(request, log, (coldStart) => {
          initMs = coldStart ? 0 : undefined;
        });
      }
    } finally {
      this.running.set(fn.name, Math.max(0, this.runningNow(fn.name) - 1));
    }
    const timeoutMs = timeoutOf(version);
    const durationMs = outcome.kind === "timeout" ? timeoutMs : Math.max(1, this.world.clock.now() - startedMs);
    const error = errorOf(outcome, requestId, timeoutMs);
    if (outcome.kind === "timeout" || outcome.kind === "exit") {
      const at = new Date(this.world.clock.now()).toISOString();
      log.write([`${at} ${requestId} ${error?.errorMessage.replace(/^RequestId: \S+ (Error: )?/, "")}`]);
    }
    log.end({ durationMs, initMs, status: statusOf(outcome) });
    const payload = outcome.kind === "success" && !error ? outcome.payload : JSON.stringify(error);
    this.world.announce("invocation", {
      functionName: fn.name,
      version: version.version,
      qualifier: request.qualifier,
      requestId,
      type: request.type,
      principal: request.principal,
      durationMs,
      ...(error && { error: { errorType: error.errorType, errorMessage: error.errorMessage } }),
    });
    return { result: { executedVersion: version.version, payload, error, logTail: log.tail() }, durationMs };
  }

  /** Lets the model decide; where it leaves the answer open and there is code, the handler answers. */
  private async follow(
    request: InvocationRequest,
    decision: ModelledOutcome,
    log: InvocationLog,
  ): Promise<HandlerOutcome> {
    const { clock } = this.world;
    const startedMs = clock.now();
    const timeoutMs = timeoutOf(request.version);
    const { outcome, durationMs } = decision;
    if (
      outcome === "ok" &&
      durationMs < timeoutMs &&
      decision.response === undefined &&
      this.hasRunnableCode(request.version)
    ) {
      const handled = await this.handle(request, log, () => undefined);
      await clock.sleep(Math.max(0, startedMs + durationMs - clock.now()));
      return handled;
    }
    log.start(this.stream(request.version));
    if (outcome === "timeout" || outcome === "hang" || durationMs >= timeoutMs) {
      await clock.sleep(timeoutMs);
      return { kind: "timeout" };
    }
    await clock.sleep(durationMs);
    if (outcome === "exit") return { kind: "exit", code: 1 };
    if (outcome === "ok") return { kind: "success", payload: JSON.stringify(decision.response ?? null) };
    const { errorType = "Error", errorMessage = "modelled error" } = decision;
    const at = new Date(clock.now()).toISOString();
    const error = { errorType, errorMessage, trace: [`${errorType}: ${errorMessage}`] };
    log.write([
      `${at}\t${request.requestId}\tERROR\tInvoke Error \t${JSON.stringify({ ...error, stack: error.trace })}`,
    ]);
    return { kind: "failure", error };
  }

  private handle(
    request: InvocationRequest,
    log: InvocationLog,
    onStart: (coldStart: boolean) => void,
  ): Promise<HandlerOutcome> {
    const { fn, version, requestId, qualifier } = request;
    const { settings } = version;
    return this.runtime.invoke(
      {
        functionName: fn.name,
        version: version.version,
        revision: version.instance,
        code: version.code.zip as Uint8Array,
        handler: settings.Handler ?? "",
        memoryMb: settings.MemorySize ?? 128,
        logFormat: settings.LoggingConfig?.LogFormat ?? "Text",
        open: (taskRoot) => {
          const stream = this.stream(version);
          const variables = environmentVariables(this.world, version, { taskRoot, group: log.group, stream });
          return { logStreamName: stream, variables };
        },
      },
      {
        requestId,
        invokedFunctionArn: this.store.arn(fn.name, qualifier),
        logGroupName: log.group,
        deadlineMs: this.world.clock.now() + timeoutOf(version),
        payload: request.payload,
        clientContext: request.clientContext,
        sabotage: this.sabotages.strike(fn.name, version.version),
        onStart: ({ logStreamName: stream, coldStart }) => {
          onStart(coldStart);
          log.start(stream);
        },
        onLog: (lines) => log.write(lines),
      },
    );
  }

  private stream(version: VersionRecord): string {
    return logStreamName(this.world.clock.now(), version.version, this.random.text(32, "0123456789abcdef"));
  }
}
