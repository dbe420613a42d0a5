import { notImplemented } from "../../kernel/errors.ts";

/**
 * Event patterns of EventBridge, and the filter policies of SNS, which speak the same language. Reasons are the
 * service's own texts (SNS filter policy recordings, 2024-05) without the parser's position.
 */
export type EventPattern = { readonly [key: string]: unknown };

export class PatternError extends Error {}

type Json = Record<string, unknown>;

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Parses and checks a pattern. Throws PatternError, or 501 for `cidr`. */
export function parsePattern(text: string): EventPattern {
  let pattern: unknown;
  try {
    pattern = JSON.parse(text);
  } catch {
    throw new PatternError("Invalid JSON");
  }
  if (!isObject(pattern)) throw new PatternError("Filter is not an object");
  checkObject(pattern);
  return pattern;
}

function checkObject(pattern: Json): void {
  if (Object.keys(pattern).length === 0) throw new PatternError("Empty objects are not allowed");
  for (const [key, value] of Object.entries(pattern)) {
    if (key === "$or") checkAlternatives(value);
    else if (isObject(value)) checkObject(value);
    else if (!Array.isArray(value)) throw new PatternError(`"${key}" must be an object or an array`);
    else if (value.length === 0) throw new PatternError("Empty arrays are not allowed");
    else for (const rule of value) checkRule(rule);
  }
}

function checkAlternatives(value: unknown): void {
  if (!Array.isArray(value) || value.length < 2 || !value.every(isObject)) {
    throw new PatternError("$or must be an array of at least two objects");
  }
  for (const alternative of value) checkObject(alternative);
}

function checkRule(rule: unknown): void {
  if (Array.isArray(rule)) throw new PatternError("Match value must be String, number, true, false, or null");
  if (!isObject(rule)) return;
  const [entry, ...others] = Object.entries(rule);
  if (!entry) throw new PatternError("Only one key allowed in match expression");
  const [kind, operand] = entry;
  if (!OPERATORS.has(kind)) throw new PatternError(`Unrecognized match type ${kind}`);
  if (others.length > 0) throw new PatternError("Only one key allowed in match expression");
  switch (kind) {
    case "prefix":
    case "suffix":
      if (isObject(operand)) checkIgnoreCase(kind, operand);
      else requireString(kind, operand);
      return;
    case "wildcard":
    case "equals-ignore-case":
      requireString(kind, operand);
      return;
    case "exists":
      if (typeof operand !== "boolean") {
        throw new PatternError("exists match pattern must be either true or false.");
      }
      return;
    case "numeric":
      checkNumeric(operand);
      return;
    case "anything-but":
      checkAnythingBut(operand);
      return;
    default:
      throw notImplemented("eventbridge", "event pattern", kind);
  }
}

const OPERATORS = new Set([
  "prefix",
  "suffix",
  "equals-ignore-case",
  "wildcard",
  "anything-but",
  "numeric",
  "exists",
  "cidr",
]);

function requireString(kind: string, operand: unknown): void {
  if (typeof operand !== "string") throw new PatternError(`${kind} match pattern must be a string`);
}

function checkIgnoreCase(kind: string, operand: Json): void {
  const keys = Object.keys(operand);
  if (keys.length !== 1 || keys[0] !== "equals-ignore-case") {
    throw new PatternError(`Unsupported anything-but pattern: ${keys[0]}`);
  }
  requireString(kind, operand["equals-ignore-case"]);
}

function checkAnythingBut(operand: unknown): void {
  if (Array.isArray(operand)) {
    const kinds = new Set(operand.map((value) => typeof value));
    if (operand.length === 0 || kinds.size !== 1 || !(kinds.has("string") || kinds.has("number"))) {
      throw new PatternError(
        "Inside anything but list, either all values are number or string, mixed type is not supported",
      );
    }
    return;
  }
  if (!isObject(operand)) {
    if (typeof operand !== "string" && typeof operand !== "number") {
      throw new PatternError("Value of anything-but must be an array or single string/number value.");
    }
    return;
  }
  const [entry, ...others] = Object.entries(operand);
  const kind = entry?.[0] ?? "";
  if (!entry || others.length > 0 || !["prefix", "suffix", "wildcard", "equals-ignore-case"].includes(kind)) {
    throw new PatternError(`Unsupported anything-but pattern: ${kind}`);
  }
  for (const value of asList(entry[1])) {
    if (typeof value !== "string" || (value === "" && kind !== "wildcard" && kind !== "equals-ignore-case")) {
      throw new PatternError(`${kind} match pattern must be a string`);
    }
  }
}

