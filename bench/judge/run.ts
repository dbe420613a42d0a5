import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { fingerprint } from "../fingerprint.ts";
import type { Job } from "../job.ts";
import { PROCESSES, runJobs } from "../processes.ts";
import type { Benchmark } from "../run.ts";
import { healthyCells, regressionCells } from "./cells.ts";
import type { Measured } from "./compare.ts";
import { measureCost } from "./cost.ts";
import type { JobResult } from "./jobs.ts";
import { judgeCells } from "./judge-cells.ts";
import { page } from "./page.ts";
import { addTally } from "./tally.ts";

const ROOT = new URL("../../", import.meta.url);
const PAGE = new URL("docs/benchmarks/judge.md", ROOT);
const WORKER = new URL("worker.ts", import.meta.url);
const KEPT = new URL(".goaround/bench/", ROOT);

const HELP = `npm run bench -- judge [--quick] [--regressions N] [--healthy N] [--fresh]

  --quick          a look at it in two minutes; its page goes to .goaround/bench/judge-quick.md
  --regressions N  runs a regression cell (2000)
  --healthy N      runs a healthy row, at least (20000); rows in which a test spends its whole alpha get five
                   or six times as many
  --judge N        runs a row of the whole judge (20000 healthy ones, a tenth of it else)
  --fresh          measure again what an earlier run of the same code has measured

Two processes; Ctrl-C loses nothing but the parts that are being measured.
`;

/** Compares ways to decide on the same random traffic and writes docs/benchmarks/judge.md. */
export const run: Benchmark = async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: "boolean" },
      regressions: { type: "string" },
      healthy: { type: "string" },
      judge: { type: "string" },
      fresh: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  const runs = Number(values.regressions ?? (values.quick ? 30 : 2000));
  const healthyRuns = Number(values.healthy ?? (values.quick ? 200 : 20_000));
  const judgeRuns = Number(values.judge ?? (values.quick ? 200 : 20_000));
  if (values.help || !(runs >= 1) || !(healthyRuns >= 1) || !(judgeRuns >= 1)) {
    process.stderr.write(HELP);
    return values.help ? 0 : 2;
  }
  const started = performance.now();
  const regressions = regressionCells();
  const healthy = healthyCells();
  const jobs = [
    ...regressions.cells.flatMap((cell) => parts(cell, runs, 500)),
    ...healthy.flatMap((cell) => partsOfHealthy(cell, healthyRuns)),
  ];
  mkdirSync(KEPT, { recursive: true });
  const judge = judgeCells();
  const judgeJobs = judge.flatMap((cell) =>
    parts(cell, Math.ceil(cell.healthy && !cell.fault ? judgeRuns : judgeRuns / 10), 500),
  );
  const measure = async (what: string, wanted: readonly Job[], code: string) => {
    const path = fileURLToPath(new URL(`${what}-${code}.jsonl`, KEPT));
    if (values.fresh) rmSync(path, { force: true });
    let told = 0;
    const onDone = (done: number) => {
      const now = performance.now();
      if (now - told < 15_000 && done < wanted.length) return;
      told = now;
      process.stderr.write(
        `${what}: ${done} of ${wanted.length} parts, ${((now - started) / 60_000).toFixed(1)} min\n`,
      );
    };
    const nameOf = ({ cell, from, to }: Job) => `${cell} ${from} ${to}`;
    return runJobs<Job, JobResult>({ worker: WORKER, jobs: wanted, path, nameOf, onDone });
  };
  const results = [
    ...(await measure("judge", jobs, fingerprint(MEASURING))),
    ...(await measure("whole-judge", judgeJobs, fingerprint([...MEASURING, ...MEASURING_WHOLE]))),
  ];
  const text = page({
    regressions: regressions.cells.map((cell) => measured(cell, results)),
    unreachable: regressions.unreachable,
    healthy: healthy.map((cell) => measured(cell, results)),
    judge: judge.map((cell) => measured(cell, results)),
    cost: measureCost(values.quick === true),
    runs,
    wallMinutes: results.reduce((sum, { wallSeconds }) => sum + wallSeconds, 0) / 60 / PROCESSES,
    cpuMinutes: results.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0) / 60,
  });
  const target = values.quick ? new URL("judge-quick.md", KEPT) : PAGE;
  writeFileSync(target, text);
  process.stdout.write(`${fileURLToPath(target)} written\n`);
  return 0;
};

function parts({ key }: { key: string }, runs: number, size: number): Job[] {
  return Array.from({ length: Math.ceil(runs / size) }, (_, i) => ({
    cell: key,
    from: i * size,
    to: Math.min(runs, (i + 1) * size),
  }));
}

/**
 * More runs where the test spends nearly all it has, because its rate is then close to the limit: fixed by the traffic,
 * not by what is found.
 */
function partsOfHealthy(cell: ReturnType<typeof healthyCells>[number], runs: number): Job[] {
  const factor = cell.clustered || cell.requestsPerSecond < 1 ? 1 : cell.copies > 1 ? 6 : 5;
  return parts(cell, Math.ceil((runs * factor) / cell.copies), 2000);
}

function measured<Cell extends { key: string }>(cell: Cell, results: readonly JobResult[]): Measured<Cell> {
  const own = results.filter((result) => result.cell === cell.key).map(({ tallies }) => tallies);
  return { cell, tallies: own.reduce((a, b) => a.map((tally, i) => addTally(tally, b[i]!))) };
}

const SEQUENTIAL = "lib/core/judge/sequential/";
const MEASURING = [
  ...["ces", "e-process", "errors", "null-law", "traffic"].map((name) => `${SEQUENTIAL}${name}.ts`),
  ...["cells", "detector", "detectors", "error-trial", "goaround", "kayenta", "random"].map(
    (name) => `bench/judge/${name}.ts`,
  ),
];

const MEASURING_WHOLE = [
  ...["judge", "environments", "promotion", "share", "effect"].map((name) => `${SEQUENTIAL}${name}.ts`),
  ...["certainty", "evaluate", "fixed", "increments", "rules", "rule-settings", "triggers"].map(
    (name) => `lib/core/judge/${name}.ts`,
  ),
  ...["judge-cells", "judge-trial", "durations", "late-minutes"].map((name) => `bench/judge/${name}.ts`),
];
