import type { Principal } from "../../../kernel/service.ts";
import type { ResourceRecord, Stack, StackDefinition } from "../model.ts";
import type { Environment } from "./environment.ts";
import { evaluateOutputs, exportInUse } from "./outputs.ts";
import type { OperationRun } from "./provider-calls.ts";
import { provision } from "./provision.ts";
import { type Retirement, retire } from "./retire.ts";
import { removeCreated, restoreUpdated } from "./rollback.ts";

export interface DeployOptions {
  disableRollback: boolean;
  /** What a failed creation leads to; rollback by default. */
  onFailure: "ROLLBACK" | "DELETE" | "DO_NOTHING";
}

type OperationKind = "create" | "update" | "delete" | "rollback";

/**
 * Begins an operation on a stack. `answered` resolves as soon as the stack has settled, or a resource waits for virtual
 * time, or two real seconds have passed: a client that polls every few seconds then finds a plain deploy already done.
 */
export function begin(
  environment: Environment,
  stack: Stack,
  kind: OperationKind,
  principal: Principal,
  work: (run: OperationRun) => Promise<void>,
): { answered: Promise<void> } {
  const cancel = new AbortController();
  let onWaiting: () => void = () => undefined;
  const waiting = new Promise<void>((resolve) => {
    onWaiting = resolve;
  });
  const run: OperationRun = { environment, stack, principal, signal: cancel.signal, rollback: false, onWaiting };
  const settled = work(run).finally(() => {
    stack.operation = undefined;
  });
  stack.operation = { settled, cancel, kind };
  return { answered: Promise.race([settled, waiting, realDelay(2000)]) };
}

/** Real time, not emulated time: how long a client's request may stay open. */
function realDelay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

export async function createStack(
  run: OperationRun,
  definition: StackDefinition,
  options: DeployOptions,
): Promise<void> {
  const { environment, stack } = run;
  stack.definition = definition;
  stack.disableRollback = options.disableRollback;
  environment.setStatus(stack, "CREATE_IN_PROGRESS", "User Initiated");
  const problem = await apply(run, definition, "create");
  if (problem === undefined) {
    stack.stableDefinition = definition;
    stack.pending.clear();
    environment.setStatus(stack, "CREATE_COMPLETE");
  } else if (options.disableRollback || options.onFailure === "DO_NOTHING") {
    environment.setStatus(stack, "CREATE_FAILED", problem);
  } else if (options.onFailure === "DELETE") {
    await deleteStack(run, { reason: `${problem}Delete requested by user.`, retain: [] });
  } else {
    await rollbackCreation(run, `${problem}Rollback requested by user.`);
  }
}

