import { type Block, binomial, certain, hypergeometric, type Law } from "./null-law.ts";

/**
 * CES: a conditional exact alpha-spending test on the canary's cumulative errors. It rolls back when the errors reach a
 * boundary that a harmless version reaches, ever, with probability at most `alpha`: for any error rate that varies as
 * it likes, any traffic, and any schedule of looks that does not depend on the canary's errors.
 *
 * Spending: by elapsed time T at most alpha × T / (T + tau) has been spent (Lan and DeMets 1983), so some is left for
 * ever. Late data are simply part of the block in which they arrive.
 */
export interface CesOptions {
  /** Probability of ever rolling back a harmless version. */
  alpha: number;
  /** Share of traffic the canary is meant to get, 0 to 1. Used only for blocks below `sparseBelow`. */
  share: number;
  /** Seconds after which half of alpha may be spent. Default 60. */
  tauSeconds?: number;
  /** Blocks with fewer requests than this use the configured share instead of the realised split. Default 50. */
  sparseBelow?: number;
  /** Cells above which the lattice becomes twice as coarse. Default 8192: hours of 10,000 requests/s with 1 % errors. */
  widest?: number;
  /** No rollback before this many canary errors. Default 2. */
  minErrors?: number;
  /** Odds ratio that is tolerated: the test is of "not worse than this". Default 1. */
  tolerance?: number;
  /** Canary error rate minus baseline error rate, 0 to 1, below which nothing is rolled back. Default 0. */
  minExcess?: number;
}

/** Cells enough for a step of a hundredth of the law's standard deviation: what the judge uses. */
export const JUDGE_CELLS = 1024;

/** Serialisable. */
export interface CesState {
  /** Errors of one lattice step: 1 until the law grows wide, then a power of two. */
  unit: number;
  /** `cells[i]` is the probability, under no difference, of being `from + i` steps up without having stopped. */
  from: number;
  cells: number[];
  /** Where the canary really is, in steps. */
  position: number;
  /** Blocks that wait until they are wide against a step. */
  pending: { from: number; cells: number[]; canaryErrors: number };
  spent: number;
  variance: number;
  totals: Block;
  /** The boundary was reached: a rollback waits for the minimum excess only. */
  crossed: boolean;
}

export interface CesLook {
  state: CesState;
  /** Errors at which this look would have rolled back; null when nothing could have. */
  boundary: number | null;
  /** Probability spent so far. */
  spent: number;
  canaryErrors: number;
  rollback: boolean;
}

const NOTHING_PENDING = { from: 0, cells: [1], canaryErrors: 0 };

const NO_BLOCK: Block = { canaryRequests: 0, baselineRequests: 0, canaryErrors: 0, baselineErrors: 0 };

export const initialCes: CesState = {
  unit: 1,
  from: 0,
  cells: [1],
  position: 0,
  pending: NOTHING_PENDING,
  spent: 0,
  variance: 0,
  totals: NO_BLOCK,
  crossed: false,
};

/** Wider than this, cells that hold next to nothing are dropped at both ends; what they held counts as spent. */
const TRIM_ABOVE = 400;
const TRIM_CELL = 1e-13;
/** Standard deviation of a block in steps below which it waits: rounding then adds a twelfth to its variance at most. */
const WIDE_ENOUGH = 1;

/** One look at `elapsedSeconds` since the shift began, with the block of data that is new since the last look. */
export function lookCes(state: CesState, block: Block, elapsedSeconds: number, options: CesOptions): CesLook {
  const totals = addBlocks(state.totals, block);
  const { canaryErrors } = totals;
  const law = lawOf(block, options);
  const variance = state.variance + varianceOf(law.probabilities);
  const seen = { ...state, totals, variance };
  const exceeds = excess(totals) >= (options.minExcess ?? 0);
  if (state.crossed) return { state: seen, boundary: null, spent: state.spent, canaryErrors, rollback: exceeds };

  const moved = advance(seen, law, block.canaryErrors);
  if (moved === undefined) {
    const pending = pend(seen, law, block.canaryErrors);
    return { state: { ...seen, pending }, boundary: null, spent: state.spent, canaryErrors, rollback: false };
  }
  const share = elapsedSeconds / (elapsedSeconds + (options.tauSeconds ?? 60));
  const { boundary, tail } = boundaryOf(moved, options.alpha * share - state.spent, options.minErrors ?? 2);
  const shown = boundary === null ? null : boundaryInErrors(boundary, moved, canaryErrors);
  if (boundary !== null && moved.position >= boundary) {
    const crossed = { ...moved, spent: state.spent + tail, crossed: true };
    return { state: crossed, boundary: shown, spent: crossed.spent, canaryErrors, rollback: exceeds };
  }
  const cells = boundary === null ? moved.cells : moved.cells.slice(0, boundary - moved.from);
  const left = { ...moved, cells, spent: state.spent + (boundary === null ? 0 : tail) };
  const next = narrow(left, options.widest ?? 8192);
  return { state: next, boundary: shown, spent: next.spent, canaryErrors, rollback: false };
}

/** The lowest boundary whose tail still fits the allowance; summed from the right, smallest terms first. */
function boundaryOf(state: CesState, allowance: number, minErrors: number): { boundary: number | null; tail: number } {
  let sum = 0;
  let boundary: number | null = null;
  let tail = 0;
  for (let i = state.cells.length - 1; i >= 0 && (state.from + i) * state.unit >= minErrors; i--) {
    sum += state.cells[i]!;
    if (sum > allowance) break;
    boundary = state.from + i;
    tail = sum;
  }
  return { boundary, tail };
}

const boundaryInErrors = (boundary: number, state: CesState, canaryErrors: number) =>
  state.unit === 1 ? boundary : canaryErrors + (boundary - state.position) * state.unit;

