import type { Conditions } from "../../lib/core/judge/sequential/traffic.ts";
import type { Outcome } from "./trial.ts";

export interface RegressionRow {
  conditions: Conditions;
  /** Seconds: what no test can beat in the mean. */
  limit: number;
  /** Seconds: the limit, one look, or three canary errors, whichever is most. */
  floor: number;
  horizon: number;
  outcomes: Outcome[];
}

export interface HealthyRow {
  name: string;
  outcomes: Outcome[];
}

export interface CostRow {
  requestsPerSecond: number;
  millisecondsPerLook: number;
  slowest: number;
  stateBytes: number;
  compactBytes: number;
}
