import type { Clock, MonitoringPort } from "../../lib/core/ports.ts";
import type { LookPorts } from "../../lib/core/release/look.ts";
import { VERSIONS } from "./traffic.ts";
import type { ReleaseWorld } from "./world.ts";

const MINUTE_MS = 60_000;

/** Time of one method, which goes on when it waits. */
export class OwnClock implements Clock {
  nowMs: number;

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  now(): Date {
    return new Date(this.nowMs);
  }

  async sleep(ms: number): Promise<void> {
    this.nowMs += ms;
  }
}

/**
 * CloudWatch as the guard reads it: whole minutes that are out. Percentiles are left out: beside requests that are counted
 * by duration they cannot roll a release back.
 */
export class Metrics {
  /** Metrics asked for with GetMetricData, which are billed. */
  asked = 0;
  private readonly world: ReleaseWorld;
  private readonly clock: Clock;

  constructor(world: ReleaseWorld, clock: Clock) {
    this.world = world;
    this.clock = clock;
  }

  get port(): LookPorts["monitoring"] {
    return {
      minuteCounts: async (query) => {
        this.ask(3 + query.slowThresholdsMs.length);
        return this.minutes(query).map(({ at, counts }) => ({
          at,
          invocations: counts.requests,
          errors: counts.errors,
          slow:
            query.slowThresholdsMs.length > 0 ? counts.slow.map((count) => ({ least: count, most: count })) : undefined,
        }));
      },
      versionCounts: async (query) => {
        this.ask(9);
        const minutes = this.minutes(query).map(({ counts }) => counts);
        const sum = (of: (counts: (typeof minutes)[number]) => number) =>
          minutes.reduce((total, counts) => total + of(counts), 0);
        const invocations = sum(({ requests }) => requests);
        return {
          invocations,
          errors: sum(({ errors }) => errors),
          throttles: 0,
          averageDurationMs: invocations > 0 ? sum(({ durationMs }) => durationMs) / invocations : undefined,
          p99DurationMs: undefined,
        };
      },
      peakConcurrency: async ({ from, to }) => {
        this.ask(1);
        return to > from ? this.world.concurrency(from.getTime(), to.getTime()) : undefined;
      },
      declaredMetrics: async () => ({ values: {}, unreadable: {} }),
    };
  }

  private minutes({ version, from, to }: Parameters<MonitoringPort["versionCounts"]>[0]) {
    const side = version === VERSIONS.canary ? "canary" : "baseline";
    const now = this.clock.now().getTime();
    const found: { at: Date; counts: ReturnType<ReleaseWorld["countsOf"]> }[] = [];
    for (let at = Math.floor(from.getTime() / MINUTE_MS) * MINUTE_MS; at + MINUTE_MS <= to.getTime(); at += MINUTE_MS) {
      if (this.world.publishedMs(at) > now) continue;
      const counts = this.world.countsOf(side, at, at + MINUTE_MS);
      if (counts.requests > 0) found.push({ at: new Date(at), counts });
    }
    return found;
  }

  /** Throws while the scenario has CloudWatch fail for the guard. */
  private ask(metrics: number): void {
    this.asked += metrics;
    const since = (this.clock.now().getTime() - this.world.shifting.startMs) / 1000;
    for (const { service, operation, fromSeconds = -Infinity, untilSeconds = Infinity } of this.world.cell.scenario
      .apiFaults) {
      if (service === "cloudwatch" && operation === "GetMetricData" && since >= fromSeconds && since < untilSeconds) {
        throw new Error("CloudWatch is not available");
      }
    }
  }
}
