/** `npm run bench -- <name> [options]`. Each benchmark measures one thing and writes its page under docs/benchmarks. */

/** Takes the arguments after the name; returns the process's exit code. */
export type Benchmark = (args: string[]) => Promise<number>;

const BENCHMARKS: Record<string, () => Promise<{ run: Benchmark }>> = {
  cost: () => import("./cost/run.ts"),
  faults: () => import("./faults/run.ts"),
  filters: () => import("./filters/run.ts"),
  judge: () => import("./judge/run.ts"),
  release: () => import("./release/run.ts"),
  restore: () => import("./restore/run.ts"),
  signals: () => import("./signals/run.ts"),
  watch: () => import("./watch/run.ts"),
};

const [name = "", ...args] = process.argv.slice(2);
const load = BENCHMARKS[name];
if (load) {
  process.exitCode = await (await load()).run(args);
} else {
  const names = Object.keys(BENCHMARKS).join(", ");
  process.stderr.write(`${name ? `there is no benchmark "${name}"` : "which benchmark?"} There are: ${names}\n`);
  process.exitCode = 2;
}
