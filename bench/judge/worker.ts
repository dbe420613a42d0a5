import type { Job } from "../job.ts";
import { runJob } from "./jobs.ts";

/** A process of the benchmark: takes jobs one by one. */
process.on("message", async (job: Job) => {
  process.send?.(await runJob(job));
});
process.on("disconnect", () => process.exit());
