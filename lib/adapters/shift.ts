import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { guardFunctionName } from "../contract/names.ts";
import { GoaroundError } from "../core/errors.ts";
import type { ShiftPort } from "../core/release/watch-ports.ts";
import { calling } from "./errors.ts";
import { type AdapterOptions, connect, lazy } from "./options.ts";

/** Asks the Lambda that may write staged weights, and waits for its answer. */
export function createShift(environment: string, options: AdapterOptions = {}): ShiftPort {
  const client = lazy(() => connect(LambdaClient, options));
  const FunctionName = guardFunctionName(environment, "shift");
  return {
    async setShare(deploymentId, percent) {
      const subject = `${FunctionName} about ${percent} % for ${deploymentId}`;
      const command = new InvokeCommand({ FunctionName, Payload: JSON.stringify({ deploymentId, percent }) });
      const answer = await calling(
        { operation: "lambda Invoke", subject },
        client().send(command, { abortSignal: options.signal }),
      );
      const payload = parse(answer.Payload);
      if (answer.FunctionError === undefined && payload?.isSet === true) return { isSet: true };
      if (answer.FunctionError === undefined && payload?.isSet === false) {
        return { isSet: false, why: String(payload.why) };
      }
      const said = String(payload?.errorMessage ?? "no answer");
      throw new GoaroundError("aws-fault", "dependency", `${subject} failed: ${said}`);
    },
  };
}

function parse(bytes: Uint8Array | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
