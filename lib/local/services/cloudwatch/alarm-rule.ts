import type { AlarmStateValue } from "./missing-data.ts";

/** The rule language of composite alarms (CloudWatch API reference, PutCompositeAlarm, 2026). */
export type RuleExpression =
  | { kind: "constant"; value: boolean }
  | { kind: "state"; state: AlarmStateValue; alarm: string }
  | { kind: "not"; operand: RuleExpression }
  | { kind: "and" | "or"; left: RuleExpression; right: RuleExpression };

export class AlarmRuleError extends Error {}

/** NOT binds tightest, then AND, then OR. [inferred: the precedence is not documented] */
export function parseAlarmRule(text: string): RuleExpression {
  let position = 0;
  const skipSpace = () => {
    while (/\s/.test(text[position] ?? "")) position += 1;
  };
  const word = () => {
    skipSpace();
    return /^[A-Z_]+/.exec(text.slice(position))?.[0] ?? "";
  };
  const take = (expected: string) => {
    skipSpace();
    if (!text.startsWith(expected, position)) {
      throw new AlarmRuleError(`Expected '${expected}' at position ${position} of the alarm rule`);
    }
    position += expected.length;
  };

  const alarmName = (): string => {
    take("(");
    skipSpace();
    const quote = text[position];
    const end = quote === '"' || quote === "'" ? text.indexOf(quote, position + 1) : text.indexOf(")", position);
    if (end === -1) throw new AlarmRuleError("The alarm rule ends inside an alarm name");
    const quoted = quote === '"' || quote === "'";
    const name = text.slice(quoted ? position + 1 : position, end).trim();
    if (name === "") throw new AlarmRuleError(`An alarm name is missing at position ${position} of the alarm rule`);
    position = quoted ? end + 1 : end;
    take(")");
    return name;
  };

  const primary = (): RuleExpression => {
    const keyword = word();
    switch (keyword) {
      case "NOT":
        position += keyword.length;
        return { kind: "not", operand: primary() };
      case "TRUE":
      case "FALSE":
        position += keyword.length;
        return { kind: "constant", value: keyword === "TRUE" };
      case "ALARM":
      case "OK":
      case "INSUFFICIENT_DATA":
        position += keyword.length;
        return { kind: "state", state: keyword, alarm: alarmName() };
      case "": {
        take("(");
        const inner = either();
        take(")");
        return inner;
      }
      default:
        throw new AlarmRuleError(`Unknown word '${keyword}' at position ${position} of the alarm rule`);
    }
  };
  const chain = (keyword: "AND" | "OR", operand: () => RuleExpression): RuleExpression => {
    let left = operand();
    while (word() === keyword) {
      position += keyword.length;
      left = { kind: keyword === "AND" ? "and" : "or", left, right: operand() };
    }
    return left;
  };
  const both = (): RuleExpression => chain("AND", primary);
  const either = (): RuleExpression => chain("OR", both);

  const rule = either();
  skipSpace();
  if (position < text.length) throw new AlarmRuleError(`Unexpected text at position ${position} of the alarm rule`);
  return rule;
}

/** Names and ARNs in a rule, each once, in order. */
export function alarmsInRule(rule: RuleExpression): string[] {
  switch (rule.kind) {
    case "constant":
      return [];
    case "state":
      return [rule.alarm];
    case "not":
      return alarmsInRule(rule.operand);
    default:
      return [...new Set([...alarmsInRule(rule.left), ...alarmsInRule(rule.right)])];
  }
}

export function ruleHolds(rule: RuleExpression, stateOf: (alarm: string) => AlarmStateValue | undefined): boolean {
  switch (rule.kind) {
    case "constant":
      return rule.value;
    case "state":
      return stateOf(rule.alarm) === rule.state;
    case "not":
      return !ruleHolds(rule.operand, stateOf);
    case "and":
      return ruleHolds(rule.left, stateOf) && ruleHolds(rule.right, stateOf);
    case "or":
      return ruleHolds(rule.left, stateOf) || ruleHolds(rule.right, stateOf);
  }
}
