import { timed } from "../job.ts";
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
  const { result: tally, cpuSeconds } = await timed(() => EXPERIMENTS[experiment](part));
  process.send?.({ experiment, part, tally, cpuSeconds } satisfies JobResult);
});
