/** Virtual milliseconds after which Lambda drops idle environments. [inferred: minutes, undocumented] */
const IDLE_LIMIT_MS = 10 * 60_000;

interface VersionPool {
  /** When busy environments become free, latest first. */
  busyUntil: number[];
  idle: number;
  lastUsedMs: number;
}

/** A request that has an environment. */
export interface Place {
  coldStart: boolean;
  /** Busy environments of the function, this one included. */
  concurrency: number;
  leaveAt(atMs: number): void;
}

/** Execution environments of modelled requests: each handles one at a time, idle ones are reused. */
export class ModelledPool {
  private readonly functions = new Map<string, Map<string, VersionPool>>();

  /** Undefined when `limit` environments are busy. Calls must come in order of time for one function. */
  enter(functionName: string, version: string, atMs: number, limit: number): Place | undefined {
    const concurrency = this.busy(functionName, atMs);
    if (concurrency >= limit) return undefined;
    const pools = this.functions.get(functionName) ?? new Map<string, VersionPool>();
    this.functions.set(functionName, pools);
    const pool = pools.get(version) ?? { busyUntil: [], idle: 0, lastUsedMs: atMs };
    pools.set(version, pool);
    if (atMs - pool.lastUsedMs > IDLE_LIMIT_MS) pool.idle = 0;
    pool.lastUsedMs = atMs;
    const coldStart = pool.idle === 0;
    if (!coldStart) pool.idle -= 1;
    return {
      coldStart,
      concurrency: concurrency + 1,
      leaveAt: (untilMs) => {
        let low = 0;
        let high = pool.busyUntil.length;
        while (low < high) {
          const middle = (low + high) >> 1;
          if ((pool.busyUntil[middle] as number) > untilMs) low = middle + 1;
          else high = middle;
        }
        pool.busyUntil.splice(low, 0, untilMs);
      },
    };
  }

  /** Busy environments of a function. */
  busy(functionName: string, atMs: number): number {
    let busy = 0;
    for (const pool of this.functions.get(functionName)?.values() ?? []) {
      while ((pool.busyUntil.at(-1) ?? Number.POSITIVE_INFINITY) <= atMs) {
        pool.busyUntil.pop();
        pool.idle += 1;
      }
      busy += pool.busyUntil.length;
    }
    return busy;
  }

  forget(functionName: string, version?: string): void {
    if (version === undefined) this.functions.delete(functionName);
    else this.functions.get(functionName)?.delete(version);
  }

  clear(): void {
    this.functions.clear();
  }
}
