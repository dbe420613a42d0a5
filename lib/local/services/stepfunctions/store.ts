import type { HistoryEvent } from "@aws-sdk/client-sfn";
import type { World } from "../../kernel/service.ts";
import { executionMissing, invalidArn, machineMissing } from "./errors.ts";
import { logGroupOf } from "./machines.ts";
import type { Execution, StateMachine } from "./records.ts";
import { withData } from "./views.ts";

/** State machines and executions by ARN, and how they are looked up. */
export class StepFunctionsStore {
  readonly machines = new Map<string, StateMachine>();
  readonly executions = new Map<string, Execution>();
  private readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  machineArn(name: string): string {
    return `arn:aws:states:${this.world.region}:${this.world.accountId}:stateMachine:${name}`;
  }

  executionArn(machine: StateMachine, name: string): string {
    return `arn:aws:states:${this.world.region}:${this.world.accountId}:execution:${machine.name}:${name}`;
  }

  machine(arn = ""): StateMachine {
    if (!arn.startsWith("arn:")) throw invalidArn(arn);
    const machine = this.machines.get(arn);
    if (!machine) throw machineMissing(arn);
    return machine;
  }

  execution(arn = ""): Execution {
    if (!arn.startsWith("arn:")) throw invalidArn(arn);
    const execution = this.executions.get(arn);
    if (!execution) throw executionMissing(arn);
    return execution;
  }

  executionsOf(machine: StateMachine): Execution[] {
    return [...this.executions.values()].filter((execution) => execution.machine === machine);
  }

  /** Adds to the history; the event follows on the last one unless told otherwise. */
  note(
    execution: Execution,
    type: HistoryEvent["type"],
    details: Partial<HistoryEvent> = {},
    previousEventId = execution.history.length,
  ): void {
    const event = {
      timestamp: new Date(this.world.clock.now()),
      type,
      id: execution.history.length + 1,
      previousEventId,
    };
    execution.history.push({ ...event, ...details });
    this.log(execution, execution.history.at(-1)!);
  }

  /** One line an event; member names as AWS logs them (Step Functions guide, "Logging in CloudWatch Logs", 2026). */
  private log(execution: Execution, event: HistoryEvent): void {
    const group = logGroupOf(execution.machine);
    if (group === undefined) return;
    const { timestamp, type, id, previousEventId, ...details } = withData(
      event,
      execution.machine.logging?.includeExecutionData ?? false,
    );
    const timestampMs = timestamp?.getTime() ?? 0;
    const message = JSON.stringify({
      id: String(id),
      type,
      details: Object.values(details)[0] ?? {},
      previous_event_id: String(previousEventId),
      event_timestamp: String(timestampMs),
      execution_arn: execution.arn,
      redrive_count: "0",
    });
    const day = new Date(execution.startedMs).toISOString().slice(0, 13).replace("T", "-");
    this.world.links.writeLogs(group, `states/${execution.machine.name}/${day}/${execution.name}`, [
      { timestampMs, message },
    ]);
  }

  clear(): void {
    this.machines.clear();
    this.executions.clear();
  }
}

/** Pages of ListStateMachines, ListExecutions and GetExecutionHistory; 100 at a time unless told otherwise. */
export function page<T>(items: readonly T[], nextToken: string | undefined, maxResults: number | undefined) {
  const from = nextToken === undefined ? 0 : Number(Buffer.from(nextToken, "base64url").toString());
  const end = from + (maxResults || 100);
  return {
    items: items.slice(from, end),
    ...(end < items.length ? { nextToken: Buffer.from(String(end)).toString("base64url") } : {}),
  };
}
