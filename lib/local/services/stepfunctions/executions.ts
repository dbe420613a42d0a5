import type {
  DescribeExecutionInput,
  ExecutionStatus,
  GetExecutionHistoryInput,
  HistoryEvent,
  ListExecutionsInput,
  StartExecutionInput,
  StopExecutionInput,
} from "@aws-sdk/client-sfn";
import { notImplemented } from "../../kernel/errors.ts";
import type { SeededRandom } from "../../kernel/random.ts";
import type { World } from "../../kernel/service.ts";
import { constraint, executionExists, invalidInput, invalidName, machineDeleting } from "./errors.ts";
import { Ended, Interpreter } from "./interpreter.ts";
import type { Execution, StateMachine } from "./records.ts";
import { page, type StepFunctionsStore } from "./store.ts";
import { StatesError } from "./task.ts";
import { describe, eventDetail, listed, withData } from "./views.ts";

/** How long the name of a closed execution stays taken (API reference, StartExecution, 2026). */
const NAME_TAKEN_MS = 90 * 86_400_000;
const MAX_INPUT_BYTES = 262_144;
const STATUSES = ["SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING"];

/** The metric that counts executions that ended so (Step Functions guide, "Monitoring with CloudWatch", 2026). */
const METRIC: Partial<Record<ExecutionStatus, string>> = {
  RUNNING: "ExecutionsStarted",
  SUCCEEDED: "ExecutionsSucceeded",
  FAILED: "ExecutionsFailed",
  TIMED_OUT: "ExecutionsTimedOut",
  ABORTED: "ExecutionsAborted",
};

