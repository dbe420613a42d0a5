import type { LocalService, World } from "../../kernel/service.ts";
import { Executions } from "./executions.ts";
import { machineOperations } from "./machines.ts";
import { StepFunctionsStore } from "./store.ts";

/** Step Functions: Standard workflows that call Lambda. What it does and how sure that is: docs/fidelity/stepfunctions.md. */
export function createStepFunctions(world: World): LocalService {
  const store = new StepFunctionsStore(world);
  const executions = new Executions(world, store);
  return {
    name: "sfn",
    operations: { ...machineOperations(world, store), ...executions.operations },
    reset() {
      for (const { controller } of store.executions.values()) controller.abort(new Error("reset"));
      store.clear();
    },
  };
}
