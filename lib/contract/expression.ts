/**
 * The language of trigger expressions: `error_rate > 5% and not (p99_response_time < 1.5 * baseline)`. Numbers,
 * percentages, text in quotes, metrics, `baseline` (the baseline's value of the metric in the same comparison), + − × ÷,
 * comparisons, and / or / not, brackets. It is parsed to a tree; nothing is ever executed.
 */
export type Operand =
  | { kind: "number"; value: number }
  | { kind: "text"; value: string }
  | { kind: "metric"; name: string }
  | { kind: "baseline" }
  | { kind: "arithmetic"; operator: "+" | "-" | "*" | "/"; left: Operand; right: Operand };

export type Comparator = "<" | "<=" | ">" | ">=" | "==" | "!=";

export type Condition =
  | { kind: "comparison"; comparator: Comparator; left: Operand; right: Operand }
  | { kind: "and" | "or"; left: Condition; right: Condition }
  | { kind: "not"; of: Condition };

export type ParsedExpression =
  | { ok: true; condition: Condition }
  /** `position` is 1-based. */
  | { ok: false; position: number; message: string };

/**
 * Metrics that both versions have at every look: shares 0 to 1, milliseconds, counts; `service_status` is 'down' when no
 * request of the look succeeded, else 'up'.
 */
export const TRIGGER_METRICS = [
  "error_rate",
  "success_rate",
  "throttle_rate",
  "average_response_time",
  "p50_response_time",
  "p90_response_time",
  "p95_response_time",
  "p99_response_time",
  "request_count",
  "service_status",
] as const;

const MAX_LENGTH = 500;
const MAX_DEPTH = 20;
const WORDS = ["and", "or", "not", "baseline"];

interface Token {
  kind: "number" | "text" | "word" | "sign" | "end";
  text: string;
  position: number;
}

/** Why an expression is refused; thrown inside this file only. */
class Refusal extends Error {
  readonly position: number;
  constructor(position: number, message: string) {
    super(message);
    this.position = position;
  }
}

/** Never throws; the first problem is told with its position. */
export function parseExpression(text: string, metrics: readonly string[] = TRIGGER_METRICS): ParsedExpression {
  if (text.length > MAX_LENGTH) {
    return { ok: false, position: MAX_LENGTH + 1, message: `is longer than ${MAX_LENGTH} characters` };
  }
  try {
    return { ok: true, condition: new Parser(tokensOf(text), metrics).whole() };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, position: error.position, message: error.message };
    throw error;
  }
}

const TOKEN = /\s*(?:(\d+(?:\.\d+)?%?|\.\d+%?)|'([^']*)'|"([^"]*)"|([A-Za-z_][\w.]*)|(<=|>=|==|!=|[<>+\-*/()]))/y;

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (text.slice(at).trim() !== "") {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    const position = at + 1 + (text.slice(at).length - text.slice(at).trimStart().length);
    if (!match) throw new Refusal(position, unreadable(text.slice(position - 1)));
    const [whole, number, single, double, word, sign] = match;
    if (number !== undefined) tokens.push({ kind: "number", text: number, position });
    else if (word !== undefined) tokens.push({ kind: "word", text: word, position });
    else if (sign !== undefined) tokens.push({ kind: "sign", text: sign, position });
    else tokens.push({ kind: "text", text: single ?? double ?? "", position });
    at += whole.length;
  }
  tokens.push({ kind: "end", text: "the end", position: text.length + 1 });
  return tokens;
}

