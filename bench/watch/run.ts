import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { scenarioNames } from "../../scripts/rehearse/library.ts";
import { PLAIN_ALARMS } from "../../scripts/rehearse/plain-alarms.ts";
import { fingerprint } from "../fingerprint.ts";
import { runJobs } from "../processes.ts";
import type { Benchmark } from "../run.ts";
import { HARMLESS, type Job, type JobResult, ONSET, type ReleasesJob } from "./jobs.ts";
import { page } from "./page.ts";

const ROOT = new URL("../../", import.meta.url);
const PAGE = new URL("docs/benchmarks/watch.md", ROOT);
const KEPT = new URL(".goaround/bench/", ROOT);
const WORKER = new URL("worker.ts", import.meta.url);

/** Releases of one world. */
const IN_A_ROW = 20;
const QUICK = 2;

const HELP = `npm run bench -- watch [--quick] [--seeds N] [--fresh | --kept]

  --quick    a look at it in a minute; its page goes to .goaround/bench/watch-quick.md
  --seeds N  releases a row (200); a tenth of it with each plain alarm
  --fresh    measure again what an earlier run of the same code has measured
  --kept     measure nothing more, and write the page from that

Rehearsals on the local AWS: how soon a fault of the canary is decided and traffic restored, how often a harmless
release is taken back, and every scenario beside plain alarms. Writes docs/benchmarks/watch.md. Two processes; Ctrl-C
loses nothing but the releases under way.
`;

export const run: Benchmark = async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: "boolean" },
      seeds: { type: "string" },
      fresh: { type: "boolean" },
      kept: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  const seeds = Number(values.seeds ?? (values.quick ? QUICK : 200));
  if (values.help || !(Number.isInteger(seeds) && seeds >= 1)) {
    process.stderr.write(HELP);
    return values.help ? 0 : 2;
  }
  mkdirSync(KEPT, { recursive: true });
  const path = fileURLToPath(new URL(`watch-${fingerprint(MEASURING)}.jsonl`, KEPT));
  if (values.fresh) rmSync(path, { force: true });
  const started = performance.now();
  const [faulty, others] = [row(ONSET, seeds), harmless(seeds)];
  const first = [...faulty, ...others.splice(0, HARMLESS.length)];
  const jobs = values.quick ? first : [...first, ...comparisons(), ...others, ...plain(Math.ceil(seeds / 10))];
  const results = await runJobs<Job, JobResult>({
    worker: WORKER,
    jobs,
    path,
    ...(values.kept ? { processes: 0 } : {}),
    nameOf: ({ kind, scenario, seed, ...more }) =>
      [kind, scenario, seed, "releases" in more ? more.releases : "", "alarm" in more ? more.alarm : ""].join(" "),
    onDone: (done) => {
      const minutes = ((performance.now() - started) / 60_000).toFixed(1);
      process.stderr.write(`watch: ${done} of ${jobs.length} parts, ${minutes} min\n`);
    },
  });
  const target = values.quick ? new URL("watch-quick.md", KEPT) : PAGE;
  writeFileSync(target, page(results));
  process.stdout.write(`${fileURLToPath(target)} written\n`);
  return 0;
};

const row = (scenario: string, seeds: number, alarm?: string): ReleasesJob[] =>
  Array.from({ length: Math.ceil(seeds / IN_A_ROW) }, (_, i) => ({
    kind: "releases" as const,
    scenario,
    seed: i * IN_A_ROW + 1,
    releases: Math.min(IN_A_ROW, seeds - i * IN_A_ROW),
    ...(alarm === undefined ? { guards: ["metrics" as const] } : { alarm }),
  }));

/** All rows get longer together: where a run is stopped, none is empty. */
const together = (rows: readonly ReleasesJob[][]): ReleasesJob[] => rows.flat().sort((a, b) => a.seed - b.seed);

const harmless = (seeds: number) => together(HARMLESS.map((scenario) => row(scenario, seeds)));
const plain = (seeds: number) =>
  together([ONSET, ...HARMLESS].flatMap((scenario) => PLAIN_ALARMS.map(({ name }) => row(scenario, seeds, name))));
const comparisons = (): Job[] => scenarioNames().map((scenario) => ({ kind: "comparison", scenario, seed: 1 }));

/** All that a rehearsal runs. */
const MEASURING = ["bench/watch/", "bin/", "lambdas/", "lib/", "scenarios/", "scripts/rehearse/"];
