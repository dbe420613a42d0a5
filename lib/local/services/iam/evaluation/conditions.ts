import { matchesArn, matchesText } from "./pattern.ts";
import { type Condition, NotEvaluable } from "./policy.ts";

/** The value or values of a condition key in a request; undefined when it has none. Throws NotEvaluable for keys it does not know. */
export type ContextKeys = (key: string) => string | readonly string[] | undefined;

type Comparison = (wanted: string, given: string) => boolean;

const numeric =
  (compare: (a: number, b: number) => boolean): Comparison =>
  (wanted, given) =>
    compare(Number(given), Number(wanted));
const dated =
  (compare: (a: number, b: number) => boolean): Comparison =>
  (wanted, given) =>
    compare(instant(given), instant(wanted));
/** ISO 8601 or seconds since the epoch. */
const instant = (text: string) => (/^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text));
const equalsIgnoringCase: Comparison = (wanted, given) => wanted.toLowerCase() === given.toLowerCase();

/** Operators by name; `negated` ones hold when no wanted value matches (IAM user guide, "Condition operators", 2025). */
const OPERATORS: Record<string, { compare: Comparison; negated?: true }> = {
  StringEquals: { compare: (wanted, given) => wanted === given },
  StringNotEquals: { compare: (wanted, given) => wanted === given, negated: true },
  StringEqualsIgnoreCase: { compare: equalsIgnoringCase },
  StringNotEqualsIgnoreCase: { compare: equalsIgnoringCase, negated: true },
  StringLike: { compare: matchesText },
  StringNotLike: { compare: matchesText, negated: true },
  ArnEquals: { compare: matchesArn },
  ArnLike: { compare: matchesArn },
  ArnNotEquals: { compare: matchesArn, negated: true },
  ArnNotLike: { compare: matchesArn, negated: true },
  Bool: { compare: equalsIgnoringCase },
  NumericEquals: { compare: numeric((a, b) => a === b) },
  NumericNotEquals: { compare: numeric((a, b) => a === b), negated: true },
  NumericLessThan: { compare: numeric((a, b) => a < b) },
  NumericLessThanEquals: { compare: numeric((a, b) => a <= b) },
  NumericGreaterThan: { compare: numeric((a, b) => a > b) },
  NumericGreaterThanEquals: { compare: numeric((a, b) => a >= b) },
  DateEquals: { compare: dated((a, b) => a === b) },
  DateNotEquals: { compare: dated((a, b) => a === b), negated: true },
  DateLessThan: { compare: dated((a, b) => a < b) },
  DateLessThanEquals: { compare: dated((a, b) => a <= b) },
  DateGreaterThan: { compare: dated((a, b) => a > b) },
  DateGreaterThanEquals: { compare: dated((a, b) => a >= b) },
};

/** Whether a request meets every condition. Throws NotEvaluable for an operator, key or variable that is not known. */
export function meetsConditions(conditions: readonly Condition[], keys: ContextKeys): boolean {
  // All are looked at: one that is not known must not hide behind one that is not met.
  return conditions.map((condition) => meets(condition, keys)).every(Boolean);
}

function meets({ operator, key, values }: Condition, keys: ContextKeys): boolean {
  const [, quantifier, name = "", ifExists] =
    /^(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?$/.exec(operator) ?? [];
  const given = keys(key);
  if (name === "Null") return values.some((wanted) => (wanted.toLowerCase() === "true") === (given === undefined));
  const found = Object.hasOwn(OPERATORS, name) ? OPERATORS[name] : undefined;
  if (!found) throw new NotEvaluable(`the condition operator ${operator}`);
  const { compare, negated = false } = found;
  // A key that the request lacks fails a condition, unless that asks for difference or goes by IfExists.
  if (given === undefined) return quantifier === "ForAllValues" || ifExists !== undefined || (negated && !quantifier);
  const wanted = values.map((value) => substitute(value, keys));
  if (wanted.includes(undefined)) return negated;
  const holds = (one: string) => wanted.some((value) => compare(value ?? "", one)) !== negated;
  const all = [given].flat();
  if (quantifier === "ForAnyValue") return all.some(holds);
  return all.every(holds);
}

/**
 * Replaces `${aws:username}` and the like by the request's value, with `${*}`, `${?}` and `${$}` for the characters
 * themselves. Undefined when the request lacks the key: a statement with it then does not match.
 */
export function substitute(text: string, keys: ContextKeys): string | undefined {
  if (!text.includes("${")) return text;
  let missing = false;
  const replaced = text.replace(/\$\{([^}]+)\}/g, (whole, name: string) => {
    if (name === "$") return name;
    // These mean the characters themselves; taking them for wildcards would say more than the policy does.
    if (name === "*" || name === "?") throw new NotEvaluable(`the policy variable ${whole}`);
    const value = keys(name.split(",")[0]?.trim() ?? "");
    if (value === undefined) missing = true;
    return typeof value === "string" ? value : "";
  });
  return missing ? undefined : replaced;
}
