import { healthyCells, regressionCells } from "./cells.ts";
import { runErrorCell } from "./error-trial.ts";
import { judgeCells } from "./judge-cells.ts";
import { runJudgeCell } from "./judge-trial.ts";
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

const cells = new Map<string, (from: number, to: number) => Tally[]>([
  ...[...regressionCells().cells, ...healthyCells()].map((cell) => [cell.key, runErrorCell.bind(null, cell)] as const),
  ...judgeCells().map((cell) => [cell.key, runJudgeCell.bind(null, cell)] as const),
]);

export function runJob({ cell, from, to }: Job): JobResult {
  const started = performance.now();
  const before = process.cpuUsage();
  const tallies = cells.get(cell)!(from, to);
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
