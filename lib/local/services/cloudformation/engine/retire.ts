import type { ResourceRecord } from "../model.ts";
import { failureReason } from "./failure.ts";
import { type OperationRun, providerContext, resolveDynamicReferences, resourceType } from "./provider-calls.ts";

/** A resource to take away, and whether its policy says to leave the physical resource in place. */
export interface Retirement {
  record: ResourceRecord;
  retain: boolean;
  /** Called when it is gone or left in place. */
  onRetired(): void;
}

/** Deletes resources, dependents first, siblings in parallel. Returns the logical ids that could not be deleted. */
export async function retire(run: OperationRun, retirements: readonly Retirement[]): Promise<string[]> {
  const failed: string[] = [];
  const started = new Map<Retirement, Promise<void>>();
  const start = (retirement: Retirement): Promise<void> => {
    const known = started.get(retirement);
    if (known) return known;
    const { logicalId } = retirement.record;
    const dependents = retirements.filter(
      (other) => other.record.dependsOn.includes(logicalId) && other !== retirement,
    );
    const work = Promise.all(dependents.map(start)).then(async () => {
      if (dependents.some((other) => failed.includes(other.record.logicalId))) return;
      if (!(await retireOne(run, retirement))) failed.push(logicalId);
    });
    started.set(retirement, work);
    return work;
  };
  await Promise.all(retirements.map(start));
  return failed;
}

async function retireOne(run: OperationRun, { record, retain, onRetired }: Retirement): Promise<boolean> {
  const { environment, stack } = run;
  if (retain) {
    environment.recordEvent(stack, record, "DELETE_SKIPPED");
    onRetired();
    return true;
  }
  if (record.physicalId !== "") {
    environment.recordEvent(stack, record, "DELETE_IN_PROGRESS");
    try {
      const properties = await resolveDynamicReferences(run, record.properties).catch(() => record.properties);
      const existing = { physicalId: record.physicalId, attributes: record.attributes, properties };
      await resourceType(environment, record.type).delete(existing, providerContext(run, record));
    } catch (error) {
      environment.recordEvent(stack, record, "DELETE_FAILED", failureReason(error, environment.world));
      return false;
    }
  }
  environment.recordEvent(stack, record, "DELETE_COMPLETE");
  onRetired();
  return true;
}
