import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { fingerprint } from "../fingerprint.ts";
import type { Job } from "../job.ts";
import { runJobs } from "../processes.ts";
import type { Benchmark } from "../run.ts";
import { type ReleaseCell, releaseCells } from "./cells.ts";
import { type CheckJob, type CheckResult, checkJobs } from "./check.ts";
import type { JobResult } from "./jobs.ts";
import { type Measured, page } from "./page.ts";
import { picture } from "./picture.ts";
import { addTally, addWork } from "./tally.ts";

const ROOT = new URL("../../", import.meta.url);
const PAGES = new URL("docs/benchmarks/", ROOT);
const KEPT = new URL(".goaround/bench/", ROOT);
const WORKER = new URL("worker.ts", import.meta.url);
const CHECK_WORKER = new URL("check-worker.ts", import.meta.url);

const HELP = `npm run bench -- release [--quick] [--must N] [--seeds N] [--harmless N] [--check N] [--fresh | --kept]

  --quick       a look at it in two minutes; its page goes to .goaround/bench/release.md
  --must N      releases a row of which figures are asked (1000)
  --seeds N     releases a row of the scenarios and the grid (200)
  --harmless N  releases a row that nobody may take back (2000)
  --check N     releases on the local AWS, beside the same ones as they are simulated here (30)
  --fresh       measure again what an earlier run of the same code has measured
  --kept        measure nothing more, and write the page from that

One stream of requests, faults and lags under every guard: what fails, how soon traffic is restored, what is taken back
wrongly. Writes docs/benchmarks/release.md and release.svg. Two processes; Ctrl-C loses nothing but the parts that are
being measured.
`;

const QUICK = { must: 40, seeds: 2, harmless: 4, check: 0 };
const FULL = { must: 1000, seeds: 200, harmless: 2000, check: 30 };

export const run: Benchmark = async (args) => {
  const number = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const options = {
    ...{ quick: flag, fresh: flag, kept: flag, help: flag },
    ...{ must: number, seeds: number, harmless: number, check: number },
  };
  const { values } = parseArgs({ args, options });
  const usual = values.quick ? QUICK : FULL;
  const wanted = Object.fromEntries(
    Object.entries(usual).map(([name, count]) => [name, Number(values[name as keyof typeof usual] ?? count)]),
  ) as typeof usual;
  if (
    values.help ||
    Object.entries(wanted).some(([name, count]) => !(Number.isInteger(count) && count >= (name === "check" ? 0 : 1)))
  ) {
    process.stderr.write(HELP);
    return values.help ? 0 : 2;
  }
  mkdirSync(KEPT, { recursive: true });
  const started = performance.now();
  const measure = async <J extends object, R extends J>(
    what: string,
    worker: URL,
    jobs: readonly J[],
    code: readonly string[],
  ) => {
    const path = fileURLToPath(new URL(`${what}-${fingerprint(code)}.jsonl`, KEPT));
    if (values.fresh) rmSync(path, { force: true });
    let told = 0;
    return runJobs<J, R>({
      worker,
      jobs,
      path,
      ...(values.kept ? { processes: 0 } : {}),
      nameOf: (job) =>
        JSON.stringify(Object.fromEntries(Object.keys(jobs[0]!).map((name) => [name, job[name as keyof J]]))),
      onDone(done) {
        const now = performance.now();
        if (now - told < 15_000 && done < jobs.length) return;
        told = now;
        const minutes = ((now - started) / 60_000).toFixed(1);
        process.stderr.write(`${what}: ${done} of ${jobs.length} parts, ${minutes} min\n`);
      },
    });
  };
  const cells = releaseCells();
  const runsOf = ({ kind }: ReleaseCell) =>
    kind === "must" ? wanted.must : kind === "harmless" ? wanted.harmless : wanted.seeds;
  const results = await measure<Job, JobResult>("release", WORKER, partsOf(cells, runsOf), SIMULATED);
  const checked =
    wanted.check === 0
      ? []
      : await measure<CheckJob, CheckResult>("release-check", CHECK_WORKER, checkJobs(wanted.check), REAL);
  const measured = cells.flatMap((cell) => measuredOf(cell, results));
  const folder = values.quick ? KEPT : PAGES;
  const cpuMinutes = results.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0) / 60;
  writeFileSync(new URL("release.svg", folder), picture(measured));
  const target = new URL("release.md", folder);
  writeFileSync(target, page({ measured, checked, cpuMinutes }));
  process.stdout.write(`${fileURLToPath(target)} written\n`);
  return 0;
};

/** What the seeds of a cell depend on. */
const SIMULATED = ["bench/release/", "bench/judge/", "lib/core/", "lib/contract/", "lambdas/watch/", "scenarios/"];
const REAL = ["bench/release/", "bench/watch/", "bin/", "lambdas/", "lib/", "scripts/rehearse/"];

/** Runs of a part; fewer where each request is drawn. */
const sizeOf = ({ kind, each }: ReleaseCell) => (kind === "must" ? 20 : each ? 50 : 100);

/** All rows get longer together: where a run is stopped, none is empty. */
function partsOf(cells: readonly ReleaseCell[], runsOf: (cell: ReleaseCell) => number): Job[] {
  const parts = cells.flatMap((cell) => {
    const [runs, size] = [runsOf(cell), sizeOf(cell)];
    return Array.from({ length: Math.ceil(runs / size) }, (_, i) => ({
      job: { cell: cell.key, from: i * size, to: Math.min(runs, (i + 1) * size) },
      done: (i * size) / runs,
      first: cell.kind === "must" ? 0 : 1,
    }));
  });
  return parts.sort((a, b) => a.first - b.first || a.done - b.done).map(({ job }) => job);
}

function measuredOf(cell: ReleaseCell, results: readonly JobResult[]): Measured[] {
  const own = results.filter((result) => result.cell === cell.key);
  const [first, ...others] = own;
  if (!first) return [];
  return [
    others.reduce(
      (sum, { tallies, work }) => ({
        cell,
        tallies: sum.tallies.map((tally, i) => addTally(tally, tallies[i]!)),
        work: { logs: addWork(sum.work.logs, work.logs), metrics: addWork(sum.work.metrics, work.metrics) },
      }),
      { cell, tallies: first.tallies, work: first.work },
    ),
  ];
}
