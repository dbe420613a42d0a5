import { fork } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Job, JobResult } from "./jobs.ts";

export const PROCESSES = 2;

const nameOf = ({ cell, from, to }: Job) => `${cell} ${from} ${to}`;

/**
 * Runs the jobs in two processes. Each result is a line in `path`, so that a run that was stopped goes on where it was.
 * Which process does what changes nothing: the seed is that of the cell and the run.
 */
export async function runJobs(
  jobs: readonly Job[],
  path: string,
  onDone: (done: number) => void,
): Promise<JobResult[]> {
  mkdirSync(dirname(path), { recursive: true });
  const known = new Map<string, JobResult>();
  const lines = existsSync(path) ? readFileSync(path, "utf8").split("\n") : [];
  for (const line of lines) {
    const result = parsed(line);
    if (result) known.set(nameOf(result), result);
  }
  const results = jobs.flatMap((job) => known.get(nameOf(job)) ?? []);
  const left = jobs.filter((job) => !known.has(nameOf(job)));
  onDone(results.length);
  await Promise.all(
    Array.from({ length: Math.min(PROCESSES, left.length) }, () =>
      work(left, (result) => {
        appendFileSync(path, `${JSON.stringify(result)}\n`);
        results.push(result);
        onDone(results.length);
      }),
    ),
  );
  return results;
}

/** The last line of a run that was killed may be half of one. */
function parsed(line: string): JobResult | undefined {
  try {
    return JSON.parse(line) as JobResult;
  } catch {
    return undefined;
  }
}

function work(left: Job[], onResult: (result: JobResult) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = fork(fileURLToPath(new URL("./worker.ts", import.meta.url)));
    const next = () => {
      const job = left.shift();
      if (job) worker.send(job);
      else worker.disconnect();
    };
    worker.on("message", (result: JobResult) => {
      onResult(result);
      next();
    });
    worker.on("error", reject);
    worker.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`a process ended with ${code}`))));
    next();
  });
}
