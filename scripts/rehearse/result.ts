import type { Outcome, Scenario, StepEnd } from "../../lib/contract/scenario.ts";
import type { ReleaseTimes } from "./outcome.ts";
import type { MinuteOfTraffic, TimelineEvent } from "./timeline.ts";

/** What the versions were compared by; null where they were not. */
export type Evidence = NonNullable<Scenario["expected"]["evidence"]> | null;

/** One release of a rehearsal. */
export interface ReleaseResult {
  artifact: string;
  expected: Outcome;
  outcome: Outcome;
  findings: string[];
  evidence: Evidence;
  /** The policy's own steps that were run, by name. */
  steps: Record<string, StepEnd>;
  /** `openSeconds`: from its creation to its end; null while it is open. */
  deployment: { id: string; status: string; openSeconds: number | null; rollbackDeploymentId: string | null } | null;
  baselineVersion: string;
  canaryVersion: string | null;
  alias: { functionVersion: string; weights: Record<string, number> };
  stackStatus: string;
  notifications: string[];
  times: ReleaseTimes;
  requests: RequestCounts;
}

export interface RequestCounts {
  /** From the start of the release to the end of the watch. */
  total: number;
  failed: number;
  failedOnCanary: number;
  /** Failed requests after the alias had been put back. */
  afterRestore: number;
}

/** What `goaround rehearse --json` prints: the last release at the top level, all of them under `releases`. */
export interface RehearsalResult extends Omit<ReleaseResult, "artifact" | "expected"> {
  scenario: string;
  description: string;
  seed: number;
  function: string;
  expected: Outcome;
  asExpected: boolean;
  differences: string[];
  /** Flag → enabled, as deployed at the end. */
  flags: Record<string, boolean>;
  releases: ReleaseResult[];
  events: (Omit<TimelineEvent, "atMs"> & { at: string; seconds: number | null })[];
  traffic: MinuteOfTraffic[];
  /** How long the rehearsal took, real and virtual seconds. */
  tookSeconds: { real: number; virtual: number };
}

/** The rollback with the operator's own script that ends the main rehearsal. */
export interface ManualRollback {
  command: string;
  exitCode: number;
  document: Record<string, unknown>;
  alias: { functionVersion: string; weights: Record<string, number> };
}
