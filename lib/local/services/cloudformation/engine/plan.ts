import type { Change, PolicyAction, ResourceChange, ResourceChangeDetail } from "@aws-sdk/client-cloudformation";
import type { ResourceRecord, Stack, StackDefinition } from "../model.ts";
import { inDependencyOrder } from "../template/define.ts";
import { evaluateObject, KNOWN_AFTER_APPLY, references } from "../template/intrinsics.ts";
import { type Json, type JsonObject, sameJson } from "../template/json.ts";
import type { ResourceDefinition } from "../template/parse.ts";
import { driftAware } from "./drift.ts";
import type { Environment } from "./environment.ts";
import { resourceType, withStackTags } from "./provider-calls.ts";
import { changedProperties } from "./records.ts";

/**
 * What executing a definition would do to each resource, in AWS's form and with property values. `live`: for a
 * drift-aware change set, the live properties of the resources that could be read.
 */
export function planChanges(
  environment: Environment,
  stack: Stack,
  definition: StackDefinition,
  live?: ReadonlyMap<string, JsonObject>,
): Change[] {
  const planned = new Map<string, ResourceChange>();
  const resources = (logicalId: string): ResourceRecord | undefined => {
    const record = stack.resources.get(logicalId);
    const action = planned.get(logicalId);
    if (record && record.physicalId !== "" && action?.Replacement !== "True") return record;
    return definition.template.Resources[logicalId] ? unknownRecord(logicalId) : undefined;
  };
  const scope = environment.scope(stack, definition, resources);
  const order = inDependencyOrder(definition.dependencies);
  for (const logicalId of order) {
    const resource = definition.template.Resources[logicalId]!;
    const record = stack.resources.get(logicalId);
    const type = resourceType(environment, resource.Type);
    const properties = withStackTags(type, evaluateObject(resource.Properties, scope), definition.tags);
    if (!record || record.physicalId === "") {
      planned.set(logicalId, {
        Action: "Add",
        LogicalResourceId: logicalId,
        ResourceType: resource.Type,
        Scope: [],
        Details: [],
        AfterContext: JSON.stringify({ Properties: properties }),
      });
      continue;
    }
    const actual = live?.get(logicalId);
    const base = actual ? { ...record, properties: actual } : record;
    const change = modification(environment, stack, definition, resource, base, properties, planned);
    const compared = live === undefined ? change : driftAware(change, record, actual, properties);
    if (compared) planned.set(logicalId, compared);
  }
  for (const record of stack.resources.values()) {
    if (definition.dependencies.has(record.logicalId)) continue;
    planned.set(record.logicalId, {
      PolicyAction: record.deletionPolicy === "Delete" ? "Delete" : "Retain",
      Action: "Remove",
      LogicalResourceId: record.logicalId,
      PhysicalResourceId: record.physicalId,
      ResourceType: record.type,
      Scope: [],
      Details: [],
      BeforeContext: JSON.stringify({ Properties: record.properties }),
    });
  }
  return [...planned.values()]
    .sort((left, right) => (left.LogicalResourceId! < right.LogicalResourceId! ? -1 : 1))
    .map((change) => ({ Type: "Resource", ResourceChange: change }));
}

function modification(
  environment: Environment,
  stack: Stack,
  definition: StackDefinition,
  resource: ResourceDefinition,
  record: ResourceRecord,
  properties: JsonObject,
  planned: Map<string, ResourceChange>,
): ResourceChange | undefined {
  const type = resourceType(environment, resource.Type);
  const previous = stack.definition?.template.Resources[record.logicalId];
  const attributes: ResourceChangeDetail[] = (
    ["Metadata", "DeletionPolicy", "UpdateReplacePolicy", "UpdatePolicy"] as const
  )
    .filter((attribute) => !sameJson(previous?.[attribute] as Json, resource[attribute] as Json))
    .map((attribute) => ({
      Target: { Attribute: attribute, RequiresRecreation: "Never" },
      Evaluation: "Static",
      ChangeSource: "DirectModification",
    }));
  const recreates = (name: string) => !type.update || type.createOnly.includes(name);
  const details = changedProperties(record.properties, properties).map((name): ResourceChangeDetail => {
    const before = record.properties[name];
    const after = properties[name];
    const cause = causeOf(previous?.Properties[name], resource.Properties[name], definition, planned);
    return {
      Target: {
        Attribute: "Properties",
        Name: name,
        RequiresRecreation: recreates(name) ? "Always" : "Never",
        Path: `/Properties/${name}`,
        BeforeValue: before === undefined ? undefined : shown(before),
        AfterValue: after === undefined ? undefined : shown(after),
        AttributeChangeType: before === undefined ? "Add" : after === undefined ? "Remove" : "Modify",
      },
      Evaluation: "Static",
      ...cause,
    };
  });
  if (details.length + attributes.length === 0) return undefined;
  const replaced = details.some((detail) => detail.Target?.RequiresRecreation === "Always");
  const retained = (resource.UpdateReplacePolicy ?? "Delete") !== "Delete";
  const policyAction: PolicyAction = retained ? "ReplaceAndRetain" : "ReplaceAndDelete";
  return {
    ...(replaced ? { PolicyAction: policyAction } : {}),
    Action: "Modify",
    LogicalResourceId: record.logicalId,
    PhysicalResourceId: record.physicalId,
    ResourceType: record.type,
    Replacement: replaced ? "True" : "False",
    Scope: [...new Set([...details, ...attributes].map((detail) => detail.Target!.Attribute!))],
    Details: [...details, ...attributes],
    BeforeContext: JSON.stringify({ Properties: record.properties }),
    AfterContext: JSON.stringify({ Properties: properties }),
  };
}

