import { type CesState, coarser, flushed } from "./ces.ts";

const MOST_CELLS = 150;
const LOW_MASS = 1e-6;
const HIGH_MASS = 1e-9;

/** A state whose laws are text: four letters a cell. */
export interface PackedCes extends Omit<CesState, "cells" | "pending"> {
  cells: string;
  pending: { from: number; cells: string; canaryErrors: number };
}

/**
 * The same state in at most 150 cells. Nothing here makes the rollback of a harmless version likelier: the lowest cells
 * are moved up, the highest count as spent, probabilities are rounded up, and on a coarser lattice the canary's own
 * position is rounded as its law is.
 */
export function packCes(state: CesState): PackedCes {
  let next = narrowed(state.pending.cells.length > MOST_CELLS ? flushed(state) : state);
  while (next.cells.length > MOST_CELLS) next = coarser(next, 2);
  return { ...next, cells: encode(next.cells), pending: { ...next.pending, cells: encode(next.pending.cells) } };
}

export const unpackCes = (packed: PackedCes): CesState => ({
  ...packed,
  cells: decode(packed.cells),
  pending: { ...packed.pending, cells: decode(packed.pending.cells) },
});

function narrowed(state: CesState): CesState {
  const { cells } = state;
  let low = 0;
  let first = 0;
  while (first < cells.length - 1 && low + cells[first]! < LOW_MASS) low += cells[first++]!;
  let high = 0;
  let last = cells.length - 1;
  while (last > first && high + cells[last]! < HIGH_MASS) high += cells[last--]!;
  const kept = cells.slice(first, last + 1);
  kept[0]! += low;
  return { ...state, from: state.from + first, cells: kept, spent: state.spent + high };
}

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/** Logarithms from e^-46 (1e-20) to 1 in 2^24 − 2 steps; 0 stands for no probability at all. */
const DEPTH = 46;
const STEPS = 2 ** 24 - 2;

const encode = (cells: readonly number[]): string =>
  cells
    .map((cell) => {
      const step = cell <= 0 ? 0 : 1 + Math.max(0, Math.min(STEPS, Math.ceil((1 + Math.log(cell) / DEPTH) * STEPS)));
      return [18, 12, 6, 0].map((shift) => LETTERS[(step >> shift) & 63]).join("");
    })
    .join("");

const decode = (text: string): number[] =>
  Array.from({ length: text.length / 4 }, (_, i) => {
    const step = [0, 1, 2, 3].reduce((sum, j) => sum * 64 + LETTERS.indexOf(text[4 * i + j]!), 0);
    return step === 0 ? 0 : Math.exp(((step - 1) / STEPS - 1) * DEPTH);
  });
