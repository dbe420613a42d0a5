import type { HistoryEvent } from "@aws-sdk/client-sfn";
import type { SeededRandom } from "../../kernel/random.ts";
import type { World } from "../../kernel/service.ts";
import { holds } from "./choice-rules.ts";
import type { Catcher, ChoiceState, Retrier, State, TaskState, WaitState } from "./definition.ts";
import { fillTemplate, insert, PathMissing, type Scope, select, valueAt } from "./paths.ts";
import type { Execution } from "./records.ts";
import type { StepFunctionsStore } from "./store.ts";
import { invokeLambda, StatesError } from "./task.ts";

/** Largest input, output or result, bytes; events of one execution (Step Functions quotas, 2026). */
const MAX_DATA_BYTES = 262_144;
const MAX_EVENTS = 25_000;

/** Thrown when an execution was ended from outside: nobody waits for its result any more. */
export class Ended extends Error {}

interface Transition {
  next: string | undefined;
  output: unknown;
}

/** Runs one execution from its first state to its last. Throws StatesError when it fails, Ended when it was ended. */
export class Interpreter {
  private readonly world: World;
  private readonly store: StepFunctionsStore;
  private readonly random: SeededRandom;
  private readonly execution: Execution;
  private enteredEventId = 0;
  private context: Record<string, unknown> = {};

  constructor(world: World, store: StepFunctionsStore, random: SeededRandom, execution: Execution) {
    this.world = world;
    this.store = store;
    this.random = random;
    this.execution = execution;
  }

  async run(): Promise<unknown> {
    const { definition, input } = this.execution;
    let data: unknown = JSON.parse(input);
    for (let name: string | undefined = definition.startAt; name !== undefined; ) {
      const transition = await this.visit(definition.states.get(name) as State, data);
      ({ next: name, output: data } = transition);
      if (name !== undefined && this.execution.machine.deleting) throw new Ended("the state machine is being deleted");
    }
    return data;
  }

  private async visit(state: State, input: unknown): Promise<Transition> {
    const first = this.execution.history.length === 1;
    this.note(
      `${state.type}StateEntered` as HistoryEvent["type"],
      { stateEnteredEventDetails: { name: state.name, input: JSON.stringify(input), inputDetails: WHOLE } },
      first ? 0 : undefined,
    );
    this.enteredEventId = this.execution.history.length;
    this.context = this.contextOf(state, 0);
    try {
      const transition = await this.perform(state, input);
      this.note(`${state.type}StateExited` as HistoryEvent["type"], {
        stateExitedEventDetails: {
          name: state.name,
          output: JSON.stringify(transition.output),
          outputDetails: WHOLE,
        },
      });
      return transition;
    } catch (error) {
      if (error instanceof PathMissing) throw this.runtimeError(state, `${error.message}.`);
      throw error;
    }
  }

  private async perform(state: State, raw: unknown): Promise<Transition> {
    const input = select(state.inputPath, this.scope(raw));
    const output = (value: unknown) => select(state.outputPath, this.scope(value));
    switch (state.type) {
      case "Pass": {
        const given = state.parameters === undefined ? input : fillTemplate(state.parameters, this.scope(input));
        const result = state.result === undefined ? given : state.result;
        return { next: state.next, output: output(insert(state.resultPath, raw, result)) };
      }
      case "Wait":
        await this.pause(Math.max(0, this.waitMs(state, input)));
        return { next: state.next, output: output(input) };
      case "Choice":
        return { next: this.choose(state, input), output: output(input) };
      case "Succeed":
        return { next: undefined, output: output(input) };
      case "Fail":
        throw new StatesError(state.error ?? "", state.cause);
      case "Task":
        return this.attempt(state, raw, input, output);
    }
  }