function unreadable(rest: string): string {
  if (rest.startsWith("=")) return '"=" does not compare: write ==';
  if (rest.startsWith("&")) return "write and for &&";
  if (rest.startsWith("|")) return "write or for ||";
  if (rest.startsWith("!")) return "write not for !";
  if (/^['"]/.test(rest)) return "the text has no closing quote";
  return `"${rest[0]}" has no meaning here`;
}

class Parser {
  private at = 0;
  private depth = 0;
  private readonly tokens: Token[];
  private readonly metrics: readonly string[];

  constructor(tokens: Token[], metrics: readonly string[]) {
    this.tokens = tokens;
    this.metrics = metrics;
  }

  whole(): Condition {
    const condition = this.either();
    if (this.next.kind !== "end") throw this.unexpected("and, or, or the end");
    return condition;
  }

  private get next(): Token {
    return this.tokens[this.at]!;
  }

  private takes(text: string): boolean {
    if (this.next.kind === "text" || this.next.kind === "end" || this.next.text.toLowerCase() !== text) return false;
    this.at++;
    return true;
  }

  private unexpected(wanted: string): Refusal {
    const { kind, text, position } = this.next;
    return new Refusal(position, `${kind === "end" ? "it ends" : `"${text}" stands`} where ${wanted} should be`);
  }

  private either(): Condition {
    let left = this.both();
    while (this.takes("or")) left = { kind: "or", left, right: this.both() };
    return left;
  }

  private both(): Condition {
    let left = this.single();
    while (this.takes("and")) left = { kind: "and", left, right: this.single() };
    return left;
  }

  private single(): Condition {
    if (++this.depth > MAX_DEPTH) throw new Refusal(this.next.position, `is nested more than ${MAX_DEPTH} deep`);
    try {
      if (this.takes("not")) return { kind: "not", of: this.single() };
      const before = this.at;
      if (this.takes("(") && this.opensCondition(before)) {
        const inner = this.either();
        if (!this.takes(")")) throw this.unexpected('")"');
        return inner;
      }
      this.at = before;
      return this.comparison();
    } finally {
      this.depth--;
    }
  }

  /** A bracket around a comparison, not around arithmetic: what follows its end is no operator of arithmetic. */
  private opensCondition(open: number): boolean {
    let level = 0;
    for (let i = open; i < this.tokens.length; i++) {
      const { kind, text } = this.tokens[i]!;
      if (kind === "sign" && text === "(") level++;
      if (kind === "sign" && text === ")" && --level === 0) {
        const inside = this.tokens.slice(open + 1, i);
        return inside.some((token) => token.kind === "sign" && /^[<>=!]/.test(token.text));
      }
    }
    return true;
  }

  private comparison(): Condition {
    const start = this.next.position;
    const left = this.sum();
    const { kind, text } = this.next;
    if (kind !== "sign" || !/^(<|<=|>|>=|==|!=)$/.test(text)) throw this.unexpected("a comparison such as > or ==");
    const comparator = text as Comparator;
    this.at++;
    const right = this.sum();
    const names = new Set([...metricsOf(left), ...metricsOf(right)]);
    if (names.size === 0) throw new Refusal(start, "compares no metric");
    if ((hasBaseline(left) || hasBaseline(right)) && names.size !== 1) {
      throw new Refusal(start, "baseline stands for one metric, and this comparison has several");
    }
    const texts = [left, right].filter((side) => side.kind === "text");
    if (texts.length > 0 && comparator !== "==" && comparator !== "!=") {
      throw new Refusal(start, "text is only equal (==) or not (!=)");
    }
    return { kind: "comparison", comparator, left, right };
  }

  private sum(): Operand {
    let left = this.product();
    for (;;) {
      const operator = this.takes("+") ? "+" : this.takes("-") ? "-" : undefined;
      if (!operator) return left;
      left = { kind: "arithmetic", operator, left, right: this.product() };
    }
  }

  private product(): Operand {
    let left = this.operand();
    for (;;) {
      const operator = this.takes("*") ? "*" : this.takes("/") ? "/" : undefined;
      if (!operator) return left;
      left = { kind: "arithmetic", operator, left, right: this.operand() };
    }
  }

  private operand(): Operand {
    const { kind, text, position } = this.next;
    if (this.takes("(")) {
      if (++this.depth > MAX_DEPTH) throw new Refusal(position, `is nested more than ${MAX_DEPTH} deep`);
      const inner = this.sum();
      this.depth--;
      if (!this.takes(")")) throw this.unexpected('")"');
      return inner;
    }
    if (kind === "number") {
      this.at++;
      return { kind: "number", value: Number.parseFloat(text) / (text.endsWith("%") ? 100 : 1) };
    }
    if (kind === "text") {
      this.at++;
      return { kind: "text", value: text };
    }
    if (kind !== "word") throw this.unexpected("a number, a metric or baseline");
    this.at++;
    if (text === "baseline") return { kind: "baseline" };
    if (this.metrics.includes(text)) return { kind: "metric", name: text };
    const near = nearest(text, [...this.metrics, ...WORDS]);
    throw new Refusal(
      position,
      `"${text}" is no metric that is available; ${near ? `did you mean ${near}?` : `there are ${this.metrics.join(", ")}`}`,
    );
  }
}

function metricsOf(operand: Operand): string[] {
  if (operand.kind === "metric") return [operand.name];
  return operand.kind === "arithmetic" ? [...metricsOf(operand.left), ...metricsOf(operand.right)] : [];
}

export function hasBaseline(operand: Operand): boolean {
  if (operand.kind === "baseline") return true;
  return operand.kind === "arithmetic" && (hasBaseline(operand.left) || hasBaseline(operand.right));
}

/** The name that shares most pairs of letters with what was written. */
function nearest(given: string, names: readonly string[]): string | undefined {
  const pairs = (word: string) =>
    new Set(Array.from({ length: Math.max(0, word.length - 1) }, (_, i) => word.slice(i, i + 2)));
  const wanted = pairs(given.toLowerCase());
  const scored = names
    .map((name) => {
      const own = pairs(name);
      return {
        name,
        score: (2 * [...own].filter((pair) => wanted.has(pair)).length) / Math.max(1, own.size + wanted.size),
      };
    })
    .sort((a, b) => b.score - a.score)[0];
  return scored && scored.score >= 0.5 ? scored.name : undefined;
}
