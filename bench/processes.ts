import { fork } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

export const PROCESSES = 2;

export interface Work<Job> {
  /** A module that answers each message, a job, with its result: the job's own fields and what came of it. */
  worker: URL;
  jobs: readonly Job[];
  /** Each result is a line of this file, so that a run that was stopped goes on where it was. */
  path: string;
  nameOf(job: Job): string;
  /** Two by default; none: only what the file has. */
  processes?: number;
  /** Of Node.js, for each process. Default: none. */
  nodeOptions?: readonly string[];
  onDone(done: number): void;
}

/**
 * Runs the jobs in processes of their own. Which process does what changes nothing: all that is random comes from the job. Rejects
 * when a process dies.
 */
export async function runJobs<Job extends object, Result extends Job>(work: Work<Job>): Promise<Result[]> {
  const { jobs, path, nameOf, onDone, processes = PROCESSES, nodeOptions = [] } = work;
  mkdirSync(dirname(path), { recursive: true });
  const known = new Map<string, Result>();
  const lines = existsSync(path) ? readFileSync(path, "utf8").split("\n") : [];
  for (const line of lines) {
    const result = parsed<Result>(line);
    if (result) known.set(nameOf(result), result);
  }
  const results = jobs.flatMap((job) => known.get(nameOf(job)) ?? []);
  const left = jobs.filter((job) => !known.has(nameOf(job)));
  onDone(results.length);
  const one = () =>
    inProcess<Job, Result>(work.worker, nodeOptions, left, (result) => {
      appendFileSync(path, `${JSON.stringify(result)}\n`);
      results.push(result);
      onDone(results.length);
    });
  await Promise.all(Array.from({ length: Math.min(processes, left.length) }, one));
  return results;
}

/** The last line of a run that was killed may be half of one. */
function parsed<Result>(line: string): Result | undefined {
  try {
    return JSON.parse(line) as Result;
  } catch {
    return undefined;
  }
}

/** One process, which takes from the jobs that are left. */
function inProcess<Job extends object, Result>(
  worker: URL,
  nodeOptions: readonly string[],
  left: Job[],
  onResult: (result: Result) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(worker), { execArgv: [...process.execArgv, ...nodeOptions] });
    const next = () => {
      const job = left.shift();
      if (job) child.send(job);
      else child.disconnect();
    };
    child.on("message", (result) => {
      onResult(result as Result);
      next();
    });
    child.on("error", reject);
    child.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`a process ended with ${code}`))));
    next();
  });
}