function checkNumeric(operand: unknown): void {
  const [operator, value, secondOperator, secondValue, ...rest] = Array.isArray(operand) ? operand : [];
  if (typeof operator !== "string") throw new PatternError(`Invalid member in numeric match: ${operator ?? "]"}`);
  if (!["=", "<", "<=", ">", ">="].includes(operator)) {
    throw new PatternError(`Unrecognized numeric range operator: ${operator}`);
  }
  if (typeof value !== "number") {
    throw new PatternError(`Value of ${operator === "=" ? "equals" : operator} must be numeric`);
  }
  if (secondOperator === undefined) return;
  if (operator === "=" || operator.startsWith("<")) throw new PatternError("Too many elements in numeric expression");
  if (typeof secondOperator !== "string") throw new PatternError(`Bad value in numeric range: ${secondOperator}`);
  if (secondOperator !== "<" && secondOperator !== "<=") {
    throw new PatternError(`Bad numeric range operator: ${secondOperator}`);
  }
  if (typeof secondValue !== "number") throw new PatternError(`Value of ${secondOperator} must be numeric`);
  if (rest.length > 0) throw new PatternError("Too many terms in numeric range expression");
  if (secondValue <= value) throw new PatternError("Bottom must be less than top");
}

/** True when every key of the pattern finds a matching value in the event. */
export function matchesPattern(pattern: EventPattern, event: unknown): boolean {
  if (Array.isArray(event)) return event.some((element) => matchesPattern(pattern, element));
  const fields: Json = isObject(event) ? event : {};
  return Object.entries(pattern).every(([key, expected]) => {
    if (key === "$or")
      return asList(expected).some((alternative) => matchesPattern(alternative as EventPattern, event));
    const value = fields[key];
    if (!Array.isArray(expected)) return matchesPattern(expected as EventPattern, value);
    return expected.some((rule) => ruleMatches(rule, value));
  });
}

function ruleMatches(rule: unknown, value: unknown): boolean {
  if (isObject(rule) && "exists" in rule) {
    const present = value !== undefined && !isObject(value);
    return rule.exists === present;
  }
  if (value === undefined || isObject(value)) return false;
  return asList(value).some((element) => leafMatches(rule, element));
}

function leafMatches(rule: unknown, value: unknown): boolean {
  if (!isObject(rule)) return rule === value;
  const [kind, operand] = Object.entries(rule)[0] as [string, unknown];
  switch (kind) {
    case "anything-but":
      return !excluded(operand, value);
    case "numeric":
      return typeof value === "number" && inRange(operand as (string | number)[], value);
    default:
      return typeof value === "string" && textMatches(kind, operand, value);
  }
}

function excluded(operand: unknown, value: unknown): boolean {
  if (!isObject(operand)) return asList(operand).includes(value);
  const [kind, texts] = Object.entries(operand)[0] as [string, unknown];
  return typeof value === "string" && asList(texts).some((text) => textMatches(kind, text, value));
}

function textMatches(kind: string, operand: unknown, value: string): boolean {
  if (isObject(operand)) {
    return textMatches(kind, String(operand["equals-ignore-case"]).toLowerCase(), value.toLowerCase());
  }
  const text = String(operand);
  switch (kind) {
    case "prefix":
      return value.startsWith(text);
    case "suffix":
      return value.endsWith(text);
    case "equals-ignore-case":
      return value.toLowerCase() === text.toLowerCase();
    case "wildcard":
      return wildcard(text).test(value);
    default:
      return false;
  }
}

/** `*` stands for any text, `\*` for a star, `\\` for a backslash. */
function wildcard(text: string): RegExp {
  const source = text.replace(/\\([*\\])|[.*+?^${}()|[\]\\]/g, (match, escaped: string | undefined) => {
    if (escaped !== undefined) return `\\${escaped}`;
    return match === "*" ? "[\\s\\S]*" : `\\${match}`;
  });
  return new RegExp(`^${source}$`);
}

function inRange(terms: (string | number)[], value: number): boolean {
  for (let index = 0; index < terms.length; index += 2) {
    const limit = Number(terms[index + 1]);
    const holds = {
      "=": value === limit,
      "<": value < limit,
      "<=": value <= limit,
      ">": value > limit,
      ">=": value >= limit,
    }[String(terms[index])];
    if (!holds) return false;
  }
  return true;
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [value];
}
