import type { Clock } from "../core/ports.ts";
import { TokenBucket } from "../core/token-bucket.ts";
import type { CallObserver } from "./options.ts";

/**
 * Control-plane calls a second while many functions are put back at once. Lambda takes 15 of its own for a whole
 * account and region (Lambda quotas, 2026), which others need too.
 */
const CALLS_PER_SECOND = 10;

/** Data planes, which take thousands a second: the ledger, and the invocations that test a version. */
const UNPACED: ReadonlySet<string> = new Set(["DynamoDB", "Lambda.Invoke"]);

/** Counts the requests that go out to AWS, repeated ones too, and spreads them where it is asked to. */
export class CallMeter implements CallObserver {
  total = 0;
  /** `Lambda.UpdateAlias` → how often. */
  readonly operations: Record<string, number> = {};
  private bucket: TokenBucket | undefined;

  async around<T>(service: string, operation: string, send: () => Promise<T>): Promise<T> {
    const name = `${service}.${operation}`;
    if (this.bucket && !UNPACED.has(service) && !UNPACED.has(name)) await this.bucket.take();
    this.total += 1;
    this.operations[name] = (this.operations[name] ?? 0) + 1;
    return send();
  }

  /** At most ten control-plane calls a second, for as long as the work takes. */
  async paced<T>(clock: Pick<Clock, "sleep">, work: () => Promise<T>): Promise<T> {
    this.bucket ??= new TokenBucket(clock, CALLS_PER_SECOND);
    try {
      return await work();
    } finally {
      this.bucket = undefined;
    }
  }
}
