import { describe, expect, it } from "vitest";
import { alarmsInRule, parseAlarmRule, ruleHolds } from "../../../lib/local/services/cloudwatch/alarm-rule.ts";
import type { AlarmStateValue } from "../../../lib/local/services/cloudwatch/missing-data.ts";

const STATES: Record<string, AlarmStateValue> = {
  red: "ALARM",
  green: "OK",
  grey: "INSUFFICIENT_DATA",
  "a (b)": "ALARM",
};
const holds = (rule: string) => ruleHolds(parseAlarmRule(rule), (name) => STATES[name.split(":").at(-1) ?? ""]);

describe("the rule of a composite alarm", () => {
  it("asks for states by name or ARN, quoted or not", () => {
    expect(holds("ALARM(red)")).toBe(true);
    expect(holds('ALARM("a (b)")')).toBe(true);
    expect(holds("OK(arn:aws:cloudwatch:us-east-1:111122223333:alarm:green)")).toBe(true);
    expect(holds("INSUFFICIENT_DATA(grey) AND TRUE")).toBe(true);
    expect(holds("ALARM(green)")).toBe(false);
  });

  it("binds NOT before AND before OR, and parentheses first", () => {
    expect(holds("NOT ALARM(green) AND ALARM(red)")).toBe(true);
    expect(holds("ALARM(red) OR ALARM(red) AND FALSE")).toBe(true);
    expect(holds("(ALARM(red) OR ALARM(red)) AND FALSE")).toBe(false);
    expect(holds("NOT (ALARM(green) OR ALARM(red))")).toBe(false);
  });

  it("lists its alarms once each", () => {
    expect(alarmsInRule(parseAlarmRule("ALARM(a) OR NOT (OK(b) AND ALARM(a))"))).toEqual(["a", "b"]);
  });

  it("refuses broken rules", () => {
    for (const rule of ["ALARM(", "ALARM() OR TRUE", "ALARM(a) ALARM(b)", "BROKEN(a)", "(ALARM(a)", ""]) {
      expect(() => parseAlarmRule(rule), rule).toThrow();
    }
  });
});
