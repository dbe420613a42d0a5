import { CreateAliasCommand, DeleteAliasCommand, LambdaClient, UpdateAliasCommand } from "@aws-sdk/client-lambda";
import type { MarkerAliasPort } from "../core/operator-ports.ts";
import { calling, errorName, isNotFound, toGoaroundError } from "./errors.ts";
import { type AdapterOptions, connect, lazy } from "./options.ts";

export function createMarkerAlias(options: AdapterOptions = {}): MarkerAliasPort {
  const client = lazy(() => connect(LambdaClient, options));
  const http = { abortSignal: options.signal };
  const about = (operation: string, functionName: string, alias: string) => ({
    operation: `lambda ${operation}`,
    subject: `alias ${alias} of ${functionName}`,
  });
  return {
    async put(FunctionName, Name, FunctionVersion) {
      const input = { FunctionName, Name, FunctionVersion, Description: "goaround: serves nobody, may be deleted" };
      try {
        await client().send(new CreateAliasCommand(input), http);
      } catch (error) {
        const context = about("CreateAlias", FunctionName, Name);
        if (errorName(error) !== "ResourceConflictException") throw toGoaroundError(error, context);
        // Left by a run that was cut off.
        const whole = { ...input, RoutingConfig: { AdditionalVersionWeights: {} } };
        await calling(about("UpdateAlias", FunctionName, Name), client().send(new UpdateAliasCommand(whole), http));
      }
    },

    async remove(FunctionName, Name) {
      try {
        await client().send(new DeleteAliasCommand({ FunctionName, Name }), http);
      } catch (error) {
        if (!isNotFound(error)) throw toGoaroundError(error, about("DeleteAlias", FunctionName, Name));
      }
    },
  };
}
