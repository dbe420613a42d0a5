/** The syntax of CloudWatch metric math, as far as alarms and dashboards use it. */

export type BinaryOperator = "+" | "-" | "*" | "/" | "^" | "<" | "<=" | ">" | ">=" | "==" | "!=" | "AND" | "OR";

export type Expression =
  | { kind: "number"; value: number }
  | { kind: "text"; value: string }
  | { kind: "reference"; id: string }
  | { kind: "negate"; operand: Expression }
  | { kind: "binary"; operator: BinaryOperator; left: Expression; right: Expression }
  | { kind: "call"; name: string; args: Expression[] }
  | { kind: "list"; items: Expression[] };

/** What is wrong with an expression; callers add which expression it was. */
export class MetricMathError extends Error {}

interface Token {
  kind: "number" | "text" | "word" | "symbol" | "end";
  text: string;
}

const TOKEN =
  /\s*(?:(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)|"([^"]*)"|'([^']*)'|([A-Za-z_][A-Za-z0-9_]*)|(<=|>=|==|!=|&&|\|\||[-+*/^<>(),[\]]))/y;

function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (source.slice(TOKEN.lastIndex).trim() !== "") {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(source);
    if (!match) throw new MetricMathError(`Unexpected character at position ${at}: '${source.slice(at).trim()[0]}'`);
    const [, number, double, single, word, symbol] = match;
    if (number !== undefined) tokens.push({ kind: "number", text: number });
    else if (word !== undefined) tokens.push({ kind: "word", text: word });
    else if (symbol !== undefined) tokens.push({ kind: "symbol", text: symbol });
    else tokens.push({ kind: "text", text: double ?? single ?? "" });
  }
  tokens.push({ kind: "end", text: "end of expression" });
  return tokens;
}

/** Binding strength, weakest first; `^` and the sign bind tighter and are handled apart. */
const LEVELS: Record<string, BinaryOperator>[] = [
  { OR: "OR", "||": "OR" },
  { AND: "AND", "&&": "AND" },
  { "<": "<", "<=": "<=", ">": ">", ">=": ">=", "==": "==", "!=": "!=" },
  { "+": "+", "-": "-" },
  { "*": "*", "/": "/" },
];

class Parser {
  private readonly tokens: Token[];
  private position = 0;

  constructor(source: string) {
    this.tokens = tokenize(source);
  }

  parse(): Expression {
    const expression = this.binary(0);
    if (this.peek().kind !== "end") throw new MetricMathError(`Unexpected '${this.peek().text}'`);
    return expression;
  }

  private peek(): Token {
    return this.tokens[this.position] as Token;
  }

  private next(): Token {
    return this.tokens[this.position++] as Token;
  }

  private expect(symbol: string): void {
    const token = this.next();
    if (token.kind !== "symbol" || token.text !== symbol) {
      throw new MetricMathError(`Expected '${symbol}' but found '${token.text}'`);
    }
  }

  private binary(level: number): Expression {
    const operators = LEVELS[level];
    if (!operators) return this.unary();
    let left = this.binary(level + 1);
    for (;;) {
      const token = this.peek();
      const operator = token.kind === "symbol" || token.kind === "word" ? operators[token.text] : undefined;
      if (!operator) return left;
      this.next();
      left = { kind: "binary", operator, left, right: this.binary(level + 1) };
    }
  }

  private unary(): Expression {
    if (this.peek().kind === "symbol" && this.peek().text === "-") {
      this.next();
      return { kind: "negate", operand: this.unary() };
    }
    return this.power();
  }

  private power(): Expression {
    const base = this.primary();
    if (this.peek().kind !== "symbol" || this.peek().text !== "^") return base;
    this.next();
    return { kind: "binary", operator: "^", left: base, right: this.unary() };
  }

  private primary(): Expression {
    const token = this.next();
    if (token.kind === "number") return { kind: "number", value: Number(token.text) };
    if (token.kind === "text") return { kind: "text", value: token.text };
    if (token.kind === "word") {
      if (this.peek().kind === "symbol" && this.peek().text === "(") {
        return { kind: "call", name: token.text, args: this.list("(", ")") };
      }
      return { kind: "reference", id: token.text };
    }
    if (token.kind === "symbol" && token.text === "(") {
      const inner = this.binary(0);
      this.expect(")");
      return inner;
    }
    if (token.kind === "symbol" && token.text === "[") {
      this.position -= 1;
      return { kind: "list", items: this.list("[", "]") };
    }
    throw new MetricMathError(`Unexpected '${token.text}'`);
  }

  private list(open: string, close: string): Expression[] {
    this.expect(open);
    const items: Expression[] = [];
    if (this.peek().text === close && this.peek().kind === "symbol") {
      this.next();
      return items;
    }
    for (;;) {
      items.push(this.binary(0));
      const token = this.next();
      if (token.kind === "symbol" && token.text === close) return items;
      if (token.kind !== "symbol" || token.text !== ",") {
        throw new MetricMathError(`Expected ',' or '${close}' but found '${token.text}'`);
      }
    }
  }
}

/** Throws MetricMathError. */
export function parseExpression(source: string): Expression {
  return new Parser(source).parse();
}

/** Ids that an expression names; `METRICS()` is not expanded. */
export function referencedIds(expression: Expression): string[] {
  switch (expression.kind) {
    case "reference":
      return [expression.id];
    case "negate":
      return referencedIds(expression.operand);
    case "binary":
      return [...referencedIds(expression.left), ...referencedIds(expression.right)];
    case "call":
      return expression.args.flatMap((arg) => (isWord(arg, FILL_WORDS) ? [] : referencedIds(arg)));
    case "list":
      return expression.items.flatMap(referencedIds);
    default:
      return [];
  }
}

/** `FILL(m1, REPEAT)`: words that are not metric ids (ids start with a lower-case letter). */
export const FILL_WORDS = ["REPEAT", "LINEAR"] as const;

function isWord(expression: Expression, words: readonly string[]): boolean {
  return expression.kind === "reference" && words.includes(expression.id);
}
