import { isDeepStrictEqual } from "node:util";
import { Ajv, type ErrorObject } from "ajv";
import { type ConfigurationProblem, invalidConfiguration } from "./errors.ts";
import { FEATURE_FLAGS_SCHEMA } from "./feature-flags-schema.ts";

type Json = Record<string, unknown>;

export type FlatFlags = Record<string, { enabled: boolean; [attribute: string]: unknown }>;

const validateSchema = new Ajv({ allErrors: true, strict: false }).compile(FEATURE_FLAGS_SCHEMA);

/** Text recorded in aws/aws-sdk-java-v2#5465 for content that is not JSON; the other one is [inferred]. */
const MALFORMED = "Error invoking extension AppConfig Feature Flags Helper: Malformed 'Content' provided";
const INVALID = "Error invoking extension AppConfig Feature Flags Helper: Invalid 'Content' data";

/** Parses and checks a feature-flag document. Throws BadRequestException with every problem and its place. */
export function parseFlagDocument(content: Uint8Array): Json {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder().decode(content));
  } catch {
    throw invalidConfiguration(MALFORMED, [problem("JSON", "", "is not JSON")]);
  }
  if (!validateSchema(document)) {
    throw invalidConfiguration(INVALID, (validateSchema.errors ?? []).map(fromAjv));
  }
  const root = document as Json;
  const problems = Object.entries(objectAt(root, "values")).flatMap(([flag, value]) => {
    const attributes = objectAt(objectAt(objectAt(root, "flags"), flag), "attributes");
    return valueProblems(`values.${flag}`, attributes, value as Json);
  });
  if (problems.length > 0) throw invalidConfiguration(INVALID, problems);
  return root;
}

function problem(Constraint: string, Location: string, Reason: string, value?: unknown): ConfigurationProblem {
  const Value = value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);
  return { Constraint, Location, Reason, Type: "NotSatisfied", Value };
}

function fromAjv(error: ErrorObject): ConfigurationProblem {
  const { missingProperty, additionalProperty } = error.params as Record<string, string | undefined>;
  const path = error.instancePath.split("/").slice(1);
  if (missingProperty ?? additionalProperty) path.push(missingProperty ?? additionalProperty ?? "");
  return problem(error.keyword, path.join("."), error.message ?? "is not valid");
}

const objectAt = (parent: unknown, key: string): Json => {
  const value = (parent as Json | undefined)?.[key];
  return typeof value === "object" && value !== null ? (value as Json) : {};
};

/** A flag's values against its definition; a flag with variants has its values in each variant. */
function valueProblems(path: string, attributes: Json, value: Json): ConfigurationProblem[] {
  const variants = value._variants as { name: string; rule?: string; attributeValues?: Json }[] | undefined;
  if (!variants) return attributeProblems(path, attributes, ownAttributes(value));
  const problems: ConfigurationProblem[] = [];
  const names = variants.map((variant) => variant.name);
  for (const [i, variant] of variants.entries()) {
    const at = `${path}._variants.${i}`;
    if (names.indexOf(variant.name) !== i) {
      problems.push(problem("UniqueVariantNames", `${at}.name`, "is used by another variant", variant.name));
    }
    const isDefault = i === variants.length - 1;
    if (isDefault && variant.rule) {
      problems.push(problem("Empty", `${at}.rule`, "the last variant is the default and has no rule", variant.rule));
    }
    if (!isDefault && !variant.rule) {
      problems.push(problem("NonEmpty", `${at}.rule`, "every variant but the last needs a rule"));
    }
    problems.push(...attributeProblems(`${at}.attributeValues`, attributes, variant.attributeValues ?? {}));
  }
  return problems;
}

const ownAttributes = (value: Json): Json =>
  Object.fromEntries(Object.entries(value).filter(([key]) => key !== "enabled" && !key.startsWith("_")));

