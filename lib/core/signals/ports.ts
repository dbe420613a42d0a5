import type { Addition, SignalCounts, SignalPlan } from "./count.ts";

/** What one version did in one interval, or a part of it, as far as it is known: there may be several of the same. */
export interface KnownInterval {
  version: string;
  fromMs: number;
  counts: SignalCounts;
}

/** Counts of open releases, which many writers add to at once. */
export interface SignalBooksPort {
  /** What is to be counted of a log group from now on. */
  open(logGroup: string, plan: SignalPlan): Promise<void>;
  /** Undefined while no release of the log group is open. */
  planOf(logGroup: string): Promise<SignalPlan | undefined>;
  /** Leaves further requests out, unless the log group is nobody's or another release's by then. */
  leaveOut(logGroup: string, deploymentId: string, requests: readonly string[]): Promise<void>;
  /** Nothing is counted any more, unless another release has taken the log group over. */
  close(logGroup: string, deploymentId: string): Promise<void>;
  /** Adds once, however often the same batch comes. */
  add(deploymentId: string, addition: Addition): Promise<"added" | "known">;
  /** Intervals that began in [fromMs, toMs), oldest first; those in which nothing was counted are absent. */
  read(deploymentId: string, fromMs: number, toMs: number): Promise<KnownInterval[]>;
}

/** Why a log group cannot be subscribed to. */
export type Refusal = "taken" | "no-log-group" | "not-allowed" | "not-supported";

export interface LogSubscriptionsPort {
  /** Puts a filter, or puts it again. */
  put(logGroup: string, filterName: string): Promise<"subscribed" | { refused: Refusal; why: string }>;
  /** A filter or log group that is not there is not an error. */
  remove(logGroup: string, filterName: string): Promise<void>;
  /** Names of the filters that begin so; none where there is no log group. */
  list(logGroup: string, prefix: string): Promise<string[]>;
}
