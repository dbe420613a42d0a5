import { type CrashedRelease, randomCrashes } from "./life.ts";

/** Seeds from `from` on, so many. */
export interface Job {
  from: number;
  count: number;
}

export interface JobResult extends Job {
  releases: CrashedRelease[];
}

process.on("message", async ({ from, count }: Job) => {
  const releases: CrashedRelease[] = [];
  for (let seed = from; seed < from + count; seed += 1) releases.push(await randomCrashes(seed));
  process.send?.({ from, count, releases } satisfies JobResult);
});
