import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { policyParameterName } from "../contract/names.ts";
import type { PolicyPort } from "../core/ports.ts";
import { isNotFound, toGoaroundError } from "./errors.ts";
import { type AdapterOptions, clientConfig, lazy, watched } from "./options.ts";

export function createPolicies(options: AdapterOptions = {}): PolicyPort {
  const client = lazy(() => watched(new SSMClient(clientConfig(options)), options));
  return {
    async read(environment, functionName, alias) {
      const name = policyParameterName(environment, functionName, alias);
      try {
        const input = { Name: name, WithDecryption: true };
        const { Parameter } = await client().send(new GetParameterCommand(input), { abortSignal: options.signal });
        return Parameter?.Value;
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw toGoaroundError(error, { operation: "ssm GetParameter", subject: name });
      }
    },
  };
}
