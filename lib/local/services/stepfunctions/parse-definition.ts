import { type Condition, readOperator } from "./choice-rules.ts";
import type { Catcher, Definition, Retrier, State } from "./definition.ts";
import { DefinitionChecks, type Fields, isObject } from "./definition-checks.ts";
import { invalidDefinition } from "./errors.ts";

/** Every field that is understood, by state type; any other is refused by name. */
const COMMON = ["Type", "Comment", "InputPath", "OutputPath"];
const FIELDS: Record<string, readonly string[]> = {
  Task: ["Resource", "Parameters", "ResultSelector", "ResultPath", "TimeoutSeconds", "Retry", "Catch", "Next", "End"],
  Pass: ["Result", "Parameters", "ResultPath", "Next", "End"],
  Wait: ["Seconds", "SecondsPath", "Timestamp", "TimestampPath", "Next", "End"],
  Choice: ["Choices", "Default"],
  Succeed: [],
  Fail: ["Error", "Cause"],
};

/** The optimised integration with Lambda, request and response (Step Functions guide, "Invoke Lambda", 2026). */
const LAMBDA_INVOKE = /^arn:aws[a-z-]*:states:::lambda:invoke$/;
const INVOKE_PARAMETERS = ["FunctionName", "FunctionName.$", "Payload", "Payload.$", "Qualifier", "Qualifier.$"];

/** Largest definition, characters (service model, 2026). */
const MAX_DEFINITION = 1_048_576;

/**
 * Reads a definition. Throws InvalidDefinition naming every problem: what the Amazon States Language forbids in AWS's
 * own words where they are recorded, and what the local AWS does not run by name, so that a deploy fails instead of an
 * execution.
 */
export function parseDefinition(text: string): Definition {
  if (text.length > MAX_DEFINITION) throw invalidDefinition("MAX_LENGTH_EXCEEDED: the definition is too long at /");
  return new Reader(text).read();
}

class Reader {
  private readonly checks = new DefinitionChecks();
  private readonly text: string;
  private names: ReadonlySet<string> = new Set();

  constructor(text: string) {
    this.text = text;
  }

  read(): Definition {
    let json: unknown;
    try {
      json = JSON.parse(this.text);
    } catch (error) {
      throw invalidDefinition(`INVALID_JSON_DESCRIPTION: ${(error as Error).message}`);
    }
    if (!isObject(json)) throw invalidDefinition("SCHEMA_VALIDATION_FAILED: Definition must be a valid JSON object");
    const missing = ["States", "StartAt"].filter((name) => json[name] === undefined);
    if (missing.length > 0) this.checks.schema(`These fields are required: [${missing.join(", ")}]`, "/");
    this.checks.only(json, ["Comment", "StartAt", "Version", "TimeoutSeconds", "States"], "");
    const bodies = isObject(json.States) ? json.States : {};
    this.names = new Set(Object.keys(bodies));
    const states = new Map<string, State>();
    for (const [name, body] of Object.entries(bodies)) {
      const state = isObject(body) ? this.state(name, body) : undefined;
      if (state) states.set(name, state);
      else if (!isObject(body)) this.checks.schema("State must be an object", `/States/${name}`);
    }
    const startAt = this.target(json.StartAt, "/StartAt") ?? "";
    const timeoutSeconds = this.checks.whole(json.TimeoutSeconds, "/TimeoutSeconds", 1);
    this.reach(startAt, states);
    if (this.checks.problems.length > 0) throw invalidDefinition(this.checks.problems.join(", "));
    return { startAt, timeoutSeconds, states };
  }