export function checkName(name: string): string {
  const forbidden = /[\s<>{}[\]?*"#%\\^|~`$&,;:/]/;
  if (name.length > 80) throw constraint("name", name, "have length less than or equal to 80");
  // Control characters are forbidden too.
  if (name === "" || forbidden.test(name) || [...name].some((character) => character < " ")) throw invalidName(name);
  return name;
}

/** Starts, ends and shows executions. */
export class Executions {
  private readonly world: World;
  private readonly store: StepFunctionsStore;
  private readonly random: SeededRandom;

  constructor(world: World, store: StepFunctionsStore) {
    this.world = world;
    this.store = store;
    this.random = world.random.fork("stepfunctions");
  }

  readonly operations = {
    StartExecution: (input: StartExecutionInput) => {
      const { arn, startedMs } = this.start(this.store.machine(input.stateMachineArn), input);
      return { executionArn: arn, startDate: new Date(startedMs) };
    },
    StopExecution: ({ executionArn, error, cause }: StopExecutionInput) => {
      const execution = this.store.execution(executionArn);
      // Stopping what has ended already changes nothing and is no error [unverified].
      if (execution.status === "RUNNING") this.abort(execution, error, cause);
      return { stopDate: new Date(execution.stoppedMs ?? this.world.clock.now()) };
    },
    DescribeExecution: ({ executionArn }: DescribeExecutionInput) => describe(this.store.execution(executionArn)),
    ListExecutions: (input: ListExecutionsInput) => {
      const { statusFilter, maxResults } = input;
      if (input.mapRunArn !== undefined) throw notImplemented("sfn", "ListExecutions", "map runs");
      if (statusFilter !== undefined && !STATUSES.includes(statusFilter)) {
        throw constraint("statusFilter", statusFilter, `satisfy enum value set: [${STATUSES.join(", ")}]`);
      }
      if ((maxResults ?? 0) > 1000) throw constraint("maxResults", maxResults, "have value less than or equal to 1000");
      const found = this.store
        .executionsOf(this.store.machine(input.stateMachineArn))
        .filter(({ status }) => statusFilter === undefined || status === statusFilter)
        .reverse();
      const { items, ...next } = page(found, input.nextToken, maxResults);
      return { executions: items.map(listed), ...next };
    },
    GetExecutionHistory: (input: GetExecutionHistoryInput) => {
      const { history } = this.store.execution(input.executionArn);
      const { items, ...next } = page(
        input.reverseOrder ? [...history].reverse() : history,
        input.nextToken,
        input.maxResults,
      );
      return { events: items.map((event) => withData(event, input.includeExecutionData ?? true)), ...next };
    },
  };

  /** A repeated start with the same name and input while it runs is a success (API reference, 2026; moto, verified). */
  private start(machine: StateMachine, { name: given, input = "{}" }: StartExecutionInput): Execution {
    if (machine.deleting) throw machineDeleting(machine.arn);
    checkInput(input);
    const name = checkName(given ?? this.random.uuid());
    const arn = this.store.executionArn(machine, name);
    const now = this.world.clock.now();
    const before = this.store.executions.get(arn);
    if (before?.status === "RUNNING" && before.input === input) return before;
    if (before && now - (before.stoppedMs ?? now) < NAME_TAKEN_MS) throw executionExists(arn);
    const execution: Execution = {
      arn,
      name,
      machine,
      definition: machine.definition,
      roleArn: machine.roleArn,
      input,
      output: undefined,
      error: undefined,
      cause: undefined,
      status: "RUNNING",
      startedMs: now,
      stoppedMs: undefined,
      history: [],
      controller: new AbortController(),
    };
    this.store.executions.set(arn, execution);
    this.store.note(execution, "ExecutionStarted", {
      executionStartedEventDetails: { input, inputDetails: { truncated: false }, roleArn: machine.roleArn },
    });
    this.announce(execution);
    this.world.clock.at(now, () => this.run(execution));
    return execution;
  }

  private async run(execution: Execution): Promise<void> {
    const { timeoutSeconds } = execution.definition;
    const timer =
      timeoutSeconds === undefined
        ? undefined
        : this.world.clock.at(execution.startedMs + timeoutSeconds * 1000, () => this.timeOut(execution));
    try {
      const output = JSON.stringify(await new Interpreter(this.world, this.store, this.random, execution).run());
      execution.output = output;
      this.end(execution, "SUCCEEDED", "ExecutionSucceeded", {
        executionSucceededEventDetails: { output, outputDetails: { truncated: false } },
      });
    } catch (error) {
      if (error instanceof StatesError) {
        this.end(execution, "FAILED", "ExecutionFailed", { executionFailedEventDetails: note(execution, error) });
      } else if (error instanceof Ended) {
        if (execution.status === "RUNNING") this.abort(execution, undefined, undefined);
      } else throw error;
    } finally {
      timer?.cancel();
      if (execution.machine.deleting && this.allEnded(execution.machine)) {
        this.store.machines.delete(execution.machine.arn);
      }
    }
  }

  private allEnded(machine: StateMachine): boolean {
    return this.store.executionsOf(machine).every(({ status }) => status !== "RUNNING");
  }

  private abort(execution: Execution, error: string | undefined, cause: string | undefined): void {
    const details = note(execution, { error, cause });
    this.end(execution, "ABORTED", "ExecutionAborted", { executionAbortedEventDetails: details }, 0);
  }

  private timeOut(execution: Execution): void {
    if (execution.status !== "RUNNING") return;
    const details = note(execution, { error: "States.Timeout", cause: undefined });
    this.end(execution, "TIMED_OUT", "ExecutionTimedOut", { executionTimedOutEventDetails: details }, 0);
  }

  private end(
    execution: Execution,
    status: ExecutionStatus,
    type: HistoryEvent["type"],
    details: Partial<HistoryEvent>,
    previousEventId?: number,
  ): void {
    execution.status = status;
    execution.stoppedMs = this.world.clock.now();
    this.store.note(execution, type, details, previousEventId);
    execution.controller.abort(new Ended(status));
    this.announce(execution);
  }

  /** Observers, metrics, and the default event bus. */
  private announce(execution: Execution): void {
    const { arn, name, machine, status, error, cause } = execution;
    this.world.announce("execution-status", {
      executionArn: arn,
      name,
      stateMachine: machine.name,
      status,
      ...(error === undefined ? {} : { error, cause }),
    });
    if (this.world.service("cloudwatch")) {
      this.world.links.recordMetric({
        namespace: "AWS/States",
        name: METRIC[status] as string,
        dimensions: { StateMachineArn: machine.arn },
        timestampMs: this.world.clock.now(),
        values: [1],
        unit: "Count",
      });
    }
    this.world.links.emitEvent({
      source: "aws.states",
      detailType: "Step Functions Execution Status Change",
      resources: [arn],
      detail: eventDetail(execution),
    });
  }
}

function note(execution: Execution, { error, cause }: Pick<StatesError, "cause"> & { error: string | undefined }) {
  if (error !== undefined && error !== "") execution.error = error;
  execution.cause = cause;
  return {
    ...(execution.error === undefined ? {} : { error: execution.error }),
    ...(cause === undefined ? {} : { cause }),
  };
}

function checkInput(input: string): void {
  if (Buffer.byteLength(input) > MAX_INPUT_BYTES) {
    throw constraint("input", `${input.slice(0, 20)}…`, `have length less than or equal to ${MAX_INPUT_BYTES}`);
  }
  if (input.trim() === "") throw invalidInput("Invalid execution input.");
  try {
    JSON.parse(input);
  } catch (error) {
    // AWS says it in its JSON parser's words.
    throw invalidInput((error as Error).message);
  }
}
