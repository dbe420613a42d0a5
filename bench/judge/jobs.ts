import { type Job, timed } from "../job.ts";
import { healthyCells, regressionCells } from "./cells.ts";
import { runErrorCell } from "./error-trial.ts";
import { judgeCells } from "./judge-cells.ts";
import { runJudgeCell } from "./judge-trial.ts";
import type { Tally } from "./tally.ts";

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

export async function runJob({ cell, from, to }: Job): Promise<JobResult> {
  const { result: tallies, ...took } = await timed(() => cells.get(cell)!(from, to));
  return { cell, from, to, tallies, ...took };
}
