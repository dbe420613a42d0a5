import type { HistoryEvent } from "@aws-sdk/client-sfn";
import { VirtualClock } from "../../../lib/local/kernel/clock.ts";
import type { MetricSample, ServiceEvent } from "../../../lib/local/kernel/service.ts";
import { LocalWorld } from "../../../lib/local/kernel/world.ts";
import { createStepFunctions } from "../../../lib/local/services/stepfunctions/index.ts";
import { collectEvents } from "../support/fake-services.ts";

export const START = Date.parse("2026-03-01T12:00:00.000Z");
export const ROLE = "arn:aws:iam::111122223333:role/watch-role";
export const MACHINE = "arn:aws:states:us-east-1:111122223333:stateMachine:watch";
const EXECUTION = "arn:aws:states:us-east-1:111122223333:execution:watch:";

interface Invocation {
  input: { FunctionName: string; Qualifier?: string };
  payload: unknown;
  principal: string;
  atMs: number;
}

/** A world with Step Functions in it, and a Lambda whose answers tests give. */
export class StatesBench {
  readonly clock = new VirtualClock(START);
  readonly world = new LocalWorld({ clock: this.clock, seed: 1 });
  readonly events: ServiceEvent[] = collectEvents(this.world);
  readonly metrics: MetricSample[] = [];
  readonly logs: { group: string; stream: string; line: Record<string, unknown> }[] = [];
  readonly invocations: Invocation[] = [];
  /** The reply to an invocation: a value is the payload, an Error is thrown by Lambda itself. */
  onInvoke: (invocation: Invocation) => unknown = ({ payload }) => payload;

  constructor() {
    this.world.install("recordMetric", (sample) => this.metrics.push(sample));
    this.world.install("writeLogs", (group, stream, lines) => {
      for (const { message } of lines) this.logs.push({ group, stream, line: JSON.parse(message) });
    });
    this.world.register({ name: "cloudwatch", operations: {}, reset: () => undefined });
    this.world.register({
      name: "lambda",
      operations: {
        Invoke: async (input, { principal }) => {
          const payload: unknown = JSON.parse(new TextDecoder().decode(input.Payload));
          const invocation = { input, payload, principal: principal.arn, atMs: this.clock.now() };
          this.invocations.push(invocation);
          const reply = await this.onInvoke(invocation);
          if (reply instanceof Error) throw reply;
          const { functionError, ...rest } = (reply ?? {}) as { functionError?: object };
          return {
            StatusCode: 200,
            ExecutedVersion: "$LATEST",
            Payload: new TextEncoder().encode(JSON.stringify(functionError ?? rest)),
            ...(functionError ? { FunctionError: "Unhandled" } : {}),
          };
        },
      },
      reset: () => undefined,
    });
    this.world.register(createStepFunctions(this.world));
  }

  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever the operation answers
  call<T = any>(operation: string, input: Record<string, unknown> = {}): Promise<T> {
    return this.world.call<T>("sfn", operation, input, this.world.servicePrincipal("test"));
  }

  create(definition: object, changes: Record<string, unknown> = {}) {
    return this.call("CreateStateMachine", {
      name: "watch",
      definition: JSON.stringify(definition),
      roleArn: ROLE,
      ...changes,
    });
  }

  async start(name: string, input: unknown = {}): Promise<string> {
    const { executionArn } = await this.call("StartExecution", {
      stateMachineArn: MACHINE,
      name,
      input: JSON.stringify(input),
    });
    return executionArn as string;
  }

  /** Runs a machine to its end, or for so many seconds, and tells how the execution stands. */
  async run(definition: object, input: unknown = {}, seconds = 3600) {
    await this.create(definition);
    const executionArn = await this.start("one", input);
    await this.clock.advanceBy(seconds * 1000);
    const { status, output, error, cause } = await this.call("DescribeExecution", { executionArn });
    return { status, output: output && JSON.parse(output), error, cause };
  }

  async history(name = "one"): Promise<HistoryEvent[]> {
    const { events } = await this.call("GetExecutionHistory", { executionArn: EXECUTION + name });
    return events;
  }

  async steps(name = "one"): Promise<string[]> {
    return (await this.history(name)).map(({ type }) => String(type));
  }
}

/** A machine of these states, of which the first is where it starts. */
export const machine = (States: Record<string, object>, more: object = {}) => ({
  StartAt: Object.keys(States)[0],
  States,
  ...more,
});

export const task = (more: object = { End: true }) => ({
  Type: "Task",
  Resource: "arn:aws:states:::lambda:invoke",
  Parameters: { FunctionName: "watch", "Payload.$": "$" },
  ...more,
});
