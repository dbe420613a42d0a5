import type { Addition, SignalCounts } from "../../lib/core/signals/count.ts";
import type { KnownInterval, SignalBooksPort } from "../../lib/core/signals/ports.ts";
import { ERROR_KINDS } from "../../lib/core/signals/records.ts";

/** The counts of one release, as the ledger's table would hold them: a batch that is known adds nothing. */
export class SignalBook implements Pick<SignalBooksPort, "read"> {
  reads = 0;
  private readonly intervals = new Map<string, KnownInterval & { batches: Set<string> }>();

  put({ version, fromMs, counts, batchId }: Addition): void {
    const key = `${fromMs}/${version}`;
    const known = this.intervals.get(key);
    if (!known) this.intervals.set(key, { version, fromMs, counts, batches: new Set([batchId]) });
    else if (!known.batches.has(batchId)) {
      known.batches.add(batchId);
      known.counts = sumOf(known.counts, counts);
    }
  }

  async read(_deploymentId: string, fromMs: number, toMs: number): Promise<KnownInterval[]> {
    this.reads += 1;
    return [...this.intervals.values()]
      .filter((one) => one.fromMs >= fromMs && one.fromMs < toMs)
      .sort((a, b) => a.fromMs - b.fromMs)
      .map(({ version, fromMs: at, counts }) => ({ version, fromMs: at, counts }));
  }
}

function sumOf(a: SignalCounts, b: SignalCounts): SignalCounts {
  const most = (of: (counts: SignalCounts) => number | undefined) => {
    const known = [a, b].flatMap((counts) => of(counts) ?? []);
    return known.length === 0 ? undefined : Math.max(...known);
  };
  return {
    requests: a.requests + b.requests,
    errors: Object.fromEntries(ERROR_KINDS.map((kind) => [kind, a.errors[kind] + b.errors[kind]])) as typeof a.errors,
    initFailures: a.initFailures + b.initFailures,
    coldStarts: a.coldStarts + b.coldStarts,
    durationMs: a.durationMs + b.durationMs,
    slow: a.slow.map((count, i) => count + (b.slow[i] ?? 0)),
    memoryMb: most(({ memoryMb }) => memoryMb),
    lagSeconds: most(({ lagSeconds }) => lagSeconds),
    environments: Object.fromEntries(
      Object.keys({ ...a.environments, ...b.environments }).map((id) => [
        id,
        {
          requests: (a.environments[id]?.requests ?? 0) + (b.environments[id]?.requests ?? 0),
          errors: (a.environments[id]?.errors ?? 0) + (b.environments[id]?.errors ?? 0),
        },
      ]),
    ),
  };
}
