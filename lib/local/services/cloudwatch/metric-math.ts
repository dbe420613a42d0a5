import { notImplemented } from "../../kernel/errors.ts";
import { type BinaryOperator, type Expression, MetricMathError } from "./metric-math-parser.ts";

/** Values on the common grid of a request, oldest first; undefined is a missing data point. */
export type Points = readonly (number | undefined)[];

export type Value =
  | { kind: "scalar"; value: number }
  | { kind: "series"; points: Points }
  | { kind: "array"; items: readonly Points[] };

export interface MathContext {
  /** Start of each grid point, epoch seconds, oldest first. */
  grid: readonly number[];
  /** Values of another entry of the request; undefined when the id does not exist. */
  lookup(id: string): Value | undefined;
  periodOf(id: string): number | undefined;
  /** Ids of the request's metrics (not its expressions), for METRICS(). */
  metricIds: readonly string[];
}

/** Functions that CloudWatch has and the local AWS refuses with 501. */
const NOT_HERE = new Set(
  (
    "ANOMALY_DETECTION_BAND DB_PERF_INSIGHTS DATAPOINT_COUNT DATE DAY DIFF_TIME EPOCH FIRST HOUR INSIGHT_RULE_METRIC " +
    "LAMBDA LAST LOG LOG10 MINUTE MONTH REMOVE_EMPTY SEARCH SERVICE_QUOTA SLICE SORT STDDEV TIME_SERIES YEAR"
  ).split(" "),
);

/** Evaluates one expression. Throws MetricMathError for what CloudWatch would refuse, 501 for what is not here. */
export function evaluate(expression: Expression, context: MathContext): Value {
  switch (expression.kind) {
    case "number":
      return { kind: "scalar", value: expression.value };
    case "text":
      throw new MetricMathError("A string is not allowed here");
    case "reference": {
      const value = context.lookup(expression.id);
      if (!value) throw new MetricMathError(`Undefined variable: '${expression.id}'`);
      return value;
    }
    case "negate":
      return mapValue(evaluate(expression.operand, context), (value) => -value);
    case "list":
      return arrayOf(expression.items.map((item) => evaluate(item, context)));
    case "binary":
      return combine(
        evaluate(expression.left, context),
        evaluate(expression.right, context),
        operation(expression.operator),
      );
    case "call":
      return call(expression.name, expression.args, context);
  }
}

function call(name: string, args: Expression[], context: MathContext): Value {
  switch (name) {
    case "METRICS":
      return metrics(args, context);
    case "METRIC_COUNT":
      return { kind: "scalar", value: seriesOf(only(name, args, context)).length };
    case "SUM":
      return aggregate(only(name, args, context), (values) => values.reduce((sum, value) => sum + value, 0));
    case "AVG":
      return aggregate(only(name, args, context), (v) => v.reduce((sum, value) => sum + value, 0) / v.length);
    case "MIN":
      return aggregate(only(name, args, context), (values) => Math.min(...values));
    case "MAX":
      return aggregate(only(name, args, context), (values) => Math.max(...values));
    case "ABS":
      return mapValue(only(name, args, context), Math.abs);
    case "CEIL":
      return mapValue(only(name, args, context), Math.ceil);
    case "FLOOR":
      return mapValue(only(name, args, context), Math.floor);
    case "RUNNING_SUM":
      return mapSeries(only(name, args, context), runningSum);
    case "DIFF":
      return mapSeries(only(name, args, context), (points) => differences(points, context.grid, () => 1));
    case "RATE":
      return mapSeries(only(name, args, context), (points) => differences(points, context.grid, (gap) => gap));
    case "PERIOD":
      return period(args, context);
    case "FILL":
      return fill(args, context);
    case "IF":
      return choose(args, context);
    default:
      if (NOT_HERE.has(name)) throw notImplemented("cloudwatch", "metric math", `function ${name}`);
      throw new MetricMathError(`Function '${name}' not found`);
  }
}

function only(name: string, args: Expression[], context: MathContext): Value {
  const [first] = args;
  if (!first || args.length !== 1) throw new MetricMathError(`Function '${name}' takes 1 argument, not ${args.length}`);
  return evaluate(first, context);
}

