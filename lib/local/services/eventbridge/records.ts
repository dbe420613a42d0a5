import type { Target } from "@aws-sdk/client-eventbridge";
import type { Timer } from "../../kernel/clock.ts";
import type { EventPattern } from "./pattern.ts";
import type { Schedule } from "./schedule.ts";

export interface Rule {
  name: string;
  arn: string;
  busName: string;
  patternText: string | undefined;
  pattern: EventPattern | undefined;
  scheduleText: string | undefined;
  schedule: Schedule | undefined;
  timer: Timer | undefined;
  enabled: boolean;
  description: string | undefined;
  roleArn: string | undefined;
  createdBy: string;
  targets: Map<string, Target>;
  tags: Map<string, string>;
}

export interface EventBus {
  name: string;
  arn: string;
  description: string | undefined;
  policy: string | undefined;
  createdMs: number;
  modifiedMs: number;
  rules: Map<string, Rule>;
  tags: Map<string, string>;
}

/** An event as rules see it and targets receive it. */
export interface BusEvent {
  version: "0";
  id: string;
  "detail-type": string;
  source: string;
  account: string;
  /** Whole seconds: `2016-06-30T22:06:31Z`. */
  time: string;
  region: string;
  resources: string[];
  detail: unknown;
}