function attributeProblems(path: string, definitions: Json, values: Json): ConfigurationProblem[] {
  const problems = Object.entries(values)
    .filter(([key]) => definitions[key] === undefined)
    .map(([key, value]) => problem("DefinedAttribute", `${path}.${key}`, "has no definition", value));
  for (const [key, definition] of Object.entries(definitions)) {
    const constraint = objectAt(definition, "constraints");
    const value = values[key];
    if (value === undefined) {
      if (constraint.required === true) problems.push(problem("Required", `${path}.${key}`, "is required"));
      continue;
    }
    const reason = constraint.type === undefined ? undefined : constraintProblem(constraint, value);
    if (reason) problems.push(problem("AttributeConstraint", `${path}.${key}`, reason, value));
  }
  return problems;
}

function constraintProblem(constraint: Json, value: unknown): string | undefined {
  const { type, pattern, minimum, maximum, elements } = constraint;
  if (type === "array") {
    if (!Array.isArray(value)) return "must be an array";
    return value.map((item) => elements && constraintProblem(elements as Json, item)).find(Boolean) as
      | string
      | undefined;
  }
  if (typeof value !== type) return `must be a ${type}`;
  const allowed = constraint.enum as unknown[] | undefined;
  if (allowed && !allowed.includes(value)) return `must be one of ${allowed.join(", ")}`;
  if (typeof pattern === "string" && !new RegExp(pattern).test(String(value))) return `must match ${pattern}`;
  if (typeof minimum === "number" && Number(value) < minimum) return `must be at least ${minimum}`;
  if (typeof maximum === "number" && Number(value) > maximum) return `must be at most ${maximum}`;
  return undefined;
}

/**
 * What is stored: every definition and value with the time of its creation and of its last change. Those of the version
 * before are kept where nothing changed. (Seen in stored documents; rule from a public emulator calibrated on AWS.)
 */
export function storedForm(content: Uint8Array, previous: Uint8Array | undefined, now: Date): Uint8Array {
  const root = parseFlagDocument(content);
  const before = previous ? (JSON.parse(new TextDecoder().decode(previous)) as Json) : {};
  const stamp = now.toISOString();
  for (const section of ["flags", "values"]) {
    if (root[section] === undefined) continue;
    root[section] = Object.fromEntries(
      Object.entries(objectAt(root, section)).map(([key, entry]) => [
        key,
        stamped(entry as Json, objectAt(before, section)[key] as Json | undefined, stamp),
      ]),
    );
  }
  return new TextEncoder().encode(JSON.stringify(root));
}

function stamped(entry: Json, before: Json | undefined, stamp: string): Json {
  const { _createdAt, _updatedAt: _, ...rest } = entry;
  const { _createdAt: createdBefore, _updatedAt: updatedBefore, ...restBefore } = before ?? {};
  const unchanged = before !== undefined && isDeepStrictEqual(rest, restBefore);
  return {
    ...rest,
    _createdAt: _createdAt ?? createdBefore ?? stamp,
    _updatedAt: unchanged ? (updatedBefore ?? stamp) : stamp,
  };
}

/**
 * What readers get: flag → enabled, and its attributes only while it is on (type reference, 2026). A flag with variants
 * is served as its default variant: variants are evaluated by the AppConfig Agent only. [inferred]
 */
export function flatForm(content: Uint8Array): FlatFlags {
  const root = JSON.parse(new TextDecoder().decode(content)) as Json;
  const flat: FlatFlags = {};
  for (const [flag, value] of Object.entries(objectAt(root, "values")) as [string, Json][]) {
    const chosen = (value._variants as Json[] | undefined)?.at(-1);
    const enabled = (chosen ?? value).enabled === true;
    const attributes = chosen ? objectAt(chosen, "attributeValues") : ownAttributes(value);
    flat[flag] = { enabled, ...(chosen ? { _variant: chosen.name } : {}), ...(enabled ? attributes : {}) };
  }
  return flat;
}
