/** Distinct values that one distribution keeps as they are; beyond that they are binned. */
const EXACT_VALUES = 512;
/** Bins are 1 % wide, so a percentile of a busy minute is at most 0.5 % off. [inferred: CloudWatch bins too, width unpublished] */
const BIN_BASE = Math.log(1.01);

/** Samples of one metric, unit and storage slot: totals exactly, values exactly until there are many. */
export class Distribution {
  count = 0;
  sum = 0;
  minimum = Number.POSITIVE_INFINITY;
  maximum = Number.NEGATIVE_INFINITY;
  /** False once a statistic set without single values came in: percentiles are then unknown (CloudWatch guide, 2023). */
  hasValues = true;
  private values = new Map<number, number>();
  private binned = false;

  add(value: number, count = 1): void {
    this.count += count;
    this.sum += value * count;
    if (value < this.minimum) this.minimum = value;
    if (value > this.maximum) this.maximum = value;
    this.addToHistogram(value, count);
  }

  addStatisticSet(set: { count: number; sum: number; minimum: number; maximum: number }): void {
    if (set.minimum === set.maximum || set.count === 1) {
      this.add(set.sum / set.count, set.count);
      return;
    }
    this.count += set.count;
    this.sum += set.sum;
    this.minimum = Math.min(this.minimum, set.minimum);
    this.maximum = Math.max(this.maximum, set.maximum);
    this.hasValues = false;
  }

  merge(other: Distribution): void {
    this.count += other.count;
    this.sum += other.sum;
    this.minimum = Math.min(this.minimum, other.minimum);
    this.maximum = Math.max(this.maximum, other.maximum);
    this.hasValues &&= other.hasValues;
    for (const [value, count] of other.values) this.addToHistogram(value, count);
  }

  /** The smallest value that `share` (0 to 1) of the samples do not exceed; undefined when values are unknown. */
  quantile(share: number): number | undefined {
    if (!this.hasValues || this.count === 0) return undefined;
    const wanted = share * this.count;
    let seen = 0;
    for (const [value, count] of this.sorted()) {
      seen += count;
      if (seen >= wanted - 1e-9) return this.clamp(value);
    }
    return this.maximum;
  }

  /** Mean of the samples up to the quantile `share` (CloudWatch's tmNN); undefined when values are unknown. */
  trimmedMean(share: number): number | undefined {
    if (!this.hasValues || this.count === 0) return undefined;
    let left = share * this.count;
    let kept = 0;
    let sum = 0;
    for (const [value, count] of this.sorted()) {
      const taken = Math.min(count, left);
      sum += this.clamp(value) * taken;
      kept += taken;
      left -= taken;
      if (left <= 1e-9) break;
    }
    return kept === 0 ? undefined : sum / kept;
  }

  /** How many samples lie above `low` and not above `high`; undefined when values are unknown. */
  countBetween(low: number, high: number): number | undefined {
    if (!this.hasValues) return undefined;
    let counted = 0;
    for (const [value, count] of this.values) {
      const exact = this.clamp(value);
      if (exact > low && exact <= high) counted += count;
    }
    return counted;
  }

  private addToHistogram(value: number, count: number): void {
    const key = this.binned ? bin(value) : value;
    this.values.set(key, (this.values.get(key) ?? 0) + count);
    if (this.binned || this.values.size <= EXACT_VALUES) return;
    this.binned = true;
    const exact = this.values;
    this.values = new Map();
    for (const [each, times] of exact) this.values.set(bin(each), (this.values.get(bin(each)) ?? 0) + times);
  }

  private clamp(value: number): number {
    return Math.min(this.maximum, Math.max(this.minimum, value));
  }

  private sorted(): [number, number][] {
    return [...this.values].sort(([a], [b]) => a - b);
  }
}

function bin(value: number): number {
  if (value === 0) return 0;
  return Math.sign(value) * Math.exp(Math.round(Math.log(Math.abs(value)) / BIN_BASE) * BIN_BASE);
}
