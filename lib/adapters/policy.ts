import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { policyParameterName, recordedEventName } from "../contract/names.ts";
import type { PolicyPort } from "../core/ports.ts";
import { isNotFound, toGoaroundError } from "./errors.ts";
import { type AdapterOptions, connect, lazy } from "./options.ts";

export function createPolicies(options: AdapterOptions = {}): PolicyPort {
  const client = lazy(() => connect(SSMClient, options));
  async function read(Name: string): Promise<string | undefined> {
    try {
      const input = { Name, WithDecryption: true };
      const { Parameter } = await client().send(new GetParameterCommand(input), { abortSignal: options.signal });
      return Parameter?.Value;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw toGoaroundError(error, { operation: "ssm GetParameter", subject: Name });
    }
  }
  return {
    read: (...alias) => read(policyParameterName(...alias)),
    recordedEvent: (...event) => read(recordedEventName(...event)),
  };
}
