/** Some runs of one cell; what a process does at a time. */
export interface Job {
  cell: string;
  from: number;
  to: number;
}

/** Does the work and says what it took this process, in which nothing else may run meanwhile. */
export async function timed<T>(
  work: () => T | Promise<T>,
): Promise<{ result: T; cpuSeconds: number; wallSeconds: number }> {
  const started = performance.now();
  const before = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(before);
  return { result, cpuSeconds: (user + system) / 1e6, wallSeconds: (performance.now() - started) / 1000 };
}