  private waitMs(state: WaitState, input: unknown): number {
    const { now } = this.world.clock;
    const timestamp =
      state.timestamp ?? (state.timestampPath && valueAt(state.timestampPath, this.scope(input)))?.toString();
    if (timestamp !== undefined) {
      const at = Date.parse(timestamp);
      if (Number.isNaN(at)) throw this.runtimeError(state, `The timestamp '${timestamp}' is not valid.`);
      return at - now.call(this.world.clock);
    }
    const seconds = state.seconds ?? valueAt(state.secondsPath as string, this.scope(input));
    if (typeof seconds !== "number" || !Number.isInteger(seconds)) {
      throw this.runtimeError(state, `The SecondsPath parameter does not reference an integer: ${String(seconds)}.`);
    }
    return seconds * 1000;
  }

  private choose(state: ChoiceState, input: unknown): string {
    const chosen = state.choices.find(({ condition }) => holds(condition, this.scope(input)));
    const next = chosen?.next ?? state.otherwise;
    if (next !== undefined) return next;
    throw this.runtimeError(state, "Failed to transition out of the state. The state does not point to a next state.");
  }

  /** A task with its retries; what they do not cure goes to the first catcher that wants it. */
  private async attempt(
    state: TaskState,
    raw: unknown,
    input: unknown,
    output: (value: unknown) => unknown,
  ): Promise<Transition> {
    const used = new Map<Retrier, number>();
    for (let retries = 0; ; retries += 1) {
      this.context = this.contextOf(state, retries);
      try {
        const reply = await this.task(state, input);
        const result =
          state.resultSelector === undefined ? reply : fillTemplate(state.resultSelector, this.scope(reply));
        return { next: state.next, output: output(insert(state.resultPath, raw, result)) };
      } catch (error) {
        if (!(error instanceof StatesError)) throw error;
        const retrier = state.retry.find(({ errorEquals }) => covers(errorEquals, error.error));
        const attempts = retrier === undefined ? 0 : (used.get(retrier) ?? 0);
        if (retrier !== undefined && attempts < retrier.maxAttempts) {
          used.set(retrier, attempts + 1);
          await this.pause(this.backoffMs(retrier, attempts));
          continue;
        }
        const catcher = state.catch.find(({ errorEquals }) => covers(errorEquals, error.error));
        if (catcher === undefined) throw error;
        return this.caught(catcher, raw, error);
      }
    }
  }

  private caught(catcher: Catcher, raw: unknown, { error, cause }: StatesError): Transition {
    return { next: catcher.next, output: insert(catcher.resultPath, raw, { Error: error, Cause: cause ?? "" }) };
  }

  private backoffMs(retrier: Retrier, attempts: number): number {
    const { intervalSeconds, backoffRate, maxDelaySeconds = Number.POSITIVE_INFINITY, fullJitter } = retrier;
    const seconds = Math.min(intervalSeconds * backoffRate ** attempts, maxDelaySeconds);
    return seconds * 1000 * (fullJitter ? this.random.next() : 1);
  }

  private async task(state: TaskState, input: unknown): Promise<Record<string, unknown>> {
    const parameters = fillTemplate(state.parameters, this.scope(input)) as Record<string, unknown>;
    const about = { resourceType: "lambda", resource: "invoke" };
    const timeout = state.timeoutSeconds === undefined ? {} : { timeoutInSeconds: state.timeoutSeconds };
    this.note("TaskScheduled", {
      taskScheduledEventDetails: {
        ...about,
        region: this.world.region,
        parameters: JSON.stringify(parameters),
        ...timeout,
      },
    });
    this.note("TaskStarted", { taskStartedEventDetails: about });
    const session = this.random.text(32);
    const takenBy = { service: "states.amazonaws.com", sourceArn: this.execution.machine.arn };
    const principal = this.world.rolePrincipal(this.execution.roleArn, session, takenBy);
    try {
      const reply = await this.within(state.timeoutSeconds, invokeLambda(this.world, parameters, principal));
      const output = JSON.stringify(reply);
      if (Buffer.byteLength(output) > MAX_DATA_BYTES) {
        throw new StatesError(
          "States.DataLimitExceeded",
          `The state/task '${state.name}' returned a result with a size exceeding the maximum number of bytes service limit.`,
        );
      }
      this.note("TaskSucceeded", { taskSucceededEventDetails: { ...about, output, outputDetails: WHOLE } });
      return reply;
    } catch (error) {
      if (!(error instanceof StatesError)) throw error;
      const { error: name, cause } = error;
      const details = { ...about, error: name, ...(cause === undefined ? {} : { cause }) };
      if (name === "States.Timeout") this.note("TaskTimedOut", { taskTimedOutEventDetails: details });
      else this.note("TaskFailed", { taskFailedEventDetails: details });
      throw error;
    }
  }

