import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

/**
 * Hands jobs one by one to processes that run `worker`, a module that answers each message with one. Rejects when a
 * process dies.
 */
export async function inProcesses<Job extends object, Result>(
  worker: URL,
  jobs: readonly Job[],
  onResult: (result: Result) => void,
  processes = 2,
): Promise<void> {
  const left = [...jobs];
  const one = () =>
    new Promise<void>((resolve, reject) => {
      const child = fork(fileURLToPath(worker));
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
  await Promise.all(Array.from({ length: Math.min(processes, left.length) }, one));
}
