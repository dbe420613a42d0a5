import { fact } from "../judge/reason.ts";
import type { Reason } from "../judge/types.ts";
import { errorCount } from "./count.ts";
import type { KnownInterval } from "./ports.ts";
import type { ErrorKind } from "./records.ts";

/** How one version failed, as far as looks have taken its log. */
export interface Failures {
  errors: Partial<Record<ErrorKind, number>>;
  /** Environments that did not start. */
  initFailures: number;
  /** Highest use, megabytes. */
  memoryMb?: number;
}

export function addFailures(
  before: Failures = { errors: {}, initFailures: 0 },
  intervals: readonly KnownInterval[],
  version: string,
): Failures {
  const sum: Failures = { ...before, errors: { ...before.errors } };
  for (const { counts } of intervals.filter((interval) => interval.version === version)) {
    sum.initFailures += counts.initFailures;
    if (counts.memoryMb !== undefined) sum.memoryMb = Math.max(sum.memoryMb ?? 0, counts.memoryMb);
    if (errorCount(counts) === 0) continue;
    for (const [kind, count] of Object.entries(counts.errors) as [ErrorKind, number][]) {
      if (count > 0) sum.errors[kind] = (sum.errors[kind] ?? 0) + count;
    }
  }
  return sum;
}

const TOLD: Record<ErrorKind, string> = {
  thrown: "thrown by the handler",
  timeout: "time-outs",
  "out-of-memory": "out of memory",
  exit: "ends of the environment",
};

/** What people look for first when the canary is taken back; undefined where nothing of it failed. */
export function howItFailed({ errors, initFailures, memoryMb }: Failures): Reason | undefined {
  const kinds = Object.entries(errors) as [ErrorKind, number][];
  const all = kinds.reduce((sum, [, count]) => sum + count, 0);
  if (all + initFailures === 0) return undefined;
  const told = [
    ...(all > 0
      ? [`of the canary's ${all} errors ${kinds.map(([kind, count]) => `${count} were ${TOLD[kind]}`).join(", ")}`]
      : []),
    ...(initFailures > 0 ? [`${initFailures} of its environments did not start`] : []),
    ...(memoryMb === undefined ? [] : [`it used ${memoryMb} MB of memory at most`]),
  ];
  return fact("how-it-failed", told.join("; "), { samples: all });
}
