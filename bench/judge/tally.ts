/** What one method did over some runs of a cell; sums, so that parts of a cell can be added up in any order. */
export interface Tally {
  runs: number;
  detected: number;
  /** Of detected runs in each group of releases that share their traffic, the square: for the confidence interval. */
  groupSquares: number;
  groups: number;
  /** Failed canary requests up to the rollback. */
  bad: number;
  /** Runs by the look they ended at, in steps of 10 s; a run without a rollback counts with the whole horizon. */
  delays: Record<number, number>;
}

export const STEP_SECONDS = 10;

export const emptyTally = (): Tally => ({ runs: 0, detected: 0, groupSquares: 0, groups: 0, bad: 0, delays: {} });

export function addTally(a: Tally, b: Tally): Tally {
  const delays = { ...a.delays };
  for (const [step, count] of Object.entries(b.delays)) delays[Number(step)] = (delays[Number(step)] ?? 0) + count;
  return {
    runs: a.runs + b.runs,
    detected: a.detected + b.detected,
    groupSquares: a.groupSquares + b.groupSquares,
    groups: a.groups + b.groups,
    bad: a.bad + b.bad,
    delays,
  };
}

export const shareDetected = ({ detected, runs }: Tally) => detected / runs;
export const badServed = ({ bad, runs }: Tally) => bad / runs;

export function meanDelay({ delays, runs }: Tally): number {
  return (STEP_SECONDS * Object.entries(delays).reduce((sum, [step, count]) => sum + Number(step) * count, 0)) / runs;
}

export function medianDelay({ delays, runs }: Tally): number {
  let seen = 0;
  for (const step of Object.keys(delays)
    .map(Number)
    .sort((a, b) => a - b)) {
    seen += delays[step]!;
    if (2 * seen > runs) return step * STEP_SECONDS;
  }
  return 0;
}

const Z = 1.96;

/** Upper end of the 95 % interval (Wilson) of the share detected, with as many runs as the groups are worth. */
export function upperBound(tally: Tally): number {
  const share = shareDetected(tally);
  const n = effectiveRuns(tally);
  const centre = share + (Z * Z) / (2 * n);
  return (centre + Z * Math.sqrt((share * (1 - share)) / n + (Z * Z) / (4 * n * n))) / (1 + (Z * Z) / n);
}

/** Runs that share their traffic may tell less than as many that do not: the design effect of a cluster sample. */
function effectiveRuns({ runs, detected, groupSquares, groups }: Tally): number {
  if (groups === runs || detected === 0) return runs;
  const size = runs / groups;
  const mean = detected / groups;
  const between = groupSquares / groups - mean * mean;
  const independent = size * (detected / runs) * (1 - detected / runs);
  return runs / Math.max(1, between / independent);
}
