import type {
  DeleteFunctionConcurrencyCommandInput,
  GetFunctionConcurrencyCommandInput,
  PutFunctionConcurrencyCommandInput,
} from "@aws-sdk/client-lambda";
import type { OperationHandler, World } from "../../kernel/service.ts";
import { functionNotFound, invalidParameter, validation } from "./errors.ts";
import { parseReference } from "./reference.ts";
import type { FunctionStore } from "./store.ts";

/** Default concurrency of an account in a region, and what must stay unreserved (Lambda quotas page, 2026). */
export const ACCOUNT_CONCURRENCY = 1_000;
const LEAST_UNRESERVED = 100;

/** Reserved concurrency: a share of the account that the function is sure of and cannot exceed. */
export function concurrencyOperations(world: World, store: FunctionStore): Record<string, OperationHandler> {
  return {
    PutFunctionConcurrency(input: PutFunctionConcurrencyCommandInput) {
      const { name, qualifier } = parseReference(world, input.FunctionName);
      if (qualifier !== undefined) {
        throw invalidParameter(
          "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.",
        );
      }
      const fn = store.find(name);
      if (!fn) throw functionNotFound(store.arn(name, "$LATEST"));
      const reserved = input.ReservedConcurrentExecutions ?? 0;
      if (reserved < 0) {
        throw validation(
          `Value '${reserved}' at 'reservedConcurrentExecutions' failed to satisfy constraint: Member must have value greater than or equal to 0`,
        );
      }
      const others = store.all().reduce((sum, other) => sum + (other === fn ? 0 : (other.reservedConcurrency ?? 0)), 0);
      if (ACCOUNT_CONCURRENCY - others - reserved < LEAST_UNRESERVED) {
        throw invalidParameter(
          `Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [${LEAST_UNRESERVED}].`,
        );
      }
      fn.reservedConcurrency = reserved;
      return { ReservedConcurrentExecutions: reserved };
    },

    GetFunctionConcurrency(input: GetFunctionConcurrencyCommandInput) {
      const fn = store.function(parseReference(world, input.FunctionName));
      return fn.reservedConcurrency === undefined ? {} : { ReservedConcurrentExecutions: fn.reservedConcurrency };
    },

    DeleteFunctionConcurrency(input: DeleteFunctionConcurrencyCommandInput) {
      store.function(parseReference(world, input.FunctionName)).reservedConcurrency = undefined;
      return {};
    },
  };
}
