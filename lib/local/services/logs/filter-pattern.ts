import { notImplemented } from "../../kernel/errors.ts";
import { invalid } from "./store.ts";

type Matches = (message: string) => boolean;

/**
 * Compiles a filter pattern: terms (all must occur), `"quoted phrases"`, `?optional` terms (one must occur), `-excluded`
 * terms, and JSON patterns made of comparisons joined by `&&` or by `||` (Logs user guide, filter pattern syntax).
 * Space-delimited and regular-expression patterns are not implemented.
 */
export function compileFilterPattern(pattern: string | undefined): Matches {
  const text = pattern?.trim() ?? "";
  if (text === "") return () => true;
  if (text.startsWith("{")) return compileJson(text);
  if (text.startsWith("[") || text.includes("%")) {
    throw notImplemented("cloudwatch-logs", "FilterLogEvents", `the filter pattern ${text}`);
  }
  return compileTerms(text);
}

function compileTerms(text: string): Matches {
  const all: string[] = [];
  const some: string[] = [];
  const none: string[] = [];
  for (const [, mark = "", quoted, bare] of text.matchAll(/([?-]?)(?:"([^"]*)"|(\S+))/g)) {
    const term = quoted ?? bare ?? "";
    (mark === "?" ? some : mark === "-" ? none : all).push(term);
  }
  return (message) => {
    if (none.some((term) => message.includes(term))) return false;
    // Beside terms that must all occur, optional terms are ignored (user guide).
    if (all.length > 0) return all.every((term) => message.includes(term));
    return some.length === 0 || some.some((term) => message.includes(term));
  };
}

function compileJson(text: string): Matches {
  if (!text.endsWith("}")) throw invalid("Invalid filter pattern");
  const body = text.slice(1, -1).trim();
  const joiner = body.includes("||") ? "||" : "&&";
  if ((body.includes("&&") && body.includes("||")) || /[()]/.test(body.replace(/"[^"]*"/g, ""))) {
    throw notImplemented("cloudwatch-logs", "FilterLogEvents", `the filter pattern ${text}`);
  }
  const conditions = body.split(joiner).map((part) => compileComparison(part.trim()));
  return (message) => {
    let value: unknown;
    try {
      value = JSON.parse(message);
    } catch {
      return false;
    }
    return joiner === "||" ? conditions.some((holds) => holds(value)) : conditions.every((holds) => holds(value));
  };
}

const COMPARISON =
  /^\$((?:\.[A-Za-z0-9_-]+|\[\d+\]|\["[^"]+"\])+)\s*(=|!=|<=|>=|<|>|IS|NOT)\s*("(?:[^"]*)"|[^\s"]+(?:\s+EXISTS)?)$/;

function compileComparison(text: string): (value: unknown) => boolean {
  const match = COMPARISON.exec(text);
  if (!match) throw invalid("Invalid filter pattern");
  const [, path = "", operator = "", operand = ""] = match;
  const keys = [...path.matchAll(/\.([A-Za-z0-9_-]+)|\[(\d+)\]|\["([^"]+)"\]/g)].map(
    ([, name, index, quoted]) => name ?? index ?? quoted ?? "",
  );
  const select = (value: unknown) =>
    keys.reduce<unknown>((found, key) => (found as Record<string, unknown> | undefined)?.[key] ?? undefined, value);
  if (operator === "NOT") return (value) => select(value) === undefined;
  if (operator === "IS") {
    const expected = { TRUE: true, FALSE: false, NULL: undefined }[operand];
    return (value) => select(value) === expected;
  }
  return (value) => compare(select(value), operator, operand);
}

function compare(found: unknown, operator: string, operand: string): boolean {
  if (found === undefined || found === null) return false;
  const quoted = /^"(.*)"$/.exec(operand)?.[1];
  const number = Number(operand);
  if (quoted === undefined && !Number.isNaN(number)) {
    const actual = typeof found === "number" ? found : Number.NaN;
    switch (operator) {
      case "=":
        return actual === number;
      case "!=":
        return actual !== number;
      case "<":
        return actual < number;
      case "<=":
        return actual <= number;
      case ">":
        return actual > number;
      default:
        return actual >= number;
    }
  }
  const parts = (quoted ?? operand).split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  const equal = new RegExp(`^${parts.join(".*")}$`, "s").test(String(found));
  if (operator === "=") return equal;
  if (operator === "!=") return !equal;
  throw invalid("Invalid filter pattern");
}
