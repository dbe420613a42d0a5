import type { CreateStateMachineInput, ExecutionStatus, HistoryEvent } from "@aws-sdk/client-sfn";
import type { Definition } from "./definition.ts";

export interface StateMachine {
  arn: string;
  name: string;
  /** As it was given. */
  definitionText: string;
  definition: Definition;
  roleArn: string;
  logging: CreateStateMachineInput["loggingConfiguration"];
  tracing: CreateStateMachineInput["tracingConfiguration"];
  createdMs: number;
  /** Undefined until the first update, as recorded. */
  revisionId: string | undefined;
  deleting: boolean;
  tags: Map<string, string>;
}

export interface Execution {
  arn: string;
  name: string;
  machine: StateMachine;
  /** Frozen at the start: an update of the machine does not change what runs. */
  definition: Definition;
  roleArn: string;
  input: string;
  output: string | undefined;
  error: string | undefined;
  cause: string | undefined;
  status: ExecutionStatus;
  startedMs: number;
  stoppedMs: number | undefined;
  history: HistoryEvent[];
  /** Aborted when the execution ends from outside: stopped, timed out, or the world reset. */
  controller: AbortController;
}
