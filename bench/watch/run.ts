import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { PLAIN_ALARMS } from "../../scripts/rehearse/plain-alarms.ts";
import { inProcesses } from "../processes.ts";
import type { Benchmark } from "../run.ts";
import { HARMLESS, type Job, type JobResult, ONSET } from "./jobs.ts";
import { page } from "./page.ts";

const PAGE = new URL("../../docs/benchmarks/watch.md", import.meta.url);

const HELP = `npm run bench -- watch [--seeds N]

  --seeds N  runs of each row (200)

Whole rehearsals on the local AWS: how soon a fault of the canary is decided and traffic restored, and how often a
harmless release is taken back, beside the same app with a plain alarm. Writes docs/benchmarks/watch.md.
`;

export const run: Benchmark = async (args) => {
  const { values } = parseArgs({ args, options: { seeds: { type: "string" }, help: { type: "boolean" } } });
  const seeds = Number(values.seeds ?? 200);
  if (values.help || !(Number.isInteger(seeds) && seeds >= 1)) {
    process.stderr.write(HELP);
    return values.help ? 0 : 2;
  }
  const started = performance.now();
  const guards = [undefined, ...PLAIN_ALARMS.map(({ name }) => name)];
  const jobs: Job[] = guards.flatMap((alarm) =>
    [ONSET, ...HARMLESS].flatMap((scenario) =>
      Array.from({ length: seeds }, (_, i) => ({ scenario, seed: i + 1, alarm })),
    ),
  );
  const results: JobResult[] = [];
  const minutes = () => (performance.now() - started) / 60_000;
  await inProcesses<Job, JobResult>(new URL("worker.ts", import.meta.url), jobs, (result) => {
    results.push(result);
    process.stderr.write(`\r${results.length} of ${jobs.length} rehearsals, ${minutes().toFixed(1)} min `);
  });
  process.stderr.write("\n");
  writeFileSync(PAGE, page(results, seeds, minutes()));
  return 0;
};
