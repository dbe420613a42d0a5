import { type Job, runJob } from "./jobs.ts";

/** A process of the benchmark: takes jobs one by one. */
process.on("message", (job: Job) => process.send!(runJob(job)));
process.on("disconnect", () => process.exit());
