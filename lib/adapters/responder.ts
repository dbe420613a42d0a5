import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { guardFunctionName } from "../contract/names.ts";
import { FLAG_ENABLING, FLAG_VERDICT, HELD_FLAGS, RED_ALARMS, VERDICT_SOURCE } from "../core/release/events.ts";
import type { ResponderPort } from "../core/release/watch-ports.ts";
import { calling } from "./errors.ts";
import { type AdapterOptions, connect, lazy } from "./options.ts";

/** Invokes the responder asynchronously: Lambda keeps the event and tries again where the responder fails. */
export function createResponder(environment: string, options: AdapterOptions = {}): ResponderPort {
  const client = lazy(() => connect(LambdaClient, options));
  const FunctionName = guardFunctionName(environment, "respond");
  const send = async (type: string, deploymentId: string, detail: object) => {
    const event = { source: VERDICT_SOURCE, "detail-type": type, detail: { deploymentId, ...detail } };
    const command = new InvokeCommand({ FunctionName, InvocationType: "Event", Payload: JSON.stringify(event) });
    await calling(
      { operation: "lambda Invoke", subject: `${FunctionName} about ${deploymentId}` },
      client().send(command, { abortSignal: options.signal }),
    );
  };
  return {
    rollBack: (deploymentId, verdict) => send("Release Verdict", deploymentId, { verdict }),
    switchOff: (deploymentId, flags, reasons) => send(FLAG_VERDICT, deploymentId, { flags, reasons }),
    attribute: (deploymentId) => send(RED_ALARMS, deploymentId, {}),
    enableFlags: (deploymentId) => send(FLAG_ENABLING, deploymentId, {}),
    heldFlagsOff: (deploymentId) => send(HELD_FLAGS, deploymentId, {}),
  };
}
