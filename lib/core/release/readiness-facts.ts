import type { ShiftStep } from "../../contract/detectability.ts";
import type { Policy } from "../../contract/policy.ts";
import type { SideCounts } from "../judge/types.ts";
import type { AlarmState, VersionInfo } from "../ports.ts";
import type { AliasRecord } from "./records.ts";

export const AREAS = ["documentation", "testing", "monitoring", "security", "performance", "rollback"] as const;
export type Area = (typeof AREAS)[number];

/** What the hook before the traffic has at hand anyway. */
export interface ReadinessFacts {
  now: Date;
  policy: Policy;
  record: AliasRecord | undefined;
  /** The version that serves; undefined when it does not exist. */
  baseline: VersionInfo | undefined;
  /** The function's own alarms. */
  ownAlarms: readonly string[];
  /** Undefined when monitoring could not be read. */
  alarmStates: Readonly<Record<string, AlarmState>> | undefined;
  /** What an operator can read beyond that. */
  beyond?: OperatorFacts;
}

/** Undefined wherever something could not be read. */
export interface OperatorFacts {
  /** The function's tags. */
  tags: Readonly<Record<string, string>> | undefined;
  /** Alarms → whether their actions are enabled. */
  alarmActions: Readonly<Record<string, boolean>> | undefined;
  /** Why the next release would not be judged by the log. */
  logObstacles: readonly string[] | undefined;
  /** Confirmed subscriptions of the notification topic. */
  subscribers: number | undefined;
  /** Secrets that the policy's metrics name and that do not exist. */
  secretsMissing: readonly string[] | undefined;
  /** Orders that let releases through against the rules. */
  brokenGlass: number | undefined;
  /** By whose order the guard does not act; false: it acts. */
  disarmed: string | false | undefined;
  /** Of the alias in the last hour. */
  traffic: SideCounts | undefined;
  /** Shares of traffic that the next release gets before all of it. */
  shift: readonly ShiftStep[] | undefined;
  /** Where a rollback would go if the version that serves were bad; or why there is no such place. */
  wayBack: { version: string } | { why: string };
  /** What the doctor finds broken. */
  broken: readonly string[];
}
