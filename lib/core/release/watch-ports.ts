import type { FlagReference } from "../../contract/policy.ts";
import type { Reason, Verdict } from "../judge/types.ts";
import type { TrafficRouting } from "../ports.ts";
import type { Judging, ReleaseRecord } from "./records.ts";
import type { LookWindow, Shift, StepsTaken } from "./shift.ts";

/** What the watch and those who look after it need from the outside, beside `core/ports.ts`. */

/** How a watch stands; `missing`: it was never started. */
export type WatchStatus = "RUNNING" | "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED" | "missing";

/** One execution for each deployment, named by its id. */
export interface ExecutionsPort {
  /** A repeated start is a success, whatever has become of the first. `name`: by default the deployment's id. */
  start(deploymentId: string, name?: string): Promise<"started" | "exists">;
  /** Of the execution of that name. */
  status(name: string): Promise<WatchStatus>;
}

/** The releases that the sweep looks after, and the schedule that calls it. */
export interface SweepPort {
  add(deploymentId: string): Promise<void>;
  remove(deploymentId: string): Promise<void>;
  list(): Promise<string[]>;
  enable(): Promise<void>;
  disable(): Promise<void>;
}

/** The responder, which holds the levers. */
export interface ResponderPort {
  /** Asks it to roll a release back; it does so once however often it is asked. */
  rollBack(deploymentId: string, verdict: Verdict): Promise<void>;
  /** Asks it to switch flags of a release off that are harmful by themselves; the code stays. */
  switchOff(deploymentId: string, flags: FlagReference[], reasons: Reason[]): Promise<void>;
  /** Asks it whose doing alarms are that are red while the release bakes; it stops the release, or writes down why not. */
  attribute(deploymentId: string): Promise<void>;
  /** Asks it to take the flags that wait for a release one step further. */
  enableFlags(deploymentId: string): Promise<void>;
  /** Asks it to switch off what somebody else's flag deployment kept on. */
  heldFlagsOff(deploymentId: string): Promise<void>;
}

/** Whoever gives a staged release its share of the traffic. */
export interface ShiftPort {
  /**
   * So many percent on the canary; 0 takes all of it away. Does nothing where that is so already, and says why where it
   * may not be done: the deployment has gone on, or somebody else has moved the alias.
   */
  setShare(deploymentId: string, percent: number): Promise<{ isSet: true } | { isSet: false; why: string }>;
}

/** A shift under judgement; `release.judging` is what earlier looks left. */
export interface WatchedShift {
  release: ReleaseRecord;
  shift: Shift;
  routing: TrafficRouting | StepsTaken | undefined;
}

/** What is to be looked at next, and when to look, or to ask again: now at the earliest. */
export interface NextLook {
  window: LookWindow;
  at: Date;
}

/** A source of evidence about both versions. */
export interface SignalPort {
  /** Undefined while there is nothing to look at. */
  next(watched: WatchedShift, now: Date): Promise<NextLook | undefined>;
  /** One look and what the judge says of everything so far. What cannot be read gives a look without counts. */
  look(release: ReleaseRecord, window: LookWindow, signal: AbortSignal): Promise<Judging>;
}
