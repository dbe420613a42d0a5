import { AwsError } from "../../../kernel/errors.ts";
import { isObject, type Json, type JsonObject, sameJson } from "../template/json.ts";
import type { ProviderContext, ResourceType } from "./resource-type.ts";

const NOT_FOUND = /NotFound|NoSuch|DoesNotExist|NonExistent|QueueDoesNotExist/;

/** Deleting what is gone already counts as deleted. */
export async function unlessGone(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof AwsError && NOT_FOUND.test(error.code))) throw error;
  }
}

/** The given properties that are present, under their own names: most APIs spell them as CloudFormation does. */
export function pick(properties: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(
    names.filter((name) => properties[name] !== undefined).map((name) => [name, properties[name]!]),
  );
}

/** `CanaryInterval` → `canaryInterval`, at every depth: the spelling of CodeDeploy's and CloudWatch Logs' APIs. */
export function lowerCamel(value: Json): Json {
  if (Array.isArray(value)) return value.map(lowerCamel);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key.charAt(0).toLowerCase() + key.slice(1), lowerCamel(inner)]),
  );
}

export const text = (value: Json | undefined) => (value === undefined ? undefined : String(value));

/** A policy document or similar, which the APIs want as JSON text. */
export const jsonText = (value: Json | undefined) =>
  value === undefined ? undefined : typeof value === "string" ? value : JSON.stringify(value);

type TagPair = { Key: string; Value: string };

/** CloudFormation's list of tags; some types (SSM, API Gateway) take a map. */
export function tagList(value: Json | undefined): TagPair[] {
  if (Array.isArray(value))
    return value.filter(isObject).map(({ Key, Value }) => ({ Key: String(Key), Value: String(Value) }));
  return isObject(value) ? Object.entries(value).map(([Key, Value]) => ({ Key, Value: String(Value) })) : [];
}

export const tagMap = (value: Json | undefined): Record<string, string> =>
  Object.fromEntries(tagList(value).map(({ Key, Value }) => [Key, Value]));

/** Which tags an update has to set and which to take away. */
function tagChanges(before: Json | undefined, after: Json | undefined): { set: TagPair[]; remove: string[] } {
  const old = tagMap(before);
  const wanted = tagList(after);
  return {
    set: wanted.filter(({ Key, Value }) => old[Key] !== Value),
    remove: Object.keys(old).filter((key) => !wanted.some(({ Key }) => Key === key)),
  };
}

/** Applies tag changes through a service's TagResource and UntagResource. */
export async function retag(
  before: Json | undefined,
  after: Json | undefined,
  calls: { set(tags: TagPair[]): Promise<unknown>; remove(keys: string[]): Promise<unknown> },
): Promise<void> {
  const { set, remove } = tagChanges(before, after);
  if (remove.length > 0) await calls.remove(remove);
  if (set.length > 0) await calls.set(set);
}

export const changed = (before: JsonObject, after: JsonObject, names: readonly string[]) =>
  names.some((name) => !sameJson(before[name], after[name]));

/**
 * A type whose state nothing in the local AWS reads: CloudFormation remembers its properties and gives it an id and
 * attributes, and that is all.
 */
export function recorded(options: {
  updatable?: readonly string[];
  createOnly?: readonly string[];
  nameProperty?: string;
  identify(
    properties: JsonObject,
    context: ProviderContext,
  ): { physicalId: string; ref?: Json; attributes?: JsonObject };
  attributes?(physicalId: string, properties: JsonObject, context: ProviderContext): JsonObject;
}): ResourceType {
  const attributes = (physicalId: string, properties: JsonObject, context: ProviderContext) =>
    options.attributes?.(physicalId, properties, context) ?? {};
  return {
    updatable: options.updatable ?? [],
    createOnly: options.createOnly ?? [],
    nameProperty: options.nameProperty,
    async create(properties, context) {
      const { physicalId, ref } = options.identify(properties, context);
      return { physicalId, ref, attributes: attributes(physicalId, properties, context) };
    },
    async update(existing, properties, context) {
      const { physicalId } = existing;
      return { physicalId, attributes: attributes(physicalId, properties, context) };
    },
    delete: async () => undefined,
  };
}
