/**
 * What a release can find out at all, before it begins: no test can tell a bad canary from chance sooner than the
 * information in the traffic allows (Wald, "Sequential Analysis", 1947).
 */

/** What happens in one part of a shift. */
export interface ShiftStep {
  /** Of the traffic, for the canary: 0 to 1, both excluded. */
  share: number;
  minutes: number;
}

/** The parts of CodeDeploy's shift in which both versions serve; none where all traffic moves at once. */
export function shiftSteps(kind: string, percentage: number, minutes: number): ShiftStep[] {
  if (kind === "canary") return [{ share: percentage / 100, minutes }];
  const count = kind === "linear" ? Math.ceil(100 / percentage) - 1 : 0;
  return Array.from({ length: count }, (_, i) => ({ share: ((i + 1) * percentage) / 100, minutes }));
}

export interface Expectation {
  /** To both versions together. */
  requestsPerSecond: number;
  /** Errors over requests, 0 to 1. */
  baselineRate: number;
  /** Of the canary that must be found. */
  canaryRate: number;
  /** Probability of blaming a harmless version, 0 to 1. */
  alpha: number;
}

/** Tests in use need about this many times the least time in the mean (docs/benchmarks/judge.md). */
const TIMES_LEAST = 1.5;
/** Fewer errors of the canary than this are never enough, however quiet the baseline is. */
const LEAST_CANARY_ERRORS = 3;
/** A canary with more than half of the traffic is no canary. Percent. */
const MAX_SHARE_PERCENT = 50;
/** CodeDeploy: from the first shift to the last (user guide, limits, 2023). */
const MAX_MINUTES = 2880;

/**
 * Information, in nats, that one request brings about whether the versions differ: the mutual information between the
 * version that served it and its outcome.
 */
export function informationPerRequest(share: number, baselineRate: number, canaryRate: number): number {
  const pooled = share * canaryRate + (1 - share) * baselineRate;
  const term = (p: number, q: number) => (p === 0 ? 0 : p * Math.log(p / q));
  const divergence = (p: number) => term(p, pooled) + term(1 - p, 1 - pooled);
  return share * divergence(canaryRate) + (1 - share) * divergence(baselineRate);
}

/**
 * How much of what it takes a shift brings: below 1 it is blind to the regression. At 1 about seven in ten such canaries
 * are found (`goaround judge --plan`).
 */
export function visibility(steps: readonly ShiftStep[], expectation: Expectation): number {
  const { requestsPerSecond, baselineRate, canaryRate, alpha } = expectation;
  let information = 0;
  let canaryErrors = 0;
  for (const { share, minutes } of steps) {
    const requests = requestsPerSecond * minutes * 60;
    information += requests * informationPerRequest(share, baselineRate, canaryRate);
    canaryErrors += requests * share * canaryRate;
  }
  return Math.min(information / (TIMES_LEAST * Math.log(1 / alpha)), canaryErrors / LEAST_CANARY_ERRORS);
}

export interface Remedy {
  /** The same shift in so many times the time; undefined where 48 hours are not enough. */
  timesLonger?: number;
  /** So many percent in the same time; undefined where half of the traffic is not enough, or there are several steps. */
  sharePercent?: number;
}

/** What would make a blind shift see. */
export function remedyFor(steps: readonly ShiftStep[], expectation: Expectation): Remedy {
  const remedy: Remedy = {};
  const timesLonger = 1 / visibility(steps, expectation);
  const minutes = steps.reduce((sum, step) => sum + step.minutes, 0);
  if (timesLonger * minutes <= MAX_MINUTES) remedy.timesLonger = timesLonger;
  const [only] = steps;
  if (only === undefined || steps.length > 1) return remedy;
  for (let percent = Math.ceil(100 * only.share); percent <= MAX_SHARE_PERCENT; percent++) {
    if (visibility([{ ...only, share: percent / 100 }], expectation) < 1) continue;
    remedy.sharePercent = percent;
    break;
  }
  return remedy;
}
