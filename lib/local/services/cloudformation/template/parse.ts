import type { CollectionTag, ScalarTag } from "yaml";
import { Pair, parseDocument, Scalar, YAMLMap } from "yaml";
import { validationError } from "../errors.ts";
import { isObject, type Json, type JsonObject } from "./json.ts";

export interface ResourceDefinition {
  Type: string;
  Properties: JsonObject;
  DependsOn: string[];
  Condition?: string;
  DeletionPolicy?: DeletionPolicy;
  UpdateReplacePolicy?: DeletionPolicy;
  UpdatePolicy?: JsonObject;
  Metadata?: JsonObject;
}

export type DeletionPolicy = "Delete" | "Retain" | "RetainExceptOnCreate" | "Snapshot";

interface OutputDefinition {
  Value: Json;
  Description?: string;
  Condition?: string;
  Export?: { Name: Json };
}

export interface ParameterDefinition {
  Type: string;
  Default?: Json;
  Description?: string;
  NoEcho?: boolean | string;
  AllowedValues?: Json[];
  AllowedPattern?: string;
  ConstraintDescription?: string;
  MinLength?: number | string;
  MaxLength?: number | string;
  MinValue?: number | string;
  MaxValue?: number | string;
}

interface RuleDefinition {
  RuleCondition?: Json;
  Assertions: { Assert: Json; AssertDescription?: string }[];
}

export interface Template {
  Description?: string;
  Metadata: JsonObject;
  Parameters: Record<string, ParameterDefinition>;
  Mappings: Record<string, Record<string, Record<string, Json>>>;
  Conditions: JsonObject;
  Rules: Record<string, RuleDefinition>;
  Resources: Record<string, ResourceDefinition>;
  Outputs: Record<string, OutputDefinition>;
}

const SECTIONS = [
  "AWSTemplateFormatVersion",
  "Description",
  "Metadata",
  "Parameters",
  "Mappings",
  "Conditions",
  "Rules",
  "Resources",
  "Outputs",
  "Transform",
];

const RESOURCE_ATTRIBUTES = [
  "Type",
  "Properties",
  "DependsOn",
  "Condition",
  "DeletionPolicy",
  "UpdateReplacePolicy",
  "UpdatePolicy",
  "CreationPolicy",
  "Metadata",
];

const SHORT_FORMS = [
  "Base64",
  "Cidr",
  "FindInMap",
  "GetAtt",
  "GetAZs",
  "If",
  "ImportValue",
  "Join",
  "Select",
  "Split",
  "Sub",
  "And",
  "Equals",
  "Not",
  "Or",
  "Length",
  "ToJsonString",
  "Transform",
  "Ref",
  "Condition",
];

/** `!Sub x` means `{ "Fn::Sub": x }`; Ref and Condition have no prefix, and `!GetAtt a.b` is a list of two. */
function shortFormTags(): (ScalarTag | CollectionTag)[] {
  const wrap = (name: string) => (node: unknown) => {
    const map = new YAMLMap();
    map.items.push(new Pair(new Scalar(name), node));
    return map;
  };
  const forms = SHORT_FORMS.map(
    (name) => [name, name === "Ref" || name === "Condition" ? name : `Fn::${name}`] as const,
  );
  return forms.flatMap(([short, long]): (ScalarTag | CollectionTag)[] => [
    { tag: `!${short}`, resolve: (text: string) => ({ [long]: short === "GetAtt" ? splitAttribute(text) : text }) },
    { tag: `!${short}`, collection: "seq", resolve: wrap(long) },
    { tag: `!${short}`, collection: "map", resolve: wrap(long) },
  ]);
}

function splitAttribute(text: string): string[] {
  const dot = text.indexOf(".");
  return dot === -1 ? [text] : [text.slice(0, dot), text.slice(dot + 1)];
}

/** Parses a JSON or YAML template; throws CloudFormation's ValidationError for what is not one. */
export function parseTemplate(body: string): Template {
  const raw = parseBody(body);
  if (!isObject(raw)) throw validationError("Template format error: unsupported structure.");
  const unknown = Object.keys(raw).filter((section) => !SECTIONS.includes(section));
  if (unknown.length > 0) {
    throw validationError(`Invalid template property or properties [${unknown.join(", ")}]`);
  }
  if (raw.Transform !== undefined) {
    throw validationError(`The local AWS does not run transforms: ${JSON.stringify(raw.Transform)}`);
  }
  const resources = raw.Resources;
  if (resources === undefined || (isObject(resources) && Object.keys(resources).length === 0)) {
    throw validationError("Template format error: At least one Resources member must be defined.");
  }
  if (!isObject(resources))
    throw validationError("Template format error: [/Resources] 'null' values are not allowed in templates");
  const section = <Item>(name: string) => (isObject(raw[name]) ? raw[name] : {}) as unknown as Record<string, Item>;
  return {
    Description: typeof raw.Description === "string" ? raw.Description : undefined,
    Metadata: section<Json>("Metadata"),
    Parameters: section<ParameterDefinition>("Parameters"),
    Mappings: section<Record<string, Record<string, Json>>>("Mappings"),
    Conditions: section<Json>("Conditions"),
    Rules: section<RuleDefinition>("Rules"),
    Outputs: section<OutputDefinition>("Outputs"),
    Resources: Object.fromEntries(
      Object.entries(resources).map(([logicalId, definition]) => [logicalId, parseResource(logicalId, definition)]),
    ),
  };
}

function parseBody(body: string): unknown {
  const text = body.trim();
  if (text.startsWith("{")) {
    try {
      return JSON.parse(text);
    } catch {
      // A flow-style YAML mapping also starts with a brace.
    }
  }
  const document = parseDocument(text, { customTags: shortFormTags(), schema: "core", merge: true });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem) {
    throw validationError(`Template format error: YAML not well-formed. ${problem.message.split("\n")[0]}`);
  }
  return document.toJS();
}

function parseResource(logicalId: string, definition: Json): ResourceDefinition {
  if (!isObject(definition)) throw validationError("Template format error: Any Resources member must be an object.");
  if (typeof definition.Type !== "string") {
    throw validationError(
      `Template format error: [/Resources/${logicalId}] Every Resources object must contain a Type member.`,
    );
  }
  if (!/^[A-Za-z0-9]+$/.test(logicalId)) {
    throw validationError(`Template format error: Resource name ${logicalId} is non alphanumeric.`);
  }
  const unknown = Object.keys(definition).filter((attribute) => !RESOURCE_ATTRIBUTES.includes(attribute));
  if (unknown.length > 0) {
    throw validationError(`Invalid template resource property '${unknown[0]}'`);
  }
  if (definition.CreationPolicy !== undefined) {
    throw validationError(`The local AWS does not implement CreationPolicy (resource ${logicalId}).`);
  }
  const dependsOn = definition.DependsOn ?? [];
  return {
    Type: definition.Type,
    Properties: isObject(definition.Properties) ? definition.Properties : {},
    DependsOn: (Array.isArray(dependsOn) ? dependsOn : [dependsOn]).map(String),
    Condition: definition.Condition as string | undefined,
    DeletionPolicy: definition.DeletionPolicy as DeletionPolicy | undefined,
    UpdateReplacePolicy: definition.UpdateReplacePolicy as DeletionPolicy | undefined,
    UpdatePolicy: isObject(definition.UpdatePolicy) ? definition.UpdatePolicy : undefined,
    Metadata: isObject(definition.Metadata) ? definition.Metadata : undefined,
  };
}
