/** What became of many runs of one experiment. */
export interface Tally {
  runs: number;
  /** Runs that did not end as they must, in words. */
  failures: string[];
  /** Effects that were had twice, in words. */
  duplicates: string[];
  /** Figures of which the largest counts. */
  most: Record<string, number>;
  /** Figures that add up. */
  sum: Record<string, number>;
}

export const emptyTally = (): Tally => ({ runs: 0, failures: [], duplicates: [], most: {}, sum: {} });

export function raise({ most }: Tally, name: string, value: number): void {
  most[name] = Math.max(most[name] ?? Number.NEGATIVE_INFINITY, value);
}

export function add({ sum }: Tally, name: string, value = 1): void {
  sum[name] = (sum[name] ?? 0) + value;
}

export function merge(into: Tally, other: Tally): void {
  into.runs += other.runs;
  into.failures.push(...other.failures);
  into.duplicates.push(...other.duplicates);
  for (const [name, value] of Object.entries(other.most)) raise(into, name, value);
  for (const [name, value] of Object.entries(other.sum)) add(into, name, value);
}

/** The part of an experiment's runs that is one worker's, and how many of all are run: 1 of `every`, from `first` on (default 0). */
export interface Part {
  index: number;
  of: number;
  every: number;
  first?: number;
  /** Throttled runs of each share, and repeated ones. Default 1,000. */
  runs?: number;
}

export const DEFAULT_RUNS = 1000;

/** Numbers 0 … count-1 that belong to a part. */
export const mine = (count: number, { index, of, every, first = 0 }: Part): number[] =>
  Array.from({ length: count }, (_, i) => i).filter(
    (i) => i % every === first % every && Math.floor(i / every) % of === index,
  );