export async function updateStack(
  run: OperationRun,
  definition: StackDefinition,
  options: DeployOptions,
): Promise<void> {
  const { environment, stack } = run;
  stack.definition = definition;
  stack.disableRollback = options.disableRollback;
  stack.updatedMs = environment.tick(stack);
  environment.setStatus(stack, "UPDATE_IN_PROGRESS", "User Initiated");
  const problem = await apply(run, definition, "update");
  if (problem === undefined) {
    environment.setStatus(stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS");
    await retire(withoutCancel(run), supersededBy(stack, definition));
    stack.stableDefinition = definition;
    stack.pending.clear();
    environment.setStatus(stack, "UPDATE_COMPLETE");
  } else if (options.disableRollback) {
    environment.setStatus(stack, "UPDATE_FAILED", problem);
  } else {
    await rollbackUpdate(run, problem);
  }
}

/** Provisions the resources and evaluates the outputs; returns the reason when something failed. */
async function apply(
  run: OperationRun,
  definition: StackDefinition,
  kind: "create" | "update",
): Promise<string | undefined> {
  const { stack } = run;
  const { failed } = await provision(run, definition);
  const reasons = (["create", "update"] as const)
    .filter((verb) => failed[verb].length > 0)
    .map((verb) => failedTo(verb, failed[verb]));
  if (run.signal.aborted) return kind === "update" ? "User Initiated" : reasons.join("");
  if (reasons.length > 0) return reasons.join("");
  try {
    stack.outputs = evaluateOutputs(run, definition);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Old resources of replacements, and resources that the new template no longer has. */
function supersededBy(stack: Stack, definition: StackDefinition): Retirement[] {
  const replaced = [...stack.pending.values()]
    .filter((change) => change.kind === "replaced" && change.before !== undefined)
    .map(({ before }) => ({
      record: before!,
      retain: before!.updateReplacePolicy !== "Delete",
      onRetired: () => undefined,
    }));
  const removed = [...stack.resources.values()]
    .filter((record) => !definition.dependencies.has(record.logicalId))
    .map((record) => ({
      record,
      retain: record.deletionPolicy !== "Delete",
      onRetired: () => void stack.resources.delete(record.logicalId),
    }));
  return [...replaced, ...removed];
}

export async function rollbackCreation(run: OperationRun, reason: string | undefined): Promise<void> {
  const { environment, stack } = run;
  environment.setStatus(stack, "ROLLBACK_IN_PROGRESS", reason);
  const failed = await removeCreated({ ...withoutCancel(run), rollback: true });
  if (failed.length > 0) {
    environment.setStatus(stack, "ROLLBACK_FAILED", failedTo("delete", failed));
    return;
  }
  environment.setStatus(stack, "ROLLBACK_COMPLETE");
}

/** Back to the previous template; cannot be cancelled. `skip` names resources that a continued rollback leaves alone. */
export async function rollbackUpdate(
  run: OperationRun,
  reason: string | undefined,
  skip: string[] = [],
): Promise<void> {
  const { environment, stack } = run;
  const undo: OperationRun = { ...withoutCancel(run), rollback: true };
  environment.setStatus(stack, "UPDATE_ROLLBACK_IN_PROGRESS", reason);
  const failed = await restoreUpdated(undo, skip);
  if (failed.length > 0) {
    environment.setStatus(stack, "UPDATE_ROLLBACK_FAILED", failedTo("update", failed));
    return;
  }
  environment.setStatus(stack, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS");
  await removeCreated(undo);
  stack.definition = stack.stableDefinition;
  stack.pending.clear();
  if (stack.definition) stack.outputs = evaluateOutputs(undo, stack.definition);
  environment.setStatus(stack, "UPDATE_ROLLBACK_COMPLETE");
}

export async function deleteStack(
  run: OperationRun,
  options: { reason?: string; retain: readonly string[] },
): Promise<void> {
  const { environment, stack } = run;
  environment.setStatus(stack, "DELETE_IN_PROGRESS", options.reason ?? "User Initiated");
  const inUse = exportInUse(environment, stack);
  if (inUse !== undefined) {
    environment.setStatus(stack, "DELETE_FAILED", inUse);
    return;
  }
  const records: ResourceRecord[] = [...stack.resources.values()];
  const leftovers = [...stack.pending.values()].flatMap(({ leftover, kind, before }) =>
    leftover ? [leftover] : kind === "replaced" && before ? [before] : [],
  );
  const failed = await retire(
    withoutCancel(run),
    [...records, ...leftovers].map((record) => ({
      record,
      retain: record.deletionPolicy !== "Delete" ? isKept(stack, record) : options.retain.includes(record.logicalId),
      onRetired: () => {
        if (stack.resources.get(record.logicalId) === record) stack.resources.delete(record.logicalId);
      },
    })),
  );
  if (failed.length > 0) {
    environment.setStatus(stack, "DELETE_FAILED", failedTo("delete", failed));
    return;
  }
  stack.deletedMs = environment.tick(stack);
  stack.outputs = [];
  stack.changeSets = stack.changeSets.filter((changeSet) => changeSet.executionStatus === "EXECUTE_COMPLETE");
  environment.setStatus(stack, "DELETE_COMPLETE");
}

/** A failed creation leaves nothing to keep unless the resource exists and its policy is Retain. */
function isKept(stack: Stack, record: ResourceRecord): boolean {
  if (record.physicalId === "") return false;
  const neverCompleted = stack.stableDefinition === undefined;
  return record.deletionPolicy === "Retain" || !neverCompleted;
}

const failedTo = (verb: "create" | "update" | "delete", resources: readonly string[]) =>
  `The following resource(s) failed to ${verb}: [${resources.join(", ")}]. `;

/** Clean-up and rollback are not cancelled with the update that led to them. */
const withoutCancel = (run: OperationRun): OperationRun => ({ ...run, signal: new AbortController().signal });
