import type { Parameter } from "@aws-sdk/client-cloudformation";
import { validationError } from "../errors.ts";
import type { Json } from "./json.ts";
import type { ParameterDefinition, Template } from "./parse.ts";

/** A parameter as given, and the value that `Ref` yields (they differ for SSM parameters and lists). */
export interface ParameterValue {
  given: string;
  value: Json;
  /** The value behind `AWS::SSM::Parameter::Value<…>`. */
  resolved?: string;
  noEcho: boolean;
}

/**
 * Resolves a request's parameters against the template: previous values, defaults, constraints, SSM look-ups.
 * All missing and all unknown names are reported together, as AWS does.
 */
export async function resolveParameters(
  template: Template,
  given: readonly Parameter[],
  previous: Readonly<Record<string, ParameterValue>>,
  readSsmParameter: (name: string) => Promise<string | undefined>,
): Promise<Record<string, ParameterValue>> {
  const unknown = given.map((item) => item.ParameterKey ?? "").filter((key) => !(key in template.Parameters));
  if (unknown.length > 0) throw validationError(`Parameters: [${unknown.join(", ")}] do not exist in the template`);
  const texts = new Map<string, string>();
  const missing: string[] = [];
  for (const [name, definition] of Object.entries(template.Parameters)) {
    const item = given.find((candidate) => candidate.ParameterKey === name);
    const text = item?.UsePreviousValue ? previous[name]?.given : item?.ParameterValue;
    if (text !== undefined) texts.set(name, text);
    else if (definition.Default !== undefined) texts.set(name, String(definition.Default));
    else missing.push(name);
  }
  if (missing.length > 0) throw validationError(`Parameters: [${missing.join(", ")}] must have values`);
  const values: Record<string, ParameterValue> = {};
  for (const [name, text] of texts) {
    values[name] = await resolveOne(name, text, template.Parameters[name]!, readSsmParameter);
  }
  return values;
}

async function resolveOne(
  name: string,
  given: string,
  definition: ParameterDefinition,
  readSsmParameter: (name: string) => Promise<string | undefined>,
): Promise<ParameterValue> {
  checkConstraints(name, given, definition);
  const noEcho = String(definition.NoEcho) === "true";
  const ssmType = /^AWS::SSM::Parameter::Value<(.+)>$/.exec(definition.Type)?.[1];
  if (ssmType === undefined) return { given, value: typed(name, given, definition.Type), noEcho };
  const stored = await readSsmParameter(given);
  if (stored === undefined) {
    throw validationError(`Unable to fetch parameters [${given}] from parameter store for this account.`);
  }
  return { given, value: typed(name, stored, ssmType), resolved: stored, noEcho };
}

function typed(name: string, text: string, type: string): Json {
  if (type === "CommaDelimitedList" || type.startsWith("List<")) {
    const items = text === "" ? [] : text.split(",").map((item) => item.trim());
    if (type === "List<Number>" && items.some((item) => Number.isNaN(Number(item)))) {
      throw validationError(`Parameter '${name}' must be a list of numbers.`);
    }
    return items;
  }
  if (type === "Number" && (text === "" || Number.isNaN(Number(text)))) {
    throw validationError(`Parameter '${name}' must be a number.`);
  }
  return text;
}

function checkConstraints(name: string, text: string, definition: ParameterDefinition): void {
  const fail = (message: string) => validationError(definition.ConstraintDescription ?? message);
  if (definition.AllowedValues && !definition.AllowedValues.map(String).includes(text)) {
    throw fail(`Parameter '${name}' must be one of AllowedValues`);
  }
  if (definition.AllowedPattern !== undefined && !new RegExp(`^(?:${definition.AllowedPattern})$`).test(text)) {
    throw fail(`Parameter '${name}' must match pattern ${definition.AllowedPattern}`);
  }
  if (definition.MinLength !== undefined && text.length < Number(definition.MinLength)) {
    throw fail(`Parameter '${name}' must contain at least ${definition.MinLength} characters`);
  }
  if (definition.MaxLength !== undefined && text.length > Number(definition.MaxLength)) {
    throw fail(`Parameter '${name}' must contain at most ${definition.MaxLength} characters`);
  }
  if (definition.MinValue !== undefined && Number(text) < Number(definition.MinValue)) {
    throw fail(`Parameter '${name}' must be a number not less than ${definition.MinValue}`);
  }
  if (definition.MaxValue !== undefined && Number(text) > Number(definition.MaxValue)) {
    throw fail(`Parameter '${name}' must be a number not greater than ${definition.MaxValue}`);
  }
}
