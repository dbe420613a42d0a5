import { type Condition, hasBaseline, type Operand } from "../../contract/expression.ts";

export type MetricValue = number | string | undefined;
/** A metric of one version; undefined where it is not known. */
export type Metrics = (name: string) => MetricValue;

/** True, false, or undefined where a metric is missing that would decide. */
export function evaluate(condition: Condition, canary: Metrics, baseline: Metrics): boolean | undefined {
  if (condition.kind === "not") {
    const of = evaluate(condition.of, canary, baseline);
    return of === undefined ? undefined : !of;
  }
  if (condition.kind === "comparison") return compare(condition, canary, baseline);
  const left = evaluate(condition.left, canary, baseline);
  const right = evaluate(condition.right, canary, baseline);
  const decisive = condition.kind === "or";
  if (left === decisive || right === decisive) return decisive;
  return left === undefined || right === undefined ? undefined : !decisive;
}

/** Whether it compares with the baseline anywhere. */
export function isRelative(condition: Condition): boolean {
  if (condition.kind === "not") return isRelative(condition.of);
  if (condition.kind === "comparison") return hasBaseline(condition.left) || hasBaseline(condition.right);
  return isRelative(condition.left) || isRelative(condition.right);
}

/** The metrics that it names, each once. */
export function namesIn(condition: Condition): string[] {
  const all = (of: Condition): string[] => {
    if (of.kind === "not") return all(of.of);
    if (of.kind === "comparison") return [...metricNames(of.left), ...metricNames(of.right)];
    return [...all(of.left), ...all(of.right)];
  };
  return [...new Set(all(condition))];
}

function metricNames(operand: Operand): string[] {
  if (operand.kind === "metric") return [operand.name];
  return operand.kind === "arithmetic" ? [...metricNames(operand.left), ...metricNames(operand.right)] : [];
}

function compare(condition: Condition & { kind: "comparison" }, canary: Metrics, baseline: Metrics) {
  const name = [...metricNames(condition.left), ...metricNames(condition.right)][0] ?? "";
  const left = operandValue(condition.left, canary, baseline(name));
  const right = operandValue(condition.right, canary, baseline(name));
  if (left === undefined || right === undefined) return undefined;
  if (condition.comparator === "==") return left === right;
  if (condition.comparator === "!=") return left !== right;
  if (typeof left === "string" || typeof right === "string") return undefined;
  if (condition.comparator === "<") return left < right;
  if (condition.comparator === "<=") return left <= right;
  return condition.comparator === ">" ? left > right : left >= right;
}

function operandValue(operand: Operand, canary: Metrics, baseline: MetricValue): MetricValue {
  if (operand.kind === "number" || operand.kind === "text") return operand.value;
  if (operand.kind === "metric") return canary(operand.name);
  if (operand.kind === "baseline") return baseline;
  const left = operandValue(operand.left, canary, baseline);
  const right = operandValue(operand.right, canary, baseline);
  if (typeof left !== "number" || typeof right !== "number") return undefined;
  if (operand.operator === "+") return left + right;
  if (operand.operator === "-") return left - right;
  if (operand.operator === "*") return left * right;
  return right === 0 ? undefined : left / right;
}
