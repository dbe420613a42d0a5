import type { World } from "../../kernel/service.ts";
import { isAlias } from "./reference.ts";

const MINUTE_MS = 60_000;
const NAMESPACE = "AWS/Lambda";

/** Invocations of one version through one qualifier that started in the same minute. */
export interface InvocationSample {
  functionName: string;
  /** As called: alias, version, or undefined for the function itself. */
  qualifier: string | undefined;
  executedVersion: string;
  /** Starts of the invocations; any one within the minute. */
  startedMs: number;
  invocations: number;
  errors: number;
  durationsMs: readonly number[];
}

/**
 * Publishes AWS/Lambda metrics under its dimension sets (Lambda guide, monitoring metrics, 2022): none, FunctionName,
 * FunctionName and Resource, and for an alias those with ExecutedVersion. A point belongs to the minute in which the
 * invocation started, and can be read `lagMs` after the minute in which it ended. [lag: unverified]
 */
export class LambdaMetrics {
  private readonly world: World;
  private readonly lagMs: number;

  constructor(world: World, lagMs: number) {
    this.world = world;
    this.lagMs = lagMs;
  }

  invocations(sample: InvocationSample): void {
    const { functionName, qualifier, executedVersion, startedMs, invocations, errors } = sample;
    const sets = this.dimensionSets(functionName, qualifier);
    if (isAlias(qualifier)) {
      sets.push({
        FunctionName: functionName,
        Resource: `${functionName}:${qualifier}`,
        ExecutedVersion: executedVersion,
      });
    }
    const durations = countValues(sample.durationsMs);
    for (const dimensions of sets) {
      this.record(dimensions, "Invocations", startedMs, [1], [invocations], "Count");
      // Successful invocations publish an explicit zero. [unverified; widely observed]
      this.record(dimensions, "Errors", startedMs, [0, 1], [invocations - errors, errors], "Count");
      this.record(dimensions, "Duration", startedMs, durations.values, durations.counts, "Milliseconds");
    }
  }

  /** Errors that came to light after the invocations were published. */
  lateError(functionName: string, qualifier: string | undefined, executedVersion: string, startedMs: number): void {
    const sets = this.dimensionSets(functionName, qualifier);
    if (isAlias(qualifier)) {
      sets.push({
        FunctionName: functionName,
        Resource: `${functionName}:${qualifier}`,
        ExecutedVersion: executedVersion,
      });
    }
    for (const dimensions of sets) this.record(dimensions, "Errors", startedMs, [1], [1], "Count");
  }

  /** Throttled requests never reach a version: they have no ExecutedVersion. [inferred] */
  throttles(
    functionName: string,
    qualifier: string | undefined,
    atMs: number,
    throttled: number,
    served: number,
  ): void {
    for (const dimensions of this.dimensionSets(functionName, qualifier)) {
      this.record(dimensions, "Throttles", atMs, [0, 1], [served, throttled], "Count");
    }
  }

  concurrency(functionName: string, qualifier: string | undefined, atMs: number, executions: number): void {
    for (const dimensions of this.dimensionSets(functionName, qualifier)) {
      this.record(dimensions, "ConcurrentExecutions", atMs, [executions], [1], "Count");
    }
  }

  deliveryFailure(
    metric: "DeadLetterErrors" | "DestinationDeliveryFailures",
    functionName: string,
    qualifier: string | undefined,
  ): void {
    for (const dimensions of this.dimensionSets(functionName, qualifier)) {
      this.record(dimensions, metric, this.world.clock.now(), [1], [1], "Count");
    }
  }

  private dimensionSets(functionName: string, qualifier: string | undefined): Record<string, string>[] {
    const resource = qualifier === undefined ? functionName : `${functionName}:${qualifier}`;
    return [{}, { FunctionName: functionName }, { FunctionName: functionName, Resource: resource }];
  }

  private record(
    dimensions: Record<string, string>,
    name: string,
    startedMs: number,
    values: readonly number[],
    counts: readonly number[],
    unit: string,
  ): void {
    const kept = values.map((value, index) => ({ value, count: counts[index] ?? 0 })).filter(({ count }) => count > 0);
    if (kept.length === 0) return;
    const minute = (atMs: number) => Math.floor(atMs / MINUTE_MS) * MINUTE_MS;
    this.world.links.recordMetric({
      namespace: NAMESPACE,
      name,
      dimensions,
      timestampMs: minute(startedMs),
      values: kept.map(({ value }) => value),
      counts: kept.map(({ count }) => count),
      unit,
      visibleAtMs: minute(Math.max(startedMs, this.world.clock.now())) + MINUTE_MS + this.lagMs,
    });
  }
}

/** Lambda measures to the hundredth of a millisecond; equal values are published once with a count. */
function countValues(durationsMs: readonly number[]): { values: number[]; counts: number[] } {
  const counted = new Map<number, number>();
  for (const duration of durationsMs) {
    const rounded = Math.round(duration * 100) / 100;
    counted.set(rounded, (counted.get(rounded) ?? 0) + 1);
  }
  return { values: [...counted.keys()], counts: [...counted.values()] };
}