  /** A function that is given up by timeout or by the end of the execution runs on; its answer is lost. */
  private async within<T>(seconds: number | undefined, work: Promise<T>): Promise<T> {
    const { signal } = this.execution.controller;
    const over = new AbortController();
    const races: Promise<T>[] = [work, rejectWhenEnded(signal, over.signal)];
    if (seconds !== undefined) {
      const timeout = this.world.clock.sleep(seconds * 1000, over.signal).then(
        () => {
          throw new StatesError("States.Timeout");
        },
        () => new Promise<never>(() => {}),
      );
      races.push(timeout);
    }
    work.catch(() => undefined);
    try {
      return await Promise.race(races);
    } finally {
      over.abort();
    }
  }

  private async pause(ms: number): Promise<void> {
    const { signal } = this.execution.controller;
    try {
      await this.world.clock.sleep(ms, signal);
    } catch (error) {
      throw signal.aborted ? new Ended("ended while waiting") : error;
    }
  }

  private note(type: HistoryEvent["type"], details: Partial<HistoryEvent>, previousEventId?: number): void {
    if (this.execution.controller.signal.aborted) throw new Ended("ended meanwhile");
    if (this.execution.history.length >= MAX_EVENTS - 1) {
      throw new StatesError(
        "States.Runtime",
        `The execution reached the maximum number of history events (${MAX_EVENTS}).`,
      );
    }
    this.store.note(this.execution, type, details, previousEventId);
  }

  private runtimeError(state: State, why: string): StatesError {
    const where = `An error occurred while executing the state '${state.name}' (entered at the event id #${this.enteredEventId}).`;
    return new StatesError("States.Runtime", `${where} ${why}`);
  }

  private scope(data: unknown): Scope {
    return { data, context: this.context };
  }

  /** The context object (Step Functions guide, "Accessing execution data from the Context object", 2026). */
  private contextOf(state: State, retryCount: number): Record<string, unknown> {
    const { arn, name, input, roleArn, startedMs, machine } = this.execution;
    return {
      Execution: {
        Id: arn,
        Input: JSON.parse(input),
        Name: name,
        RoleArn: roleArn,
        StartTime: new Date(startedMs).toISOString(),
        RedriveCount: 0,
      },
      StateMachine: { Id: machine.arn, Name: machine.name },
      State: {
        Name: state.name,
        EnteredTime: new Date(this.execution.history[this.enteredEventId - 1]?.timestamp ?? 0).toISOString(),
        RetryCount: retryCount,
      },
    };
  }
}

const WHOLE = { truncated: false };

/** `States.TaskFailed` matches all but a timeout; `States.ALL` does not match what ends an execution in any case. */
function covers(errorEquals: readonly string[], error: string): boolean {
  if (errorEquals.includes(error)) return true;
  if (error === "States.Runtime" || error === "States.DataLimitExceeded") return false;
  return (
    errorEquals.includes("States.ALL") || (errorEquals.includes("States.TaskFailed") && error !== "States.Timeout")
  );
}

function rejectWhenEnded(signal: AbortSignal, over: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(new Ended("ended meanwhile"));
    signal.addEventListener("abort", () => reject(new Ended("ended during a task")), { once: true, signal: over });
  });
}
