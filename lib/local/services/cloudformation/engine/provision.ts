import type { ResourceRecord, StackDefinition } from "../model.ts";
import { ResourceCancelled } from "../providers/resource-type.ts";
import { evaluateObject, type Scope } from "../template/intrinsics.ts";
import { type JsonObject, sameJson } from "../template/json.ts";
import { failureReason } from "./failure.ts";
import {
  type OperationRun,
  providerContext,
  resolveDynamicReferences,
  resourceType,
  withStackTags,
} from "./provider-calls.ts";
import { changedProperties, newRecord, policiesOf, remember } from "./records.ts";

const CUSTOM_NAME_REPLACEMENT = (name: string) =>
  `CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename ${name} and update the stack again.`;

interface ProvisionResult {
  /** Logical ids of resources that failed or were cancelled, by what was tried. */
  failed: { create: string[]; update: string[] };
}

/**
 * Brings a stack's resources to a definition: siblings in parallel, each after what it depends on. The first failure
 * cancels what is under way and starts nothing more. Every change is noted in `stack.pending` until it is confirmed.
 */
export async function provision(run: OperationRun, definition: StackDefinition): Promise<ProvisionResult> {
  const { stack } = run;
  const siblings = new AbortController();
  const signal = AbortSignal.any([run.signal, siblings.signal]);
  const scope = run.environment.scope(stack, definition, (logicalId) => stack.resources.get(logicalId));
  const result: ProvisionResult = { failed: { create: [], update: [] } };
  const started = new Map<string, Promise<void>>();
  const start = (logicalId: string): Promise<void> => {
    const known = started.get(logicalId);
    if (known) return known;
    const work = Promise.all((definition.dependencies.get(logicalId) ?? []).map(start)).then(async () => {
      if (signal.aborted) return;
      const failure = await provisionOne({ ...run, signal }, definition, logicalId, scope);
      if (!failure) return;
      result.failed[failure].push(logicalId);
      siblings.abort();
    });
    started.set(logicalId, work);
    return work;
  };
  await Promise.all([...definition.dependencies.keys()].map(start));
  return result;
}

/** Creates, updates, replaces or leaves one resource; says what failed. */
async function provisionOne(
  run: OperationRun,
  definition: StackDefinition,
  logicalId: string,
  scope: Scope,
): Promise<"create" | "update" | undefined> {
  const { stack, environment } = run;
  const resource = definition.template.Resources[logicalId]!;
  const record = stack.resources.get(logicalId);
  const dependsOn = definition.dependencies.get(logicalId) ?? [];
  const begin = (base: ResourceRecord | undefined, verb: "create" | "update") => {
    const fresh = newRecord(logicalId, resource, dependsOn, base);
    stack.resources.set(logicalId, fresh);
    environment.recordEvent(stack, fresh, verb === "create" ? "CREATE_IN_PROGRESS" : "UPDATE_IN_PROGRESS");
    return fresh;
  };
  let properties: JsonObject;
  try {
    const evaluated = evaluateObject(resource.Properties, scope);
    properties = withStackTags(resourceType(environment, resource.Type), evaluated, definition.tags);
  } catch (error) {
    const verb = record ? "update" : "create";
    const failed = begin(record, verb);
    remember(stack.pending, logicalId, record, { kind: record ? "updated" : "created", attempted: {}, failed: true });
    environment.recordEvent(
      stack,
      failed,
      verb === "create" ? "CREATE_FAILED" : "UPDATE_FAILED",
      failureReason(error, environment.world),
    );
    return verb;
  }
  const updatePolicy = resource.UpdatePolicy && evaluateObject(resource.UpdatePolicy, scope);
  if (!record || record.physicalId === "") {
    return createResource(run, begin(undefined, "create"), properties, updatePolicy);
  }
  const changed = changedProperties(record.properties, properties);
  if (changed.length === 0) {
    // Policies, metadata and dependencies belong to CloudFormation's record; nothing is done to the resource.
    Object.assign(record, policiesOf(resource), { metadata: resource.Metadata, updatePolicy, dependsOn });
    return undefined;
  }
  const fresh = begin(record, "update");
  const type = resourceType(environment, resource.Type);
  if (!type.update || changed.some((name) => type.createOnly.includes(name))) {
    return replaceResource(run, fresh, properties, updatePolicy, record);
  }
  return updateResource(run, fresh, properties, updatePolicy, record);
}

