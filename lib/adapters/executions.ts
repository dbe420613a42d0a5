import { DescribeExecutionCommand, SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
import type { ExecutionsPort } from "../core/release/watch-ports.ts";
import { errorName, toGoaroundError } from "./errors.ts";
import { type AdapterOptions, connect, lazy } from "./options.ts";

/** Executions of one state machine, named by deployment ids. */
export function createExecutions(stateMachineArn: string, options: AdapterOptions = {}): ExecutionsPort {
  const client = lazy(() => connect(SFNClient, options));
  const http = { abortSignal: options.signal };
  const subject = (deploymentId: string) => `the watch of ${deploymentId}`;
  const arnOf = (deploymentId: string) => `${stateMachineArn.replace(":stateMachine:", ":execution:")}:${deploymentId}`;

  return {
    async start(deploymentId, name = deploymentId) {
      // The input holds nothing else: the same name with the same input is the same execution while it runs.
      const input = { stateMachineArn, name, input: JSON.stringify({ deploymentId }) };
      try {
        await client().send(new StartExecutionCommand(input), http);
        return "started";
      } catch (error) {
        if (errorName(error) === "ExecutionAlreadyExists") return "exists";
        throw toGoaroundError(error, { operation: "states StartExecution", subject: subject(deploymentId) });
      }
    },

    async status(deploymentId) {
      try {
        const command = new DescribeExecutionCommand({ executionArn: arnOf(deploymentId) });
        const { status } = await client().send(command, http);
        // Nobody redrives a watch; until somebody does, it does not run.
        return status === "PENDING_REDRIVE" ? "ABORTED" : (status ?? "missing");
      } catch (error) {
        if (errorName(error) === "ExecutionDoesNotExist") return "missing";
        throw toGoaroundError(error, { operation: "states DescribeExecution", subject: subject(deploymentId) });
      }
    },
  };
}
