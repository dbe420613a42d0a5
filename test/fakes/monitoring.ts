import type { SideCounts } from "../../lib/core/judge/types.ts";
import type {
  AlarmState,
  AliasQuery,
  MetricAlarmDefinition,
  MinuteCounts,
  MonitoringPort,
  VersionQuery,
} from "../../lib/core/ports.ts";
import { Calls } from "./faults.ts";

export const noCounts: SideCounts = {
  invocations: 0,
  errors: 0,
  throttles: 0,
  averageDurationMs: undefined,
  p99DurationMs: undefined,
};

/** Counts at a rate: 60 requests, 5 % errors … */
export const counts = (invocations: number, errorPercent = 0, averageMs = 50, p99Ms = 200): SideCounts => ({
  invocations,
  errors: Math.round((invocations * errorPercent) / 100),
  throttles: 0,
  averageDurationMs: invocations === 0 ? undefined : averageMs,
  p99DurationMs: invocations === 0 ? undefined : p99Ms,
});

/**
 * CloudWatch as the decisions see it. Behaviour: unknown alarms are absent from the answer; counts come from
 * `perMinute`, once for each whole minute asked for, invocations and errors added up, the average weighted, the p99 the
 * highest of the minutes. Percentiles of an alias and its peak concurrency are what a test sets.
 */
export class FakeMonitoring implements MonitoringPort {
  readonly calls = new Calls();
  readonly states = new Map<string, AlarmState>();
  readonly actionsEnabled = new Map<string, boolean>();
  /** Of an alias' durations; undefined where nothing ran. */
  served: { functionName: string; requests: number; valuesMs: number[]; peak?: number } | undefined;
  unreadable: Record<string, string> = {};
  declared: (of: { version: string; name: string; minutes: number }) => number | undefined = () => undefined;
  perMinute: (side: { functionName: string; version: string; minute: Date }) => SideCounts = () => noCounts;

  async alarmStates(names: readonly string[]): Promise<Record<string, AlarmState>> {
    await this.calls.enter("alarmStates", names);
    return Object.fromEntries(names.flatMap((name) => (this.states.has(name) ? [[name, this.states.get(name)!]] : [])));
  }

  async putVersionErrorAlarm(alarm: MetricAlarmDefinition): Promise<void> {
    await this.calls.enter("putVersionErrorAlarm", alarm);
    if (!this.states.has(alarm.name)) this.states.set(alarm.name, "INSUFFICIENT_DATA");
    this.actionsEnabled.set(alarm.name, true);
  }

  async deleteAlarms(names: readonly string[]): Promise<void> {
    await this.calls.enter("deleteAlarms", names);
    for (const name of names) this.states.delete(name);
  }

  async alarmActions(names: readonly string[]): Promise<Record<string, boolean>> {
    await this.calls.enter("alarmActions", names);
    const known = names.filter((name) => this.states.has(name));
    return Object.fromEntries(known.map((name) => [name, this.actionsEnabled.get(name) ?? true]));
  }

  async setAlarmActions(names: readonly string[], enabled: boolean): Promise<void> {
    await this.calls.enter("setAlarmActions", { names, enabled });
    for (const name of names) this.actionsEnabled.set(name, enabled);
  }

  async versionCounts(query: VersionQuery) {
    await this.calls.enter("versionCounts", query);
    return this.sum(query, [query.version]);
  }

  async minuteCounts(query: {
    functionName: string;
    version: string;
    from: Date;
    to: Date;
    slowThresholdsMs: readonly number[];
  }): Promise<MinuteCounts[]> {
    await this.calls.enter("minuteCounts", query);
    const minutes: MinuteCounts[] = [];
    for (let at = query.from.getTime(); at < query.to.getTime(); at += 60_000) {
      const { functionName, version } = query;
      const { invocations, errors, slow } = this.perMinute({ functionName, version, minute: new Date(at) });
      const counted = query.slowThresholdsMs.map((_, i) => ({ least: slow?.[i] ?? 0, most: slow?.[i] ?? 0 }));
      if (invocations > 0) minutes.push({ at: new Date(at), invocations, errors, slow: slow && counted });
    }
    return minutes;
  }

  async durationPercentiles(query: { functionName: string; percentiles: readonly number[] }) {
    await this.calls.enter("durationPercentiles", query);
    const { served } = this;
    return served?.functionName === query.functionName
      ? { requests: served.requests, valuesMs: served.valuesMs }
      : undefined;
  }

  async declaredMetrics(query: {
    version: string;
    since: Date;
    to: Date;
    metrics: readonly { name: string; windowMinutes: number }[];
  }) {
    await this.calls.enter("declaredMetrics", query);
    const longest = (query.to.getTime() - query.since.getTime()) / 60_000;
    const known = query.metrics.flatMap(({ name, windowMinutes }) => {
      const minutes = Math.min(longest, windowMinutes);
      const value = this.declared({ version: query.version, name, minutes });
      return value === undefined ? [] : [[name, value]];
    });
    return { values: Object.fromEntries(known) as Record<string, number>, unreadable: this.unreadable };
  }

  async peakConcurrency(query: { functionName: string }) {
    await this.calls.enter("peakConcurrency", query);
    return this.served?.functionName === query.functionName ? this.served.peak : undefined;
  }

  async aliasCounts(query: AliasQuery) {
    await this.calls.enter("aliasCounts", query);
    return this.sum(query, ["*"]);
  }

  private sum(query: { functionName: string; from: Date; to: Date }, versions: string[]): SideCounts {
    const total = { ...noCounts };
    for (let at = query.from.getTime(); at < query.to.getTime(); at += 60_000) {
      for (const version of versions) {
        const one = this.perMinute({ functionName: query.functionName, version, minute: new Date(at) });
        const before = total.invocations;
        total.invocations += one.invocations;
        total.errors += one.errors;
        total.throttles += one.throttles;
        if (one.averageDurationMs !== undefined && total.invocations > 0) {
          total.averageDurationMs =
            ((total.averageDurationMs ?? 0) * before + one.averageDurationMs * one.invocations) / total.invocations;
        }
        if (one.p99DurationMs !== undefined) {
          total.p99DurationMs = Math.max(total.p99DurationMs ?? 0, one.p99DurationMs);
        }
      }
    }
    return total;
  }
}
