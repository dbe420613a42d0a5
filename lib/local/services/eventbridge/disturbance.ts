import type { SeededRandom } from "../../kernel/random.ts";

/** EventBridge delivers at least once, in no order, and some sources are best effort; tests can provoke all of it. */
export interface Disturbance {
  /** Share of events, 0 to 1, that arrive twice. */
  duplicate?: number;
  /** Share of events that never arrive. */
  drop?: number;
  /** Share of events that are overtaken: they arrive up to `delayMs` (default 10 s) later. */
  reorder?: number;
  /** Virtual milliseconds that every event arrives later; with `reorder`, the most that one is held up. */
  delayMs?: number;
  /** Only events of this source (`aws.codedeploy`). */
  source?: string;
}

export class Disturbances {
  private active: Disturbance[] = [];
  private readonly random: SeededRandom;

  constructor(random: SeededRandom) {
    this.random = random;
  }

  /** Returns how to end it. */
  add(disturbance: Disturbance): () => void {
    this.active.push(disturbance);
    return () => {
      this.active = this.active.filter((other) => other !== disturbance);
    };
  }

  clear(): void {
    this.active = [];
  }

  /** Extra delays, one for each time that the event arrives. */
  arrivals(source: string): number[] {
    let arrivals = [0];
    for (const each of this.active) {
      if (each.source !== undefined && each.source !== source) continue;
      if (this.hits(each.drop)) return [];
      if (this.hits(each.duplicate)) arrivals = [...arrivals, ...arrivals];
      const held = () => {
        if (each.reorder === undefined) return each.delayMs ?? 0;
        return this.hits(each.reorder) ? this.random.integer(1, each.delayMs ?? 10_000) : 0;
      };
      arrivals = arrivals.map((delay) => delay + held());
    }
    return arrivals;
  }

  private hits(probability: number | undefined): boolean {
    return probability !== undefined && this.random.chance(probability);
  }
}
