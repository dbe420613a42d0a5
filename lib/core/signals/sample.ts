import { fact } from "../judge/reason.ts";
import type { Reason } from "../judge/types.ts";

/**
 * Of so many requests one is counted, that no more than `limit` a second are: a power of two. Undefined: all are.
 */
export function sampleOneIn(requestsPerSecond: number, limit: number | undefined): number | undefined {
  if (limit === undefined || !(requestsPerSecond > limit)) return undefined;
  return 2 ** Math.ceil(Math.log2(requestsPerSecond / limit));
}

/**
 * Whether a request is among those that are counted: by a hash of its id (FNV-1a), so that all that is written about it is
 * counted or none, whoever asks.
 */
export function isSampled(requestId: string, oneIn: number | undefined): boolean {
  if (oneIn === undefined) return true;
  let hash = 0x811c9dc5;
  for (let i = 0; i < requestId.length; i += 1) hash = Math.imul(hash ^ requestId.charCodeAt(i), 0x01000193);
  // The lowest bits of a product are made of few bits of its factors.
  return ((hash ^ (hash >>> 15)) >>> 0) % oneIn === 0;
}

/** By so many standard deviations may what a sample tells of a total be off; more is a disagreement. */
const DEVIATIONS = 5;

/** How far a total of `count`, told from one in so many, may be from it by chance. */
export const sampleError = (count: number, oneIn = 1) => DEVIATIONS * Math.sqrt(count * (oneIn - 1));

export const sampled = (oneIn: number): Reason =>
  fact(
    "signals-sampled",
    `of ${oneIn} requests one is counted, of both versions alike: figures from the log are those of the sample`,
  );
