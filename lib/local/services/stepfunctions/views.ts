import type { DescribeExecutionOutput, ExecutionStatus, HistoryEvent } from "@aws-sdk/client-sfn";
import type { Execution } from "./records.ts";

/** Times are epoch milliseconds (EventBridge reference and public samples, 2019 to 2026). */
export function eventDetail(execution: Execution): Record<string, unknown> {
  const { arn, name, machine, status, startedMs, stoppedMs, input, output, error, cause } = execution;
  return {
    executionArn: arn,
    stateMachineArn: machine.arn,
    name,
    status,
    startDate: startedMs,
    stopDate: stoppedMs ?? null,
    input,
    output: output ?? null,
    stateMachineVersionArn: null,
    stateMachineAliasArn: null,
    redriveCount: 0,
    redriveDate: null,
    ...redrive(status),
    inputDetails: { included: true },
    outputDetails: output === undefined ? null : { included: true },
    error: error ?? null,
    cause: cause ?? null,
  };
}

/** Failed, aborted and timed-out executions can be redriven on AWS; the local AWS answers RedriveExecution with 501. */
function redrive(status: ExecutionStatus): Pick<DescribeExecutionOutput, "redriveStatus" | "redriveStatusReason"> {
  if (status !== "RUNNING" && status !== "SUCCEEDED") return { redriveStatus: "REDRIVABLE" };
  return {
    redriveStatus: "NOT_REDRIVABLE",
    redriveStatusReason: `Execution is ${status} and cannot be redriven`,
  };
}

export function describe(execution: Execution): DescribeExecutionOutput {
  const { input, output, error, cause, status } = execution;
  return {
    ...listed(execution),
    input,
    inputDetails: { included: true },
    ...(output === undefined ? {} : { output, outputDetails: { included: true } }),
    ...(error === undefined ? {} : { error }),
    ...(cause === undefined ? {} : { cause }),
    ...redrive(status),
  };
}

export const listed = ({ arn, machine, name, status, startedMs, stoppedMs }: Execution) => ({
  executionArn: arn,
  stateMachineArn: machine.arn,
  name,
  status,
  startDate: new Date(startedMs),
  ...(stoppedMs === undefined ? {} : { stopDate: new Date(stoppedMs) }),
  redriveCount: 0,
});

/** Without execution data, inputs, outputs and parameters are left out. */
export function withData(event: HistoryEvent, included: boolean): HistoryEvent {
  if (included) return event;
  const strip = (value: unknown): unknown =>
    typeof value !== "object" || value === null || value instanceof Date
      ? value
      : Object.fromEntries(
          Object.entries(value)
            .filter(([key]) => !["input", "output", "parameters", "inputDetails", "outputDetails"].includes(key))
            .map(([key, inner]) => [key, strip(inner)]),
        );
  return strip(event) as HistoryEvent;
}
