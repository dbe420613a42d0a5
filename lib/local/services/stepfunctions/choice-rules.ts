import { lookUp, type Scope, valueAt } from "./paths.ts";

/** A rule of a Choice state; `path` comparisons take their right side from the data. */
export type Condition =
  | { kind: "and"; of: readonly Condition[] }
  | { kind: "or"; of: readonly Condition[] }
  | { kind: "not"; of: Condition }
  | { kind: "test"; variable: string; operator: string; operand: unknown; operandIsPath: boolean };

type Values<T> = (left: T, right: T) => boolean;
const ORDER: Record<string, Values<number | string>> = {
  Equals: (left, right) => left === right,
  LessThan: (left, right) => left < right,
  LessThanEquals: (left, right) => left <= right,
  GreaterThan: (left, right) => left > right,
  GreaterThanEquals: (left, right) => left >= right,
};

const isTimestamp = (value: unknown): value is string =>
  typeof value === "string" &&
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(value) &&
  !Number.isNaN(Date.parse(value));

/** What comparisons of each type compare; undefined where a value is not of the type: then they are false. */
const COMPARABLE: Record<string, (value: unknown) => number | string | undefined> = {
  String: (value) => (typeof value === "string" ? value : undefined),
  Numeric: (value) => (typeof value === "number" ? value : undefined),
  Boolean: (value) => (typeof value === "boolean" ? Number(value) : undefined),
  Timestamp: (value) => (isTimestamp(value) ? Date.parse(value) : undefined),
};

const TYPE_TESTS: Record<string, (value: unknown) => boolean> = {
  IsNull: (value) => value === null,
  IsString: (value) => typeof value === "string",
  IsNumeric: (value) => typeof value === "number",
  IsBoolean: (value) => typeof value === "boolean",
  IsTimestamp: isTimestamp,
};

const COMPARISON = /^(String|Numeric|Boolean|Timestamp)((?:Less|Greater)Than(?:Equals)?|Equals)(Path)?$/;

/** Whether the operator is known, and whether its operand is a path; undefined when it is not. */
export function readOperator(operator: string): { isPath: boolean } | undefined {
  if (operator === "IsPresent" || operator === "StringMatches" || Object.hasOwn(TYPE_TESTS, operator))
    return { isPath: false };
  const match = COMPARISON.exec(operator);
  if (!match || (match[1] === "Boolean" && match[2] !== "Equals")) return undefined;
  return { isPath: match[3] !== undefined };
}

/** Throws PathMissing when a variable is missing, unless the rule asks whether it is there. */
export function holds(condition: Condition, scope: Scope): boolean {
  if (condition.kind === "and") return condition.of.every((one) => holds(one, scope));
  if (condition.kind === "or") return condition.of.some((one) => holds(one, scope));
  if (condition.kind === "not") return !holds(condition.of, scope);
  const { variable, operator } = condition;
  if (operator === "IsPresent") return (lookUp(variable, scope) !== undefined) === condition.operand;
  const left = valueAt(variable, scope);
  const right = condition.operandIsPath ? valueAt(String(condition.operand), scope) : condition.operand;
  const typeTest = TYPE_TESTS[operator];
  if (typeTest) return typeTest(left) === right;
  if (operator === "StringMatches") return typeof left === "string" && matches(left, String(right));
  const [, type = "", order = ""] = COMPARISON.exec(operator) ?? [];
  const [a, b] = [COMPARABLE[type]?.(left), COMPARABLE[type]?.(right)];
  return a !== undefined && b !== undefined && ORDER[order]?.(a, b) === true;
}

/** `*` stands for any text; `\*` and `\\` for themselves. */
function matches(text: string, pattern: string): boolean {
  const source = pattern.replace(/\\[*\\]|[\s\S]/g, (part) => {
    if (part === "*") return "[\\s\\S]*";
    return (part.length === 2 ? part.slice(1) : part).replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
  });
  return new RegExp(`^${source}$`).test(text);
}
