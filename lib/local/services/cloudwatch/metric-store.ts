import type { MetricSample } from "../../kernel/service.ts";
import { Distribution } from "./distribution.ts";

export interface MetricIdentity {
  namespace: string;
  name: string;
  dimensions: Record<string, string>;
}

/** What one write brings: samples with values, or a statistic set. */
export interface MetricWrite extends Omit<MetricSample, "values" | "counts"> {
  values?: readonly number[];
  counts?: readonly number[];
  statisticSet?: { count: number; sum: number; minimum: number; maximum: number };
}

type Units = Map<string, Distribution>;

/** Sub-minute data is readable for 3 hours, minutes for 15 days (CloudWatch API reference, 2026). */
const HIGH_RESOLUTION_RETENTION_SECONDS = 3 * 3600;
const RETENTION_SECONDS = 15 * 86_400;

/** One metric: a slot per minute (or per second at high resolution), and what is recorded but not readable yet. */
export class MetricSeries {
  readonly identity: MetricIdentity;
  private readonly slots = new Map<number, Units>();
  private readonly pending = new Map<number, Map<number, Units>>();
  private earliestPendingMs = Number.POSITIVE_INFINITY;
  private highResolution = false;
  private newestSlot = Number.NEGATIVE_INFINITY;
  private prunedAt = 0;

  constructor(identity: MetricIdentity) {
    this.identity = identity;
  }

  record(write: MetricWrite, nowMs: number): void {
    const second = Math.floor(write.timestampMs / 1000);
    if (write.storageResolutionSeconds === 1) this.highResolution = true;
    const slot = write.storageResolutionSeconds === 1 ? second : second - (second % 60);
    const visibleAtMs = write.visibleAtMs ?? nowMs;
    if (visibleAtMs <= nowMs) {
      this.newestSlot = Math.max(this.newestSlot, slot);
      addTo(this.slots, slot, write);
      this.prune(nowMs);
      return;
    }
    let batch = this.pending.get(visibleAtMs);
    if (!batch) {
      batch = new Map();
      this.pending.set(visibleAtMs, batch);
    }
    addTo(batch, slot, write);
    this.earliestPendingMs = Math.min(this.earliestPendingMs, visibleAtMs);
  }

  /** True when nothing readable lies at or after `second`. */
  isSilentSince(second: number, nowMs: number): boolean {
    this.publish(nowMs);
    return this.newestSlot < second;
  }

  /** Readable samples of [from, to) in epoch seconds, by unit. */
  read(from: number, to: number, nowMs: number): Map<string, Distribution> {
    this.publish(nowMs);
    const found: Map<string, Distribution> = new Map();
    const step = this.highResolution ? 1 : 60;
    for (let slot = Math.ceil(from / step) * step; slot < to; slot += step) {
      for (const [unit, samples] of this.slots.get(slot) ?? []) {
        const merged = found.get(unit) ?? new Distribution();
        merged.merge(samples);
        found.set(unit, merged);
      }
    }
    return found;
  }

  /** Virtual time of the newest readable slot, epoch seconds; undefined when nothing is readable. */
  newestReadable(nowMs: number): number | undefined {
    this.publish(nowMs);
    return Number.isFinite(this.newestSlot) ? this.newestSlot : undefined;
  }

  private publish(nowMs: number): void {
    if (this.earliestPendingMs > nowMs) return;
    this.earliestPendingMs = Number.POSITIVE_INFINITY;
    for (const [visibleAtMs, batch] of this.pending) {
      if (visibleAtMs > nowMs) {
        this.earliestPendingMs = Math.min(this.earliestPendingMs, visibleAtMs);
        continue;
      }
      this.pending.delete(visibleAtMs);
      for (const [slot, units] of batch) {
        this.newestSlot = Math.max(this.newestSlot, slot);
        const target = this.slots.get(slot);
        if (!target) this.slots.set(slot, units);
        else
          for (const [unit, samples] of units) {
            const known = target.get(unit);
            if (known) known.merge(samples);
            else target.set(unit, samples);
          }
      }
    }
    this.prune(nowMs);
  }

  private prune(nowMs: number): void {
    const now = Math.floor(nowMs / 1000);
    if (now - this.prunedAt < HIGH_RESOLUTION_RETENTION_SECONDS) return;
    this.prunedAt = now;
    for (const [slot, units] of this.slots) {
      if (slot < now - RETENTION_SECONDS) this.slots.delete(slot);
      else if (slot % 60 !== 0 && slot < now - HIGH_RESOLUTION_RETENTION_SECONDS) {
        this.slots.delete(slot);
        const minute = slot - (slot % 60);
        const target = this.slots.get(minute);
        if (!target) this.slots.set(minute, units);
        else
          for (const [unit, samples] of units) {
            const known = target.get(unit);
            if (known) known.merge(samples);
            else target.set(unit, samples);
          }
      }
    }
  }
}

function addTo(slots: Map<number, Units>, slot: number, write: MetricWrite): void {
  let units = slots.get(slot);
  if (!units) {
    units = new Map();
    slots.set(slot, units);
  }
  const unit = write.unit ?? "None";
  let samples = units.get(unit);
  if (!samples) {
    samples = new Distribution();
    units.set(unit, samples);
  }
  if (write.statisticSet) samples.addStatisticSet(write.statisticSet);
  const { values = [], counts } = write;
  for (let index = 0; index < values.length; index++) samples.add(values[index] as number, counts?.[index] ?? 1);
}

export function seriesKey(identity: MetricIdentity): string {
  const names = Object.keys(identity.dimensions);
  if (names.length > 1) names.sort();
  let key = `${identity.namespace}\u0000${identity.name}`;
  for (const name of names) key += `\u0000${name}\u0001${identity.dimensions[name]}`;
  return key;
}

/** All metrics of the account. Dimension sets are separate metrics: CloudWatch never aggregates across them. */
export class MetricStore {
  private readonly series = new Map<string, MetricSeries>();

  record(write: MetricWrite, nowMs: number): void {
    const key = seriesKey(write);
    let series = this.series.get(key);
    if (!series) {
      series = new MetricSeries({
        namespace: write.namespace,
        name: write.name,
        dimensions: { ...write.dimensions },
      });
      this.series.set(key, series);
    }
    series.record(write, nowMs);
  }

  find(identity: MetricIdentity): MetricSeries | undefined {
    return this.series.get(seriesKey(identity));
  }

  all(): Iterable<MetricSeries> {
    return this.series.values();
  }

  clear(): void {
    this.series.clear();
  }
}
