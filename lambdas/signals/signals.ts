import { factsOf, type Log } from "../../lib/core/log.ts";
import { parseBatch } from "../../lib/core/signals/batch.ts";
import { countBatch, errorCount } from "../../lib/core/signals/count.ts";
import type { SignalBooksPort } from "../../lib/core/signals/ports.ts";

export interface SignalsPorts {
  books: Pick<SignalBooksPort, "planOf" | "add">;
  /** The JSON text in base64 and gzip. Throws where it is neither. */
  unpack(data: string): string;
  now(): Date;
}

/**
 * CloudWatch Logs' subscriber: counts a batch of a guarded function's log by version and interval, and adds the counts to
 * the release that is open. A batch that cannot be read is dropped, and said: it would not get better by coming again.
 * Throws when the books cannot be written; Lambda then brings the batch again, and what was added counts once.
 */
export function createSignals({ books, unpack, now }: SignalsPorts, log: Log) {
  return async function signals(event: unknown): Promise<void> {
    const batch = read(event);
    if (!batch) return;
    const plan = await books.planOf(batch.logGroup);
    if (!plan) {
      log.info("no release of this log group is open", { logGroup: batch.logGroup });
      return;
    }
    const { additions, malformed } = countBatch(batch, plan, now().getTime());
    const outcomes = await Promise.all(additions.map((addition) => books.add(plan.deploymentId, addition)));
    const sum = (of: (counts: (typeof additions)[number]["counts"]) => number) =>
      additions.reduce((total, { counts }) => total + of(counts), 0);
    log.info("counted", {
      deploymentId: plan.deploymentId,
      version: additions[0]?.version,
      events: batch.events.length,
      requests: sum(({ requests }) => requests),
      errors: sum(errorCount),
      knownBefore: outcomes.filter((outcome) => outcome === "known").length,
      malformed,
    });
  };

  function read(event: unknown) {
    try {
      const data = (event as { awslogs?: { data?: unknown } } | null)?.awslogs?.data;
      const batch = typeof data === "string" ? parseBatch(JSON.parse(unpack(data))) : { problem: "it has no data" };
      if (batch === "control") return undefined;
      if (!("problem" in batch)) return batch;
      log.error("not a batch of CloudWatch Logs; it is dropped", { why: batch.problem });
    } catch (error) {
      log.error("a batch could not be read; it is dropped", factsOf(error));
    }
    return undefined;
  }
}
