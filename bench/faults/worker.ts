import { EXPERIMENTS, type Experiment } from "./experiments.ts";
import type { Part, Tally } from "./tally.ts";

export interface Job {
  experiment: Experiment;
  part: Part;
}

export interface JobResult extends Job {
  tally: Tally;
  /** Seconds of CPU. */
  cpuSeconds: number;
}

process.on("message", async ({ experiment, part }: Job) => {
  const before = process.cpuUsage();
  const tally = await EXPERIMENTS[experiment](part);
  const { user, system } = process.cpuUsage(before);
  process.send?.({ experiment, part, tally, cpuSeconds: (user + system) / 1e6 } satisfies JobResult);
});
