import { validationError } from "../errors.ts";
import type { PendingChange, ResourceRecord } from "../model.ts";
import { type JsonObject, sameJson } from "../template/json.ts";
import type { ResourceDefinition } from "../template/parse.ts";

/** Notes a change, keeping the oldest `before` when an earlier operation on the resource is still open. */
export function remember(
  pending: Map<string, PendingChange>,
  logicalId: string,
  before: ResourceRecord | undefined,
  change: Omit<PendingChange, "before">,
): PendingChange {
  const earlier = pending.get(logicalId);
  const kind = earlier && earlier.kind !== "updated" ? earlier.kind : change.kind;
  const noted = { ...change, kind, before: earlier ? earlier.before : before };
  pending.set(logicalId, noted);
  return noted;
}

/** Names of the properties that differ, present in one or both. */
export function changedProperties(before: JsonObject, after: JsonObject): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => !sameJson(before[name], after[name]));
}

/** A resource's policies, with AWS's default Delete. */
export function policiesOf(resource: ResourceDefinition) {
  const deletionPolicy = resource.DeletionPolicy ?? "Delete";
  const updateReplacePolicy = resource.UpdateReplacePolicy ?? "Delete";
  if (deletionPolicy === "Snapshot" || updateReplacePolicy === "Snapshot") {
    throw validationError("The local AWS does not implement the deletion policy Snapshot");
  }
  return { deletionPolicy, updateReplacePolicy };
}

/** The record that an operation works on: a copy of the old one under the new definition's attributes. */
export function newRecord(
  logicalId: string,
  resource: ResourceDefinition,
  dependsOn: string[],
  base: ResourceRecord | undefined,
): ResourceRecord {
  return {
    logicalId,
    type: resource.Type,
    physicalId: base?.physicalId ?? "",
    ref: base?.ref ?? "",
    attributes: base?.attributes ?? {},
    properties: base?.properties ?? {},
    metadata: resource.Metadata,
    ...policiesOf(resource),
    updatePolicy: base?.updatePolicy,
    dependsOn,
    status: base?.status ?? "CREATE_IN_PROGRESS",
    statusReason: undefined,
    updatedMs: 0,
  };
}
