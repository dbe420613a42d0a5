import type { Tag } from "@aws-sdk/client-cloudformation";
import { AwsError } from "../../../kernel/errors.ts";
import type { Principal } from "../../../kernel/service.ts";
import type { ResourceRecord, Stack } from "../model.ts";
import type { ProviderContext, ResourceType } from "../providers/resource-type.ts";
import { tagList } from "../providers/shared.ts";
import { isObject, type Json, type JsonObject } from "../template/json.ts";
import type { Environment } from "./environment.ts";

/** One run of an operation over a stack: who acts, and what tells it to stop. */
export interface OperationRun {
  environment: Environment;
  stack: Stack;
  principal: Principal;
  signal: AbortSignal;
  rollback: boolean;
  /** Called when a resource begins to wait for virtual time. */
  onWaiting(): void;
}

export function resourceType(environment: Environment, type: string): ResourceType {
  const found = environment.types[type] ?? (type.startsWith("Custom::") ? environment.types["Custom::*"] : undefined);
  if (!found) throw new Error(`The local AWS does not implement the resource type ${type}`);
  return found;
}

export function providerContext(
  run: OperationRun,
  record: ResourceRecord,
  options: { updatePolicy?: JsonObject; undoesFailedUpdate?: boolean; onCreated?: (physicalId: string) => void } = {},
): ProviderContext {
  const { environment, stack, principal, signal } = run;
  const { world } = environment;
  return {
    world,
    stackId: stack.id,
    stackName: stack.name,
    logicalId: record.logicalId,
    principal,
    signal,
    rollback: run.rollback,
    undoesFailedUpdate: options.undoesFailedUpdate ?? false,
    updatePolicy: options.updatePolicy,
    call: (service, operation, input) => world.call(service, operation, input, principal),
    physicalName(maxLength, alphabet = "any") {
      const letters = alphabet === "lower" ? "abcdefghijklmnopqrstuvwxyz0123456789" : undefined;
      const suffix = world.random.text(12, letters ?? "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
      const prefix = `${stack.name}-${record.logicalId}`.slice(0, maxLength - suffix.length - 1);
      return `${alphabet === "lower" ? prefix.toLowerCase() : prefix}-${suffix}`;
    },
    created: (physicalId) => options.onCreated?.(physicalId),
    async waiting(work) {
      run.onWaiting();
      return await work;
    },
  };
}

/**
 * The properties with the stack's tags added, where the type has tags and the template does not set the same key
 * (CloudFormation user guide, resource tags, 2025: stack-level tags go to all resources that support them).
 */
export function withStackTags(type: ResourceType, properties: JsonObject, stackTags: readonly Tag[]): JsonObject {
  if (stackTags.length === 0 || !(type.updatable.includes("Tags") || type.createOnly.includes("Tags")))
    return properties;
  const own = properties.Tags;
  const keys = new Set(tagList(own).map(({ Key }) => Key));
  const added = stackTags.flatMap(({ Key = "", Value = "" }) => (keys.has(Key) ? [] : [{ Key, Value }]));
  if (added.length === 0) return properties;
  const Tags = isObject(own)
    ? { ...own, ...Object.fromEntries(added.map(({ Key, Value }) => [Key, Value])) }
    : [...(Array.isArray(own) ? own : []), ...added];
  return { ...properties, Tags };
}

/** Replaces `{{resolve:ssm:name[:version]}}`; other dynamic references are refused by name. */
export async function resolveDynamicReferences(run: OperationRun, properties: JsonObject): Promise<JsonObject> {
  const resolve = async (value: Json): Promise<Json> => {
    if (Array.isArray(value)) return Promise.all(value.map(resolve));
    if (isObject(value)) {
      const entries = await Promise.all(
        Object.entries(value).map(async ([key, inner]) => [key, await resolve(inner)] as const),
      );
      return Object.fromEntries(entries);
    }
    if (typeof value !== "string" || !value.includes("{{resolve:")) return value;
    let text = value;
    for (const [reference, service, rest] of value.matchAll(/\{\{resolve:([^:}]+):([^}]+)\}\}/g)) {
      if (service !== "ssm") throw new Error(`The local AWS does not implement the dynamic reference ${reference}`);
      text = text.replace(reference, await readSsmReference(run, rest!, reference));
    }
    return text;
  };
  return (await resolve(properties)) as JsonObject;
}

async function readSsmReference(run: OperationRun, name: string, reference: string): Promise<string> {
  try {
    const input = { Name: name, WithDecryption: false };
    const { Parameter } = await run.environment.world.call<{ Parameter?: { Value?: string } }>(
      "ssm",
      "GetParameter",
      input,
      run.principal,
    );
    return Parameter?.Value ?? "";
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    throw new Error(`Unable to resolve ${reference}: ${error.message || error.code}`);
  }
}
