import { validationError } from "../errors.ts";
import { isObject, type Json, type JsonObject } from "./json.ts";

/** What AWS shows in change sets for a value that is known only after the change (recorded 2025). */
export const KNOWN_AFTER_APPLY = "{{changeSet:KNOWN_AFTER_APPLY}}";

/** What an expression can see. Lookups throw for names that do not exist. */
export interface Scope {
  /** Parameters, pseudo parameters and resources. */
  ref(name: string): Json;
  attribute(logicalId: string, attribute: string): Json;
  condition(name: string): boolean;
  mapping(map: string, top: string, second: string): Json | undefined;
  importValue(name: string): Json;
  readonly region: string;
}

/** `Ref: AWS::NoValue`: removes the property or list item that holds it. */
const NO_VALUE = Symbol("AWS::NoValue");

type Evaluated = Json | typeof NO_VALUE;

/** Evaluates an expression; the result holds no intrinsic function. */
export function evaluate(expression: Json, scope: Scope): Json {
  const value = evaluateAny(expression, scope);
  return value === NO_VALUE ? null : value;
}

export function evaluateObject(expression: JsonObject, scope: Scope): JsonObject {
  const value = evaluate(expression, scope);
  return isObject(value) ? value : {};
}

function evaluateAny(expression: Json, scope: Scope): Evaluated {
  if (Array.isArray(expression)) {
    return expression.map((item) => evaluateAny(item, scope)).filter((item): item is Json => item !== NO_VALUE);
  }
  if (!isObject(expression)) return expression;
  const keys = Object.keys(expression);
  const only = keys.length === 1 ? keys[0]! : undefined;
  if (only !== undefined && (only === "Ref" || only === "Condition" || only.startsWith("Fn::"))) {
    // `Condition` is a function inside conditions only; elsewhere (IAM statements) it is an ordinary key.
    if (only !== "Condition" || typeof expression.Condition === "string") {
      return call(only, expression[only]!, scope);
    }
  }
  const entries: [string, Json][] = [];
  for (const key of keys) {
    const value = evaluateAny(expression[key]!, scope);
    if (value !== NO_VALUE) entries.push([key, value]);
  }
  return Object.fromEntries(entries);
}

