import type { PendingChange, ResourceRecord } from "../model.ts";
import { failureReason } from "./failure.ts";
import { type OperationRun, providerContext, resolveDynamicReferences, resourceType } from "./provider-calls.ts";
import { retire } from "./retire.ts";

/** The text by which clients recognise a resource that a continued rollback left as it was. */
const SKIPPED_REASON = "Resource skipped during UpdateRollback";

/**
 * Puts resources that an operation updated or replaced back to their records from before it, in dependency order and with
 * the previous template's update policies. Returns the logical ids that could not be put back.
 */
export async function restoreUpdated(run: OperationRun, skip: readonly string[] = []): Promise<string[]> {
  const { stack } = run;
  const changes = [...stack.pending].filter(([, change]) => change.kind !== "created");
  const failed: string[] = [];
  const started = new Map<string, Promise<void>>();
  const start = (logicalId: string): Promise<void> => {
    const known = started.get(logicalId);
    const change = stack.pending.get(logicalId);
    if (known || !change?.before || change.kind === "created") return known ?? Promise.resolve();
    const work = Promise.all(change.before.dependsOn.map(start)).then(async () => {
      if (!(await restoreOne(run, change, change.before!, skip.includes(logicalId)))) failed.push(logicalId);
    });
    started.set(logicalId, work);
    return work;
  };
  await Promise.all(changes.map(([logicalId]) => start(logicalId)));
  return failed;
}

async function restoreOne(run: OperationRun, change: PendingChange, before: ResourceRecord, skip: boolean) {
  const { environment, stack } = run;
  const { logicalId } = before;
  const record = { ...before };
  const replacement = change.kind === "replaced" ? stack.resources.get(logicalId) : undefined;
  const restored = () => {
    stack.resources.set(logicalId, record);
    if (replacement && replacement.physicalId !== "" && replacement.physicalId !== before.physicalId) {
      // The resource that replaced the old one is deleted in the clean-up.
      change.leftover = replacement;
      change.kind = "created";
    } else stack.pending.delete(logicalId);
    return true;
  };
  if (skip) {
    environment.recordEvent(stack, record, "UPDATE_COMPLETE", SKIPPED_REASON);
    return restored();
  }
  environment.recordEvent(stack, record, "UPDATE_IN_PROGRESS");
  const type = resourceType(environment, record.type);
  if (change.kind === "updated" && type.update) {
    try {
      const existing = {
        physicalId: before.physicalId,
        attributes: stack.resources.get(logicalId)?.attributes ?? before.attributes,
        properties: await resolveDynamicReferences(run, change.attempted),
      };
      const properties = await resolveDynamicReferences(run, before.properties);
      const context = providerContext(run, record, {
        updatePolicy: before.updatePolicy,
        undoesFailedUpdate: change.failed,
      });
      const made = await type.update(existing, properties, context);
      Object.assign(record, { ref: made.ref ?? made.physicalId, attributes: made.attributes ?? {} });
    } catch (error) {
      const reason = failureReason(error, environment.world);
      environment.recordEvent(stack, stack.resources.get(logicalId) ?? record, "UPDATE_FAILED", reason);
      return false;
    }
  }
  environment.recordEvent(stack, record, "UPDATE_COMPLETE");
  return restored();
}

/**
 * Takes away what an operation created. Retain keeps a resource even then; RetainExceptOnCreate does not: the operation
 * that is rolled back is the one that created it.
 */
export async function removeCreated(run: OperationRun): Promise<string[]> {
  const { stack } = run;
  const retirements = [...stack.pending]
    .filter(([, change]) => change.kind === "created")
    .map(([logicalId, change]) => {
      const record = change.leftover ?? stack.resources.get(logicalId)!;
      return {
        record,
        retain: record.deletionPolicy === "Retain" && record.physicalId !== "",
        onRetired: () => {
          stack.pending.delete(logicalId);
          if (stack.resources.get(logicalId) === record) stack.resources.delete(logicalId);
        },
      };
    });
  return retire(run, retirements);
}
