import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { fingerprint } from "../fingerprint.ts";
import { runJobs } from "../processes.ts";
import type { Benchmark } from "../run.ts";
import type { Experiment } from "./experiments.ts";
import { NAMES, QUICK, shortOf } from "./experiments.ts";
import { page } from "./page.ts";
import { DEFAULT_RUNS, emptyTally, merge, type Tally } from "./tally.ts";
import type { Job, JobResult } from "./worker.ts";

const ROOT = new URL("../../", import.meta.url);
const PAGE = new URL("docs/benchmarks/faults.md", ROOT);
const KEPT = new URL(".goaround/bench/", ROOT);
/** What only words the page measures nothing. */
const WORDING = ["page.ts", "run.ts", "table.ts"];
/** Small enough that no worker is left alone with much at the end. */
const PARTS = 16;
/** A world of a run is garbage as a whole, and most errors are part of the experiment: a tenth of the time. */
const NODE_OPTIONS = ["--max-semi-space-size=32", "--stack-trace-limit=0"];

const HELP = `npm run bench -- faults [--quick] [--runs N] [--only NAME ...] [--fresh]

  --quick      a twentieth of the runs
  --runs N     throttled runs of each share, and repeated ones; default ${DEFAULT_RUNS}. 10000 take about half an hour more
  --only NAME  only these experiments: ${NAMES.join(", ")}; writes no page
  --fresh      measure again what an earlier run of the same code has measured

Rollbacks under faults, in process on the local AWS's rules and in virtual time: programs that die at every call,
throttling, lost replies, stale reads, repeated and lost events, several actors. Writes docs/benchmarks/faults.md.
Exits 1 when a run does not end as it must. Ctrl-C loses nothing but the parts under way.
`;

export const run: Benchmark = async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: "boolean" },
      runs: { type: "string" },
      only: { type: "string", multiple: true },
      fresh: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  const runs = Number(values.runs ?? DEFAULT_RUNS);
  const names = NAMES.filter((name) => values.only?.includes(name) ?? true);
  if (values.help || names.length === 0 || !(Number.isInteger(runs) && runs > 0)) {
    process.stderr.write(HELP);
    return values.help ? 0 : 2;
  }
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
  const started = performance.now();
  const every = values.quick ? QUICK : 1;
  // Part by part: a run that is cut off has done the same share of each experiment.
  const jobs: Job[] = Array.from({ length: PARTS }, (_, index) => index).flatMap((index) =>
    names.map((experiment) => ({ experiment, part: { index, of: PARTS, every, runs } })),
  );
  const tallies = new Map<string, Tally>(names.map((name) => [name, emptyTally()]));
  const minutes = () => (performance.now() - started) / 60_000;
  mkdirSync(KEPT, { recursive: true });
  const path = fileURLToPath(new URL(`faults-${fingerprint(measuring())}.jsonl`, KEPT));
  if (values.fresh) rmSync(path, { force: true });
  const isGoneOnWith = existsSync(path);
  const results = await runJobs<Job, JobResult>({
    worker: new URL("worker.ts", import.meta.url),
    jobs,
    nodeOptions: NODE_OPTIONS,
    path,
    nameOf: ({ experiment, part }) => [experiment, part.index, part.every, part.runs].join(" "),
    onDone: (done) => process.stderr.write(`\r${done} of ${jobs.length} parts, ${minutes().toFixed(1)} min `),
  });
  process.stderr.write("\n");
  for (const { experiment, tally } of results) merge(tallies.get(experiment)!, tally);
  for (const [name, { runs, failures, duplicates, most, sum }] of tallies) {
    process.stdout.write(`${name}: ${runs} runs, ${failures.length} failures, ${duplicates.length} duplicates\n`);
    for (const line of [...failures, ...duplicates]) process.stdout.write(`  ${line}\n`);
    process.stdout.write(`  ${JSON.stringify({ ...most, ...sum })}\n`);
  }
  const cpuMinutes = results.reduce((all, { cpuSeconds }) => all + cpuSeconds / 60, 0);
  process.stdout.write(`${cpuMinutes.toFixed(1)} minutes of CPU\n`);
  if (!values.only)
    writeFileSync(PAGE, page({ tallies, minutes: isGoneOnWith ? undefined : minutes(), cpuMinutes, every, runs }));
  return [...tallies].some(([name, tally]) => shortOf(name as Experiment, tally)) ? 1 : 0;
};

const measuring = () => [
  ...readdirSync(new URL("bench/faults/", ROOT))
    .filter((name) => !WORDING.includes(name))
    .map((name) => `bench/faults/${name}`),
  "lambdas/",
  "lib/",
  "scripts/",
];
