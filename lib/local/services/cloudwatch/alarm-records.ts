import type { PutMetricAlarmInput } from "@aws-sdk/client-cloudwatch";
import type { Timer } from "../../kernel/clock.ts";
import type { RuleExpression } from "./alarm-rule.ts";
import type { QuerySet } from "./metric-queries.ts";
import type { AlarmStateValue } from "./missing-data.ts";

export interface AlarmState {
  value: AlarmStateValue;
  reason: string;
  /** JSON text; absent on a new alarm. */
  reasonData?: string;
  /** When the reason was last written, and when the value last changed; epoch milliseconds. */
  updatedMs: number;
  transitionedMs: number;
}

interface AlarmBase {
  name: string;
  arn: string;
  description: string | undefined;
  actionsEnabled: boolean;
  okActions: string[];
  alarmActions: string[];
  insufficientDataActions: string[];
  configurationUpdatedMs: number;
  state: AlarmState;
}

export interface MetricAlarmRecord extends AlarmBase {
  kind: "metric";
  input: PutMetricAlarmInput;
  /** Present for alarms over `Metrics`; the entry that returns data is `returnedId`. */
  queries: QuerySet | undefined;
  returnedId: string | undefined;
  periodSeconds: number;
  /** The last evaluation saw no data and changed nothing: it need not be repeated until data arrives. */
  settledWithoutData: boolean;
  /** SetAlarmState was called since the last evaluation. */
  overridden: boolean;
}

export interface Suppression {
  /** Why the actions of the last transition are held back; undefined when nothing is held back. */
  by: "WaitPeriod" | "ExtensionPeriod" | "Alarm" | undefined;
  timer: Timer | undefined;
  /** The state before the transition whose actions are held back. */
  heldFrom: AlarmState | undefined;
}

export interface CompositeAlarmRecord extends AlarmBase {
  kind: "composite";
  ruleText: string;
  rule: RuleExpression;
  suppressor: { alarm: string; waitSeconds: number; extensionSeconds: number } | undefined;
  suppression: Suppression;
}

export type AlarmRecord = MetricAlarmRecord | CompositeAlarmRecord;

export const STATES: readonly AlarmStateValue[] = ["INSUFFICIENT_DATA", "ALARM", "OK"];

export function actionsFor(alarm: AlarmRecord, state: AlarmStateValue): string[] {
  if (state === "OK") return alarm.okActions;
  return state === "ALARM" ? alarm.alarmActions : alarm.insufficientDataActions;
}