function metrics(args: Expression[], context: MathContext): Value {
  const [filter] = args;
  if (args.length > 1 || (filter && filter.kind !== "text")) {
    throw new MetricMathError("Function 'METRICS' takes at most one argument, a string");
  }
  const ids = context.metricIds.filter((id) => !filter || id.includes(filter.kind === "text" ? filter.value : ""));
  return arrayOf(ids.map((id) => context.lookup(id) as Value));
}

function period(args: Expression[], context: MathContext): Value {
  const [metric] = args;
  const seconds = args.length === 1 && metric?.kind === "reference" ? context.periodOf(metric.id) : undefined;
  if (seconds === undefined) throw new MetricMathError("Function 'PERIOD' takes 1 argument, a metric");
  return { kind: "scalar", value: seconds };
}

function fill(args: Expression[], context: MathContext): Value {
  const [metric, filler] = args;
  if (!metric || !filler || args.length !== 2) throw new MetricMathError("Function 'FILL' takes 2 arguments");
  const value = evaluate(metric, context);
  if (value.kind === "scalar") throw new MetricMathError("The first argument of 'FILL' must be a time series");
  if (filler.kind === "reference" && filler.id === "REPEAT") return mapSeries(value, repeated);
  if (filler.kind === "reference" && filler.id === "LINEAR") return mapSeries(value, interpolated);
  const replacement = evaluate(filler, context);
  if (replacement.kind === "array") throw new MetricMathError("The second argument of 'FILL' must not be an array");
  const at = (index: number) => (replacement.kind === "scalar" ? replacement.value : replacement.points[index]);
  return mapSeries(value, (points) => points.map((point, index) => point ?? at(index)));
}

/** A missing condition gives no point; the branch that is not taken may be missing. [the latter inferred] */
function choose(args: Expression[], context: MathContext): Value {
  const [condition, whenTrue, whenFalse] = args;
  if (!condition || !whenTrue || args.length > 3) throw new MetricMathError("Function 'IF' takes 2 or 3 arguments");
  const test = evaluate(condition, context);
  const yes = evaluate(whenTrue, context);
  const no = whenFalse ? evaluate(whenFalse, context) : undefined;
  if (test.kind === "array" || yes.kind === "array" || no?.kind === "array") {
    throw new MetricMathError("The arguments of 'IF' must not be arrays");
  }
  const pick = (value: Exclude<Value, { kind: "array" }> | undefined, index: number) =>
    value === undefined ? undefined : value.kind === "scalar" ? value.value : value.points[index];
  if (test.kind === "scalar" && yes.kind === "scalar" && no?.kind === "scalar") {
    return { kind: "scalar", value: test.value !== 0 ? yes.value : no.value };
  }
  return {
    kind: "series",
    points: context.grid.map((_, index) => {
      const truth = pick(test, index);
      if (truth === undefined) return undefined;
      return truth !== 0 ? pick(yes, index) : pick(no, index);
    }),
  };
}

function operation(operator: BinaryOperator): (left: number, right: number) => number {
  const truth = (value: boolean) => (value ? 1 : 0);
  switch (operator) {
    case "+":
      return (left, right) => left + right;
    case "-":
      return (left, right) => left - right;
    case "*":
      return (left, right) => left * right;
    case "/":
      return (left, right) => left / right;
    case "^":
      return (left, right) => left ** right;
    case "<":
      return (left, right) => truth(left < right);
    case "<=":
      return (left, right) => truth(left <= right);
    case ">":
      return (left, right) => truth(left > right);
    case ">=":
      return (left, right) => truth(left >= right);
    case "==":
      return (left, right) => truth(left === right);
    case "!=":
      return (left, right) => truth(left !== right);
    case "AND":
      return (left, right) => truth(left !== 0 && right !== 0);
    case "OR":
      return (left, right) => truth(left !== 0 || right !== 0);
  }
}

