import { EXPERIMENTS, type Experiment } from "./experiments.ts";
import type { Part, Tally } from "./tally.ts";

export interface Job {
  experiment: Experiment;
  part: Part;
}

export interface JobResult extends Job {
  tally: Tally;
}

process.on("message", async ({ experiment, part }: Job) => {
  process.send?.({ experiment, part, tally: await EXPERIMENTS[experiment](part) } satisfies JobResult);
});
