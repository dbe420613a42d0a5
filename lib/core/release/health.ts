import type { SideCounts } from "../judge/types.ts";

/** Healthy means fewer than 1 % errors. Percent. */
const HEALTHY_ERROR_PERCENT = 1;

export const errorPercent = ({ invocations, errors }: Pick<SideCounts, "invocations" | "errors">): number =>
  invocations === 0 ? 0 : (100 * errors) / invocations;

/** What speaks against a version that serves, by what it did lately; nothing where it served nobody. */
export function unhealthyCounts(version: string, counts: SideCounts, maxAverageDurationMs?: number): string[] {
  const percent = errorPercent(counts);
  const average = counts.averageDurationMs;
  const slow = maxAverageDurationMs !== undefined && average !== undefined && average > maxAverageDurationMs;
  return [
    ...(percent >= HEALTHY_ERROR_PERCENT
      ? [
          `version ${version}: ${shortly(percent)} % errors (${counts.errors} of ${counts.invocations}); ` +
            `the limit is ${HEALTHY_ERROR_PERCENT} %`,
        ]
      : []),
    ...(slow
      ? [`version ${version}: ${shortly(average)} ms on average; the policy's limit is ${maxAverageDurationMs} ms`]
      : []),
  ];
}

/** One decimal at most. */
export const shortly = (value: number) => String(Math.round(value * 10) / 10);
