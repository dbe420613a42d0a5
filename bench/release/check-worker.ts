import { disposeAssemblies } from "../watch/releases.ts";
import { type CheckJob, check } from "./check.ts";

process.on("message", async (job: CheckJob) => {
  process.send?.(await check(job));
});
process.on("disconnect", disposeAssemblies);
