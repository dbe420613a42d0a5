import { healthyCells, regressionCells } from "./cells.ts";
import { type ErrorCell, runErrorCell } from "./error-trial.ts";
import type { Tally } from "./tally.ts";

/** Some runs of one cell; what a worker does at a time. */
export interface Job {
  cell: string;
  from: number;
  to: number;
}

export interface JobResult extends Job {
  tallies: Tally[];
  /** Of the process that did it. */
  cpuSeconds: number;
  wallSeconds: number;
}

const cells = new Map<string, ErrorCell>(
  [...regressionCells().cells, ...healthyCells()].map((cell) => [cell.key, cell]),
);

export function runJob({ cell, from, to }: Job): JobResult {
  const started = performance.now();
  const before = process.cpuUsage();
  const tallies = runErrorCell(cells.get(cell)!, from, to);
  const { user, system } = process.cpuUsage(before);
  return {
    cell,
    from,
    to,
    tallies,
    cpuSeconds: (user + system) / 1e6,
    wallSeconds: (performance.now() - started) / 1000,
  };
}