/** Where one side has no point, or the result is no number (division by zero), there is no point. */
function combine(left: Value, right: Value, apply: (left: number, right: number) => number): Value {
  const safe = (a: number | undefined, b: number | undefined) => {
    if (a === undefined || b === undefined) return undefined;
    const result = apply(a, b);
    return Number.isFinite(result) ? result : undefined;
  };
  if (left.kind === "scalar" && right.kind === "scalar")
    return { kind: "scalar", value: apply(left.value, right.value) };
  const pointsOf = (value: Value, item: number, index: number) => {
    if (value.kind === "scalar") return value.value;
    return (value.kind === "series" ? value.points : value.items[item])?.[index];
  };
  const lengths = [left, right].flatMap((value) => (value.kind === "array" ? [value.items.length] : []));
  if (lengths.length === 2 && lengths[0] !== lengths[1]) {
    throw new MetricMathError("Arrays of different size cannot be combined");
  }
  const width = [...seriesOf(left), ...seriesOf(right)][0]?.length ?? 0;
  const row = (item: number) =>
    Array.from({ length: width }, (_, index) => safe(pointsOf(left, item, index), pointsOf(right, item, index)));
  const items = lengths[0];
  if (items === undefined) return { kind: "series", points: row(0) };
  return { kind: "array", items: Array.from({ length: items }, (_, item) => row(item)) };
}

/** Of one series: a scalar over time. Of several: a series, over those that have a point. [the latter inferred] */
function aggregate(value: Value, reduce: (values: number[]) => number): Value {
  if (value.kind === "scalar") return value;
  if (value.kind === "series") {
    const present = value.points.filter((point) => point !== undefined);
    return { kind: "scalar", value: present.length === 0 ? 0 : reduce(present) };
  }
  const width = value.items[0]?.length ?? 0;
  return {
    kind: "series",
    points: Array.from({ length: width }, (_, index) => {
      const present = value.items.flatMap((points) => points[index] ?? []);
      return present.length === 0 ? undefined : reduce(present);
    }),
  };
}

function mapValue(value: Value, apply: (value: number) => number): Value {
  if (value.kind === "scalar") return { kind: "scalar", value: apply(value.value) };
  return mapSeries(value, (points) => points.map((point) => (point === undefined ? undefined : apply(point))));
}

function mapSeries(value: Value, apply: (points: Points) => Points): Value {
  if (value.kind === "scalar") throw new MetricMathError("A time series is expected where a number is given");
  if (value.kind === "series") return { kind: "series", points: apply(value.points) };
  return { kind: "array", items: value.items.map(apply) };
}

function seriesOf(value: Value): readonly Points[] {
  return value.kind === "array" ? value.items : value.kind === "series" ? [value.points] : [];
}

function arrayOf(values: Value[]): Value {
  if (values.some((value) => value.kind === "scalar")) throw new MetricMathError("An array holds time series only");
  return { kind: "array", items: values.flatMap(seriesOf) };
}

function runningSum(points: Points): Points {
  let sum = 0;
  return points.map((point) => {
    if (point === undefined) return undefined;
    sum += point;
    return sum;
  });
}

/** Change since the previous existing point, divided by `divisor` of the seconds between them. */
function differences(points: Points, grid: readonly number[], divisor: (gapSeconds: number) => number): Points {
  let previous: { value: number; at: number } | undefined;
  return points.map((value, index) => {
    if (value === undefined) return undefined;
    const at = grid[index] as number;
    const change = previous && (value - previous.value) / divisor(at - previous.at);
    previous = { value, at };
    return change;
  });
}

function repeated(points: Points): Points {
  let last: number | undefined;
  return points.map((point) => {
    last = point ?? last;
    return last;
  });
}

function interpolated(points: Points): Points {
  const known = points.flatMap((value, index) => (value === undefined ? [] : [{ value, index }]));
  return points.map((point, index) => {
    if (point !== undefined) return point;
    const before = known.findLast((other) => other.index < index);
    const after = known.find((other) => other.index > index);
    if (!before || !after) return undefined;
    return before.value + ((after.value - before.value) * (index - before.index)) / (after.index - before.index);
  });
}
