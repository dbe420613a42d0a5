import type { Addition, SignalCounts } from "../../lib/core/signals/count.ts";
import type { KnownInterval, SignalBooksPort } from "../../lib/core/signals/ports.ts";
import { ERROR_KINDS } from "../../lib/core/signals/records.ts";

/** The counts of one release, as the ledger's table would hold them: a batch that is known adds nothing. */
export class SignalBook implements Pick<SignalBooksPort, "read"> {
  reads = 0;
  /** By their beginning, in order. */
  private readonly intervals: (KnownInterval & { batches: Set<string> })[] = [];

  put({ version, fromMs, counts, batchId }: Addition): void {
    let at = this.intervals.length;
    for (; at > 0 && this.intervals[at - 1]!.fromMs >= fromMs; at -= 1) {
      const known = this.intervals[at - 1]!;
      if (known.fromMs !== fromMs || known.version !== version) continue;
      if (known.batches.has(batchId)) return;
      known.batches.add(batchId);
      addTo(known.counts, counts);
      return;
    }
    const batches = new Set([batchId]);
    this.intervals.splice(at, 0, { version, fromMs, counts: structuredClone(counts), batches });
  }

  async read(_deploymentId: string, fromMs: number, toMs: number): Promise<KnownInterval[]> {
    this.reads += 1;
    return this.intervals.filter((one) => one.fromMs >= fromMs && one.fromMs < toMs);
  }
}

function addTo(sum: SignalCounts, more: SignalCounts): void {
  sum.requests += more.requests;
  for (const kind of ERROR_KINDS) sum.errors[kind] += more.errors[kind];
  sum.initFailures += more.initFailures;
  sum.coldStarts += more.coldStarts;
  sum.durationMs += more.durationMs;
  for (const [i, count] of more.slow.entries()) sum.slow[i] = (sum.slow[i] ?? 0) + count;
  sum.memoryMb = most(sum.memoryMb, more.memoryMb);
  sum.lagSeconds = most(sum.lagSeconds, more.lagSeconds);
  for (const [id, { requests, errors }] of Object.entries(more.environments)) {
    const known = sum.environments[id];
    sum.environments[id] = { requests: (known?.requests ?? 0) + requests, errors: (known?.errors ?? 0) + errors };
  }
}

const most = (a: number | undefined, b: number | undefined) =>
  a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