/**
 * The state after a block; undefined when the block has to wait. On a coarse lattice the law and what was observed are
 * rounded alike, so the law stays exact for the rounded sum.
 */
function advance(state: CesState, law: Law, canaryErrors: number): CesState | undefined {
  if (state.unit === 1) return move(state, law.from, law.probabilities, canaryErrors);
  const pending = pend(state, law, canaryErrors);
  if (Math.sqrt(varianceOf(pending.cells)) < WIDE_ENOUGH * state.unit) return undefined;
  return flushed({ ...state, pending });
}

/** What was pending is taken in, however narrow it is. */
export function flushed(state: CesState): CesState {
  const { pending, unit } = state;
  const coarse = coarsen(pending.from, pending.cells, unit);
  const steps = rounded(pending.canaryErrors, unit);
  return move({ ...state, pending: NOTHING_PENDING }, coarse.from, Float64Array.from(coarse.cells), steps);
}

const move = (state: CesState, from: number, law: Float64Array, steps: number): CesState => ({
  ...state,
  from: state.from + from,
  cells: convolve(state.cells, law),
  position: state.position + steps,
});

const pend = ({ pending }: CesState, law: Law, canaryErrors: number) => ({
  from: pending.from + law.from,
  cells: convolve(pending.cells, law.probabilities),
  canaryErrors: pending.canaryErrors + canaryErrors,
});

/** Drops what is negligible, and makes the lattice coarser while the law is too wide for it. */
function narrow(state: CesState, widest: number): CesState {
  const trimmed = trim(state.from, state.cells);
  const next = { ...state, from: trimmed.from, cells: trimmed.cells, spent: state.spent + trimmed.dropped };
  return next.cells.length <= widest ? next : coarser(next, 2);
}

/** The same state on a lattice whose steps are `factor` times as long. */
export function coarser(state: CesState, factor: number): CesState {
  return {
    ...state,
    ...coarsen(state.from, state.cells, factor),
    unit: state.unit * factor,
    position: rounded(state.position, factor),
  };
}

const rounded = (value: number, step: number) => Math.floor((value + step / 2) / step);

function coarsen(from: number, cells: readonly number[], step: number): { from: number; cells: number[] } {
  const first = rounded(from, step);
  const out: number[] = Array(rounded(from + cells.length - 1, step) - first + 1).fill(0);
  for (let i = 0; i < cells.length; i++) out[rounded(from + i, step) - first]! += cells[i]!;
  return { from: first, cells: out };
}

function lawOf(block: Block, options: CesOptions): Law {
  const errors = block.canaryErrors + block.baselineErrors;
  if (errors === 0) return certain(0);
  if (block.canaryRequests + block.baselineRequests < (options.sparseBelow ?? 50)) {
    return binomial(errors, options.share, options.tolerance);
  }
  // With one side empty nothing can be compared: the errors are where they had to be.
  if (block.canaryRequests === 0 || block.baselineRequests === 0) return certain(block.canaryErrors);
  return hypergeometric(block.canaryRequests, block.baselineRequests, errors, options.tolerance);
}

export const addBlocks = (a: Block, b: Block): Block => ({
  canaryRequests: a.canaryRequests + b.canaryRequests,
  baselineRequests: a.baselineRequests + b.baselineRequests,
  canaryErrors: a.canaryErrors + b.canaryErrors,
  baselineErrors: a.baselineErrors + b.baselineErrors,
});

function excess(totals: Block): number {
  const canary = totals.canaryRequests === 0 ? 0 : totals.canaryErrors / totals.canaryRequests;
  return canary - (totals.baselineRequests === 0 ? 0 : totals.baselineErrors / totals.baselineRequests);
}

function varianceOf(probabilities: ArrayLike<number>): number {
  let mean = 0;
  let square = 0;
  for (let i = 0; i < probabilities.length; i++) {
    const part = i * probabilities[i]!;
    mean += part;
    square += i * part;
  }
  return Math.max(0, square - mean * mean);
}

/**
 * The sum's law. Four cells at a time, each sum kept in a variable: this is what a look at heavy traffic consists of.
 * `padded` has a cell of 0 for wherever the law hangs over the ends.
 */
function convolve(cells: readonly number[], law: ArrayLike<number>): number[] {
  const width = law.length;
  if (width === 1 && law[0] === 1) return cells as number[];
  const padded = new Float64Array(cells.length + 2 * width + 3);
  for (let i = 0; i < cells.length; i++) padded[width + i] = cells[i]!;
  const length = cells.length + width - 1;
  const out: number[] = [];
  for (let k = 0; k < length; k += 4) {
    const at = k + width;
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    let [c0, c1, c2, c3] = [padded[at]!, padded[at + 1]!, padded[at + 2]!, padded[at + 3]!];
    for (let j = 0; j < width; j++) {
      const weight = law[j]!;
      s0 += weight * c0;
      s1 += weight * c1;
      s2 += weight * c2;
      s3 += weight * c3;
      c3 = c2;
      c2 = c1;
      c1 = c0;
      c0 = padded[at - j - 1]!;
    }
    out.push(s0);
    if (k + 1 < length) out.push(s1);
    if (k + 2 < length) out.push(s2);
    if (k + 3 < length) out.push(s3);
  }
  return out;
}

function trim(from: number, cells: number[]): { from: number; cells: number[]; dropped: number } {
  if (cells.length <= TRIM_ABOVE) return { from, cells, dropped: 0 };
  let first = 0;
  let last = cells.length - 1;
  let dropped = 0;
  while (first < last && cells[first]! < TRIM_CELL) dropped += cells[first++]!;
  while (last > first && cells[last]! < TRIM_CELL) dropped += cells[last--]!;
  return { from: from + first, cells: cells.slice(first, last + 1), dropped };
}