async function createResource(
  run: OperationRun,
  record: ResourceRecord,
  properties: JsonObject,
  updatePolicy: JsonObject | undefined,
): Promise<"create" | undefined> {
  const { stack } = run;
  remember(stack.pending, record.logicalId, undefined, { kind: "created", attempted: properties, failed: false });
  const reason = await attemptCreate(run, record, properties, updatePolicy, "CREATE");
  if (reason === undefined) return undefined;
  stack.pending.get(record.logicalId)!.failed = true;
  run.environment.recordEvent(stack, record, "CREATE_FAILED", reason, properties);
  return "create";
}

async function replaceResource(
  run: OperationRun,
  record: ResourceRecord,
  properties: JsonObject,
  updatePolicy: JsonObject | undefined,
  before: ResourceRecord,
): Promise<"update" | undefined> {
  const { stack, environment } = run;
  const type = resourceType(environment, record.type);
  const nameProperty = type.nameProperty;
  const name = nameProperty === undefined ? undefined : properties[nameProperty];
  remember(stack.pending, record.logicalId, before, { kind: "replaced", attempted: properties, failed: false });
  const keepsCustomName = name !== undefined && sameJson(name, before.properties[nameProperty!]);
  const refused = keepsCustomName
    ? CUSTOM_NAME_REPLACEMENT(String(name))
    : stack.disableRollback
      ? "Replacement type updates not supported on stack with disable-rollback."
      : undefined;
  record.physicalId = "";
  if (refused === undefined) {
    environment.recordEvent(
      stack,
      { ...record, physicalId: before.physicalId },
      "UPDATE_IN_PROGRESS",
      "Requested update requires the creation of a new physical resource; hence creating one.",
      properties,
    );
  }
  const reason = refused ?? (await attemptCreate(run, record, properties, updatePolicy, "UPDATE"));
  if (reason === undefined) return undefined;
  stack.pending.get(record.logicalId)!.failed = true;
  environment.recordEvent(stack, record, "UPDATE_FAILED", reason, properties);
  return "update";
}

/** Creates the resource and returns undefined, or returns why it failed. */
async function attemptCreate(
  run: OperationRun,
  record: ResourceRecord,
  properties: JsonObject,
  updatePolicy: JsonObject | undefined,
  verb: "CREATE" | "UPDATE",
): Promise<string | undefined> {
  const { stack, environment } = run;
  const type = resourceType(environment, record.type);
  const onCreated = (physicalId: string) => {
    if (record.physicalId === physicalId) return;
    record.physicalId = physicalId;
    environment.recordEvent(stack, record, `${verb}_IN_PROGRESS`, "Resource creation Initiated", properties);
  };
  try {
    record.properties = properties;
    const resolved = await resolveDynamicReferences(run, properties);
    const made = await type.create(resolved, providerContext(run, record, { updatePolicy, onCreated }));
    onCreated(made.physicalId);
    Object.assign(record, { ref: made.ref ?? made.physicalId, attributes: made.attributes ?? {}, updatePolicy });
  } catch (error) {
    if (error instanceof ResourceCancelled) return cancelled(verb);
    return failureReason(error, environment.world);
  }
  if (run.signal.aborted) return cancelled(verb);
  environment.recordEvent(stack, record, `${verb}_COMPLETE`, undefined, properties);
  return undefined;
}

async function updateResource(
  run: OperationRun,
  record: ResourceRecord,
  properties: JsonObject,
  updatePolicy: JsonObject | undefined,
  before: ResourceRecord,
): Promise<"update" | undefined> {
  const { stack, environment } = run;
  const change = remember(stack.pending, record.logicalId, before, {
    kind: "updated",
    attempted: properties,
    failed: true,
  });
  const fail = (reason: string) => {
    environment.recordEvent(stack, record, "UPDATE_FAILED", reason, properties);
    return "update" as const;
  };
  try {
    const existing = {
      physicalId: before.physicalId,
      attributes: before.attributes,
      properties: await resolveDynamicReferences(run, before.properties),
    };
    const resolved = await resolveDynamicReferences(run, properties);
    const type = resourceType(environment, record.type);
    const made = await type.update!(existing, resolved, providerContext(run, record, { updatePolicy }));
    const { physicalId } = made;
    Object.assign(record, {
      physicalId,
      ref: made.ref ?? physicalId,
      attributes: made.attributes ?? {},
      properties,
      updatePolicy,
    });
    change.failed = false;
  } catch (error) {
    return fail(error instanceof ResourceCancelled ? cancelled("UPDATE") : failureReason(error, environment.world));
  }
  if (run.signal.aborted) return fail(cancelled("UPDATE"));
  environment.recordEvent(stack, record, "UPDATE_COMPLETE", undefined, properties);
  return undefined;
}

const cancelled = (verb: "CREATE" | "UPDATE") =>
  verb === "CREATE" ? "Resource creation cancelled" : "Resource update cancelled";
