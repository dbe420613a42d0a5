/** Virtual milliseconds after which Lambda drops idle environments. [inferred: minutes, undocumented] */
const IDLE_LIMIT_MS = 10 * 60_000;

interface VersionPool {
  /** Busy environments and when they become free, latest first. */
  busy: { environment: number; untilMs: number }[];
  /** The one that was used last comes last, and is used next. [inferred] */
  idle: number[];
  started: number;
  lastUsedMs: number;
}

/** A request that has an environment. */
export interface Place {
  /** Which of the version's environments, from 1 in the order in which they were started. */
  environment: number;
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
    const pool = pools.get(version) ?? { busy: [], idle: [], started: 0, lastUsedMs: atMs };
    pools.set(version, pool);
    if (atMs - pool.lastUsedMs > IDLE_LIMIT_MS) pool.idle = [];
    pool.lastUsedMs = atMs;
    const warm = pool.idle.pop();
    if (warm === undefined) pool.started += 1;
    const environment = warm ?? pool.started;
    return {
      environment,
      coldStart: warm === undefined,
      concurrency: concurrency + 1,
      leaveAt: (untilMs) => {
        let low = 0;
        let high = pool.busy.length;
        while (low < high) {
          const middle = (low + high) >> 1;
          if (pool.busy[middle]!.untilMs > untilMs) low = middle + 1;
          else high = middle;
        }
        pool.busy.splice(low, 0, { environment, untilMs });
      },
    };
  }

  /** Busy environments of a function. */
  busy(functionName: string, atMs: number): number {
    let busy = 0;
    for (const pool of this.functions.get(functionName)?.values() ?? []) {
      while ((pool.busy.at(-1)?.untilMs ?? Number.POSITIVE_INFINITY) <= atMs) {
        pool.idle.push(pool.busy.pop()!.environment);
      }
      busy += pool.busy.length;
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
