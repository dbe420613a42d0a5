import type { Clock } from "../../kernel/clock.ts";
import type { SabotageKind } from "../../runtime/protocol.ts";

export interface SabotageOptions {
  /** Only this version. Default: all. */
  version?: string;
  /** Stop after so many invocations. Default: no limit. */
  times?: number;
  /** Active from/until these virtual times, epoch milliseconds. */
  fromMs?: number;
  untilMs?: number;
}

/** Which functions a rehearsal breaks, and how often yet. */
export class Sabotages {
  private readonly active = new Map<string, SabotageOptions & { kind: SabotageKind; hits: number }>();
  private readonly clock: Pick<Clock, "now">;

  constructor(clock: Pick<Clock, "now">) {
    this.clock = clock;
  }

  set(functionName: string, kind: SabotageKind | undefined, options: SabotageOptions = {}): void {
    if (kind === undefined) this.active.delete(functionName);
    else this.active.set(functionName, { ...options, kind, hits: 0 });
  }

  /** What befalls this invocation; counts it. */
  strike(functionName: string, version: string): SabotageKind | undefined {
    const active = this.active.get(functionName);
    const nowMs = this.clock.now();
    if (!active || (active.version !== undefined && active.version !== version)) return undefined;
    if (nowMs < (active.fromMs ?? nowMs) || nowMs >= (active.untilMs ?? Number.POSITIVE_INFINITY)) return undefined;
    if (active.hits >= (active.times ?? Number.POSITIVE_INFINITY)) return undefined;
    active.hits += 1;
    return active.kind;
  }

  clear(): void {
    this.active.clear();
  }
}