function call(name: string, argument: Json, scope: Scope): Evaluated {
  const list = (minimum: number, maximum = minimum): Json[] => {
    if (!Array.isArray(argument) || argument.length < minimum || argument.length > maximum) {
      throw validationError(`Template error: ${name} object has invalid number of arguments or is not a list.`);
    }
    return argument;
  };
  const text = (value: Json) => String(evaluate(value, scope));
  const truth = (value: Json) => asBoolean(evaluate(value, scope), name);
  switch (name) {
    case "Ref":
      return argument === "AWS::NoValue" ? NO_VALUE : scope.ref(String(argument));
    case "Condition":
      return scope.condition(String(argument));
    case "Fn::GetAtt": {
      const [logicalId, ...path] = Array.isArray(argument) ? argument : String(argument).split(".");
      return scope.attribute(String(logicalId), path.map(text).join("."));
    }
    case "Fn::Sub":
      return substitute(argument, scope);
    case "Fn::Join": {
      const [separator, items] = list(2);
      return evaluatedList(items!, scope, name).map(String).join(text(separator!));
    }
    case "Fn::Select": {
      const [index, items] = list(2);
      const values = evaluatedList(items!, scope, name);
      const selected = values[Number(text(index!))];
      if (selected !== undefined) return selected;
      if (JSON.stringify(values).includes(KNOWN_AFTER_APPLY)) return KNOWN_AFTER_APPLY;
      throw validationError(`Template error: Fn::Select cannot select nonexistent value at index ${text(index!)}`);
    }
    case "Fn::Split": {
      const [separator, source] = list(2);
      return text(source!).split(text(separator!));
    }
    case "Fn::If": {
      const [condition, whenTrue, whenFalse] = list(3);
      return evaluateAny(scope.condition(String(condition)) ? whenTrue! : whenFalse!, scope);
    }
    case "Fn::Equals": {
      const [left, right] = list(2);
      return JSON.stringify(evaluate(left!, scope)) === JSON.stringify(evaluate(right!, scope));
    }
    case "Fn::And":
      return list(2, 10).every(truth);
    case "Fn::Or":
      return list(2, 10).some(truth);
    case "Fn::Not":
      return !truth(list(1)[0]!);
    case "Fn::Contains": {
      const [items, wanted] = list(2);
      return evaluatedList(items!, scope, name).map(String).includes(text(wanted!));
    }
    case "Fn::EachMemberIn": {
      const [items, allowed] = list(2).map((item) => evaluatedList(item, scope, name).map(String));
      return items!.every((item) => allowed!.includes(item));
    }
    case "Fn::FindInMap": {
      const [map, top, second, options] = list(3, 4);
      const found = scope.mapping(text(map!), text(top!), text(second!));
      if (found !== undefined) return found;
      if (isObject(options) && options.DefaultValue !== undefined) return evaluate(options.DefaultValue, scope);
      throw validationError(`Template error: Unable to get mapping for ${text(map!)}::${text(top!)}::${text(second!)}`);
    }
    case "Fn::ImportValue":
      return scope.importValue(text(argument));
    case "Fn::Base64":
      return Buffer.from(text(argument), "utf8").toString("base64");
    case "Fn::Length":
      return evaluatedList(argument, scope, name).length;
    case "Fn::ToJsonString":
      return JSON.stringify(evaluate(argument, scope));
    case "Fn::GetAZs":
      return ["a", "b", "c"].map((zone) => `${text(argument) || scope.region}${zone}`);
    default:
      throw validationError(`Template error: the local AWS does not implement ${name}`);
  }
}

function evaluatedList(expression: Json, scope: Scope, name: string): Json[] {
  const value = evaluate(expression, scope);
  if (Array.isArray(value)) return value;
  if (value === KNOWN_AFTER_APPLY) return [value];
  throw validationError(`Template error: ${name} requires a list`);
}

function substitute(argument: Json, scope: Scope): string {
  const [template, variables] = Array.isArray(argument) ? argument : [argument, {}];
  return String(template).replace(/\$\{(!?)([^}]*)\}/g, (_whole, literal: string, rawName: string) => {
    const name = rawName.trim();
    if (literal) return `\${${rawName}}`;
    if (isObject(variables) && name in variables) return String(evaluate(variables[name]!, scope));
    const dot = name.indexOf(".");
    return String(dot === -1 ? scope.ref(name) : scope.attribute(name.slice(0, dot), name.slice(dot + 1)));
  });
}

function asBoolean(value: Json, name: string): boolean {
  if (value === true || value === "true") return true;
  if (value === false || value === "false") return false;
  throw validationError(`Template error: every ${name} object requires boolean parameters`);
}

/** The resources and parameters that an expression names. */
export function references(expression: Json): Set<string> {
  const found = new Set<string>();
  const visit = (value: Json): void => {
    if (Array.isArray(value)) for (const item of value) visit(item);
    if (!isObject(value)) return;
    for (const [key, inner] of Object.entries(value)) {
      if (key === "Ref" && typeof inner === "string") found.add(inner);
      else if (key === "Fn::GetAtt") {
        const parts = Array.isArray(inner) ? inner : String(inner).split(".");
        found.add(String(parts[0]));
        parts.slice(1).forEach(visit);
      } else if (key === "Fn::Sub") {
        const [template, variables] = Array.isArray(inner) ? inner : [inner, {}];
        for (const [, name] of String(template).matchAll(/\$\{([^!}][^}]*)\}/g)) {
          const root = name!.trim().split(".")[0]!;
          if (!isObject(variables) || !(name!.trim() in variables)) found.add(root);
        }
        if (isObject(variables)) visit(variables);
      } else visit(inner);
    }
  };
  visit(expression);
  return found;
}
