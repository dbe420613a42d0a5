import { parse } from "yaml";

/** What an AppSpec of the Lambda platform says (CodeDeploy user guide, "AppSpec file structure", 2023). */
export interface AppSpec {
  functionName: string;
  alias: string;
  currentVersion: string;
  targetVersion: string;
  /** Hook event → function name or ARN. */
  hooks: Record<string, string>;
}

export type ParsedAppSpec = { ok: true; appSpec: AppSpec } | { ok: false; problems: string[] };

/**
 * Parses YAML or JSON, keys in Pascal case or lower case (the guide prints both). Lists all problems at once; never
 * throws.
 */
export function parseAppSpec(content: string): ParsedAppSpec {
  let document: unknown;
  try {
    document = content.trimStart().startsWith("{") ? JSON.parse(content) : parse(content);
  } catch (error) {
    return { ok: false, problems: [`is neither JSON nor YAML: ${firstLine(error)}`] };
  }
  if (!isObject(document)) return { ok: false, problems: ["is not a document with Resources"] };
  const problems: string[] = [];
  const properties = readTarget(document, problems);
  const hooks = readHooks(document, problems);
  const text = (name: string) => readText(properties, name, problems);
  const version = (name: string) => readVersion(properties, name, problems);
  const appSpec: AppSpec = {
    functionName: text("Name"),
    alias: text("Alias"),
    currentVersion: version("CurrentVersion"),
    targetVersion: version("TargetVersion"),
    hooks,
  };
  return problems.length > 0 ? { ok: false, problems: [...new Set(problems)] } : { ok: true, appSpec };
}

/** Function name out of a name, a partial or a full ARN, with or without qualifier. */
export function plainFunctionName(nameOrArn: string): string {
  return /(?:^|:)function:([^:]+)/.exec(nameOrArn)?.[1] ?? nameOrArn.split(":")[0]!;
}

function readTarget(document: Record<string, unknown>, problems: string[]): Record<string, unknown> | undefined {
  const resources = field(document, "Resources");
  if (!Array.isArray(resources) || resources.length !== 1 || !isObject(resources[0])) {
    problems.push("Resources must be a list of exactly one function");
    return undefined;
  }
  const [resource] = Object.values(resources[0]);
  if (!isObject(resource)) {
    problems.push("Resources[0] must hold one named resource");
    return undefined;
  }
  const type = field(resource, "Type");
  if (type !== "AWS::Lambda::Function") {
    problems.push(`Resources[0] has type ${JSON.stringify(type)}; only AWS::Lambda::Function is handled`);
  }
  const properties = field(resource, "Properties");
  if (isObject(properties)) return properties;
  problems.push("Resources[0] has no Properties");
  return undefined;
}

function readText(properties: Record<string, unknown> | undefined, name: string, problems: string[]): string {
  const value = properties && field(properties, name);
  if (typeof value === "string" && value !== "") return name === "Name" ? plainFunctionName(value) : value;
  if (properties) problems.push(`Properties.${name} must be a text`);
  return "";
}

/** YAML turns an unquoted `3` into a number. */
function readVersion(properties: Record<string, unknown> | undefined, name: string, problems: string[]): string {
  const value = properties && field(properties, name);
  const text = typeof value === "number" ? String(value) : value;
  if (typeof text === "string" && /^[1-9]\d*$/.test(text)) return text;
  if (properties)
    problems.push(`Properties.${name} must be a version number, not ${JSON.stringify(value) ?? "missing"}`);
  return "";
}

function readHooks(document: Record<string, unknown>, problems: string[]): Record<string, string> {
  const list = field(document, "Hooks");
  if (list === undefined || list === null) return {};
  if (!Array.isArray(list)) {
    problems.push("Hooks must be a list of single entries, event: function");
    return {};
  }
  const hooks: Record<string, string> = {};
  for (const [i, entry] of list.entries()) {
    const pairs = isObject(entry) ? Object.entries(entry) : [];
    const [event, target] = pairs[0] ?? [];
    if (pairs.length === 1 && event !== undefined && typeof target === "string") hooks[event] = target;
    else problems.push(`Hooks[${i}] must be one entry, event: function`);
  }
  return hooks;
}

/** A field by its Pascal-case name, whatever case the document uses. */
function field(object: Record<string, unknown>, name: string): unknown {
  const key = Object.keys(object).find((candidate) => candidate.toLowerCase() === name.toLowerCase());
  return key === undefined ? undefined : object[key];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const firstLine = (error: unknown) => String((error as Error).message).split("\n")[0];
