import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runJobs } from "../processes.ts";
import type { Benchmark } from "../run.ts";
import { type GuardName, type Job, type JobResult, ONSET, type ReleasesJob } from "../watch/jobs.ts";
import { page } from "./page.ts";
import { callsOfRollback } from "./path.ts";

const PAGE = new URL("../../docs/benchmarks/restore.md", import.meta.url);
const STOP_LAGS = [0, 10, 30, 60];
/** Of the world, and of the first release's onset. */
const SEED = 1;

const HELP = `npm run bench -- restore [--releases N]

  --releases N  releases of each row (default 20)

Rehearsals on the local AWS: from the first failing request to restored traffic when the log is judged, for several lags
of CodeDeploy after a stop, with and without clearing the weights ourselves, and every call on the way. Writes
docs/benchmarks/restore.md.
`;

export const run: Benchmark = async (args) => {
  const { values } = parseArgs({ args, options: { releases: { type: "string" }, help: { type: "boolean" } } });
  const releases = Number(values.releases ?? 20);
  if (values.help || !(Number.isInteger(releases) && releases >= 1)) {
    process.stderr.write(HELP);
    return values.help ? 0 : 2;
  }
  const row = (guard: GuardName, stopLagSeconds: number): ReleasesJob => ({
    kind: "releases",
    scenario: ONSET,
    seed: SEED,
    releases,
    guard,
    stopLagSeconds,
  });
  const jobs = [row("metrics", 10), ...STOP_LAGS.flatMap((lag) => [row("logs", lag), row("logs, own clearing", lag)])];
  const folder = mkdtempSync(join(tmpdir(), "restore-"));
  const results = await runJobs<Job, JobResult>({
    worker: new URL("../watch/worker.ts", import.meta.url),
    jobs,
    path: join(folder, "results.jsonl"),
    nameOf: (job) => JSON.stringify({ ...job, done: undefined }),
    onDone: (done) => process.stderr.write(`restore: ${done} of ${jobs.length} rows\n`),
  });
  rmSync(folder, { recursive: true });
  const calls = await callsOfRollback(SEED);
  writeFileSync(PAGE, page(results, calls));
  process.stdout.write(`${fileURLToPath(PAGE)} written\n`);
  return 0;
};
