import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runJobs } from "../processes.ts";
import type { Benchmark } from "../run.ts";
import { GUARDS, type GuardName, type Job, type JobResult, ONSET, type ReleasesJob } from "../watch/jobs.ts";
import { page } from "./page.ts";
import { callsOfRollback } from "./path.ts";

const PAGE = new URL("../../docs/benchmarks/restore.md", import.meta.url);
const STOP_LAGS = [0, 10, 30, 60];
/** The one that CodeDeploy is modelled with otherwise. Seconds. */
const USUAL_STOP_LAG = 10;
/** Of the worlds, and of their first release's onset. */
const SEED = 1;

const HELP = `npm run bench -- restore [--releases N]

  --releases N  releases of each row of the table (default 4)

Rehearsals on the local AWS: from the first failing request to restored traffic when the log is judged, for several lags
of CodeDeploy after a stop, with and without clearing the weights ourselves, and every call on the way. Writes
docs/benchmarks/restore.md. Takes six minutes of CPU time in two processes.
`;

export const run: Benchmark = async (args) => {
  const { values } = parseArgs({ args, options: { releases: { type: "string" }, help: { type: "boolean" } } });
  const releases = Number(values.releases ?? 4);
  if (values.help || !(Number.isInteger(releases) && releases >= 1)) {
    process.stderr.write(HELP);
    return values.help ? 0 : 2;
  }
  // The lag changes nothing before the stop: releases on metrics, which take long, are made with one.
  const guardsAt = (lag: number): GuardName[] =>
    (Object.keys(GUARDS) as GuardName[]).filter((guard) => guard !== "metrics" || lag === USUAL_STOP_LAG);
  const jobs = STOP_LAGS.map((stopLagSeconds): ReleasesJob => {
    const guards = guardsAt(stopLagSeconds);
    return {
      kind: "releases",
      scenario: ONSET,
      seed: SEED,
      releases: releases * guards.length,
      guards,
      stopLagSeconds,
    };
  });
  const folder = mkdtempSync(join(tmpdir(), "restore-"));
  const results = await runJobs<Job, JobResult>({
    worker: new URL("../watch/worker.ts", import.meta.url),
    jobs,
    path: join(folder, "results.jsonl"),
    nameOf: (job) => JSON.stringify({ ...job, done: undefined }),
    onDone: (done) => process.stderr.write(`restore: ${done} of ${jobs.length} lags\n`),
  });
  rmSync(folder, { recursive: true });
  const calls = await callsOfRollback(SEED);
  writeFileSync(PAGE, page(results, calls));
  process.stdout.write(`${fileURLToPath(PAGE)} written\n`);
  return 0;
};
