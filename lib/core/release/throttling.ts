import { format } from "../judge/rules.ts";
import type { Reason, SideCounts } from "../judge/types.ts";

/** Twice the share of before is still taken for the same shortage: shares of few requests scatter. */
const TIMES_BEFORE = 2;

/**
 * Throttling is a shortage of concurrency. It has no version dimension, so that nothing tells whose it is; but when the
 * alias was throttled alike before the release, moving it back changes nothing. Undefined when it was not.
 */
export function throttledAsBefore(before: SideCounts, now: SideCounts): Reason | undefined {
  const [share, other] = [throttledPercent(now), throttledPercent(before)];
  if (other === 0 || share > TIMES_BEFORE * other) return undefined;
  const message = `${format(share)} % of requests are throttled, and ${format(other)} % were before the release: concurrency is short, and the release is not to blame`;
  return {
    code: "throttled-as-before",
    message,
    observed: share,
    limit: TIMES_BEFORE * other,
    baseline: other,
    samples: now.invocations + now.throttles,
  };
}

function throttledPercent({ invocations, throttles }: SideCounts): number {
  const requests = invocations + throttles;
  return requests === 0 ? 0 : (100 * throttles) / requests;
}