function causeOf(
  before: Json | undefined,
  after: Json | undefined,
  definition: StackDefinition,
  planned: Map<string, ResourceChange>,
): Pick<ResourceChangeDetail, "ChangeSource" | "CausingEntity"> {
  if (!sameJson(before, after)) return { ChangeSource: "DirectModification" };
  const names = [...references(after ?? null)];
  const resource = names.find((name) => planned.has(name));
  if (resource !== undefined) return { ChangeSource: "ResourceReference", CausingEntity: resource };
  const parameter = names.find((name) => name in definition.parameters);
  if (parameter !== undefined) return { ChangeSource: "ParameterReference", CausingEntity: parameter };
  return { ChangeSource: "DirectModification" };
}

const shown = (value: Json) => (typeof value === "string" ? value : JSON.stringify(value));

/** Stands for a resource whose id and attributes are known only after the change. */
function unknownRecord(logicalId: string): ResourceRecord {
  return {
    logicalId,
    type: "",
    physicalId: KNOWN_AFTER_APPLY,
    ref: KNOWN_AFTER_APPLY,
    attributes: new Proxy({}, { get: () => KNOWN_AFTER_APPLY }),
    properties: {},
    metadata: undefined,
    deletionPolicy: "Delete",
    updateReplacePolicy: "Delete",
    updatePolicy: undefined,
    dependsOn: [],
    status: "CREATE_IN_PROGRESS",
    statusReason: undefined,
    updatedMs: 0,
  };
}

/** The change as shown without `IncludePropertyValues`. */
export function withoutPropertyValues(change: Change): Change {
  const { BeforeContext: _before, AfterContext: _after, Details, ...rest } = change.ResourceChange ?? {};
  return {
    ...change,
    ResourceChange: {
      ...rest,
      Details: Details?.map(({ Target, ...detail }) => {
        const {
          BeforeValue: _old,
          AfterValue: _new,
          Path: _path,
          AttributeChangeType: _type,
          ...target
        } = Target ?? {};
        return { Target: target, ...detail };
      }),
    },
  };
}

/** Whether a definition differs from the deployed one at all; unchanged ones are refused. */
export function hasChanges(stack: Stack, definition: StackDefinition, changes: readonly Change[]): boolean {
  const deployed = stack.definition;
  if (changes.length > 0 || !deployed) return true;
  const outputs = (of: StackDefinition) => of.template.Outputs as unknown as Json;
  const tags = (of: StackDefinition) => of.tags.map(({ Key, Value }) => `${Key}=${Value}`).sort();
  return (
    stack.status === "UPDATE_FAILED" ||
    stack.status === "CREATE_FAILED" ||
    !sameJson(outputs(deployed), outputs(definition)) ||
    !sameJson(tags(deployed), tags(definition)) ||
    !sameJson(deployed.notificationArns, definition.notificationArns) ||
    !sameJson(parametersOfOutputs(deployed), parametersOfOutputs(definition))
  );
}

/** A new parameter value can change an output without touching a resource. */
function parametersOfOutputs(definition: StackDefinition): Json {
  const used = references(definition.template.Outputs as unknown as Json);
  return Object.entries(definition.parameters)
    .filter(([name]) => used.has(name))
    .map(([, parameter]) => parameter.value);
}