  /** States that nothing leads to are refused, in words that are recorded (localstack/localstack#12487, 2025). */
  private reach(startAt: string, states: ReadonlyMap<string, State>): void {
    const reached = new Set<string>();
    const waiting = [startAt];
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      const state = states.get(name);
      if (state === undefined || reached.has(name)) continue;
      reached.add(name);
      waiting.push(...successors(state));
    }
    for (const name of states.keys()) {
      if (reached.has(name)) continue;
      this.checks.problems.push(`MISSING_TRANSITION_TARGET: State "${name}" is not reachable. at /States/${name}`);
    }
  }

  private state(name: string, body: Fields): State | undefined {
    const at = `/States/${name}`;
    const type = String(body.Type);
    const fields = FIELDS[type];
    if (name.length > 80) this.checks.schema("State names must be at most 80 characters", at);
    if (!fields) return this.checks.unsupported(`state type ${type}`, `${at}/Type`);
    this.checks.only(body, [...COMMON, ...fields], at);
    const common = {
      name,
      inputPath: this.checks.path(body.InputPath, `${at}/InputPath`),
      outputPath: this.checks.path(body.OutputPath, `${at}/OutputPath`),
    };
    const next = fields.includes("Next") ? this.following(body, at) : undefined;
    switch (type) {
      case "Task":
        return this.task(body, { ...common, next }, at);
      case "Pass":
        this.checks.template(body.Parameters, `${at}/Parameters`);
        return {
          ...common,
          type,
          next,
          result: body.Result,
          parameters: body.Parameters,
          resultPath: this.checks.place(body.ResultPath, `${at}/ResultPath`),
        };
      case "Wait":
        return this.wait(body, { ...common, next }, at);
      case "Choice":
        return {
          ...common,
          type,
          choices: this.checks.list(body.Choices, `${at}/Choices`).map((rule, index) => ({
            condition: this.condition(rule, `${at}/Choices[${index}]`, ["Next", "Comment"]),
            next: this.target(rule.Next, `${at}/Choices[${index}]/Next`) ?? "",
          })),
          otherwise: body.Default === undefined ? undefined : this.target(body.Default, `${at}/Default`),
        };
      case "Fail":
        return {
          ...common,
          type,
          error: this.checks.optionalText(body.Error),
          cause: this.checks.optionalText(body.Cause),
        };
      default:
        return { ...common, type: "Succeed" };
    }
  }

  private task(
    body: Fields,
    common: { name: string; inputPath: string | null; outputPath: string | null; next: string | undefined },
    at: string,
  ): State {
    if (body.Resource === undefined) this.checks.schema("These fields are required: [Resource]", at);
    else if (!LAMBDA_INVOKE.test(String(body.Resource))) {
      this.checks.unsupported(`resource ${String(body.Resource)}`, `${at}/Resource`);
    }
    this.checks.template(body.Parameters, `${at}/Parameters`);
    this.checks.template(body.ResultSelector, `${at}/ResultSelector`);
    const parameters = isObject(body.Parameters) ? body.Parameters : {};
    if (parameters.FunctionName === undefined && parameters["FunctionName.$"] === undefined) {
      this.checks.schema("The field 'FunctionName' is required but was missing", `${at}/Parameters`);
    }
    this.checks.only(parameters, INVOKE_PARAMETERS, `${at}/Parameters`);
    return {
      ...common,
      type: "Task",
      parameters: body.Parameters,
      resultSelector: body.ResultSelector,
      resultPath: this.checks.place(body.ResultPath, `${at}/ResultPath`),
      timeoutSeconds: this.checks.whole(body.TimeoutSeconds, `${at}/TimeoutSeconds`, 1),
      retry: this.checks
        .list(body.Retry, `${at}/Retry`)
        .map((item, index) => this.retrier(item, `${at}/Retry[${index}]`)),
      catch: this.checks
        .list(body.Catch, `${at}/Catch`)
        .map((item, index) => this.catcher(item, `${at}/Catch[${index}]`)),
    };
  }

  private wait(
    body: Fields,
    common: { name: string; inputPath: string | null; outputPath: string | null; next: string | undefined },
    at: string,
  ): State {
    const given = ["Seconds", "SecondsPath", "Timestamp", "TimestampPath"].filter((name) => body[name] !== undefined);
    if (given.length !== 1) {
      this.checks.schema("Exactly one of Seconds, SecondsPath, Timestamp and TimestampPath is required", at);
    }
    for (const name of ["SecondsPath", "TimestampPath"]) {
      if (body[name] !== undefined) this.checks.path(body[name], `${at}/${name}`);
    }
    return {
      ...common,
      type: "Wait",
      seconds: this.checks.whole(body.Seconds, `${at}/Seconds`, 0),
      secondsPath: this.checks.optionalText(body.SecondsPath),
      timestamp: this.checks.optionalText(body.Timestamp),
      timestampPath: this.checks.optionalText(body.TimestampPath),
    };
  }

  /** Defaults of Retry (Step Functions guide, "Handling errors", 2026). */
  private retrier(item: Fields, at: string): Retrier {
    this.checks.only(
      item,
      ["ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy", "Comment"],
      at,
    );
    const rate = item.BackoffRate ?? 2;
    if (typeof rate !== "number" || rate < 1)
      this.checks.schema("BackoffRate must be at least 1.0", `${at}/BackoffRate`);
    const jitter = item.JitterStrategy ?? "NONE";
    if (jitter !== "NONE" && jitter !== "FULL") this.checks.schema("Value is not valid", `${at}/JitterStrategy`);
    return {
      errorEquals: this.errors(item.ErrorEquals, at),
      intervalSeconds: this.checks.whole(item.IntervalSeconds, `${at}/IntervalSeconds`, 1) ?? 1,
      maxAttempts: this.checks.whole(item.MaxAttempts, `${at}/MaxAttempts`, 0) ?? 3,
      backoffRate: Number(rate),
      maxDelaySeconds: this.checks.whole(item.MaxDelaySeconds, `${at}/MaxDelaySeconds`, 1),
      fullJitter: jitter === "FULL",
    };
  }

  private catcher(item: Fields, at: string): Catcher {
    this.checks.only(item, ["ErrorEquals", "Next", "ResultPath", "Comment"], at);
    return {
      errorEquals: this.errors(item.ErrorEquals, at),
      next: this.target(item.Next, `${at}/Next`) ?? "",
      resultPath: this.checks.place(item.ResultPath, `${at}/ResultPath`),
    };
  }

  private errors(value: unknown, at: string): string[] {
    const names = Array.isArray(value) ? value.map(String) : [];
    if (names.length === 0) this.checks.schema("These fields are required: [ErrorEquals]", at);
    if (names.includes("States.ALL") && names.length > 1) {
      this.checks.schema("'States.ALL' must appear alone in an 'ErrorEquals' list", `${at}/ErrorEquals`);
    }
    return names;
  }

  private condition(rule: Fields, at: string, extra: readonly string[] = []): Condition {
    for (const kind of ["And", "Or"] as const) {
      if (rule[kind] === undefined) continue;
      this.checks.only(rule, [kind, ...extra], at);
      const of = this.checks
        .list(rule[kind], `${at}/${kind}`)
        .map((inner, i) => this.condition(inner, `${at}/${kind}[${i}]`));
      return { kind: kind === "And" ? "and" : "or", of };
    }
    if (isObject(rule.Not)) {
      this.checks.only(rule, ["Not", ...extra], at);
      return { kind: "not", of: this.condition(rule.Not, `${at}/Not`) };
    }
    const operators = Object.keys(rule).filter((name) => name !== "Variable" && !extra.includes(name));
    const operator = operators.length === 1 ? (operators[0] as string) : "";
    const known = readOperator(operator);
    if (!known) this.checks.unsupported(`choice operator ${operators.join(", ") || "none"}`, at);
    const operand = rule[operator];
    if (known?.isPath) this.checks.path(operand, `${at}/${operator}`);
    this.checks.path(rule.Variable ?? "", `${at}/Variable`);
    return {
      kind: "test",
      variable: String(rule.Variable),
      operator,
      operand,
      operandIsPath: known?.isPath ?? false,
    };
  }

  /** `Next` or `End: true`, one of them. */
  private following(body: Fields, at: string): string | undefined {
    if ((body.Next === undefined) === (body.End !== true)) {
      this.checks.schema("Exactly one of Next and End must be given", at);
      return undefined;
    }
    return body.Next === undefined ? undefined : this.target(body.Next, `${at}/Next`);
  }

  private target(value: unknown, at: string): string | undefined {
    // Missing fields of the machine itself are named already.
    if (at === "/StartAt" && (value === undefined || this.names.size === 0)) return undefined;
    if (typeof value === "string" && this.names.has(value)) return value;
    this.checks.problems.push(`MISSING_TRANSITION_TARGET: Missing 'Next' target: ${String(value)} at ${at}`);
    return undefined;
  }
}

function successors(state: State): string[] {
  if (state.type === "Choice") return [...state.choices.map(({ next }) => next), state.otherwise ?? ""];
  if (state.type === "Succeed" || state.type === "Fail") return [];
  return [state.next ?? "", ...(state.type === "Task" ? state.catch.map(({ next }) => next) : [])];
}
