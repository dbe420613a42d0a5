import { compare } from "../../scripts/rehearse/compare.ts";
import { loadScenario } from "../../scripts/rehearse/library.ts";
import type { Job, JobResult } from "./jobs.ts";
import { common, disposeAssemblies, runReleases } from "./releases.ts";

async function work(job: Job): Promise<JobResult> {
  if (job.kind === "releases") return { ...job, done: await runReleases(job) };
  const scenario = loadScenario(job.scenario);
  return { ...job, comparison: await compare({ signals: "metrics", ...scenario }, common, [job.seed]) };
}

process.on("message", async (job: Job) => {
  process.send?.(await work(job));
});
process.on("disconnect", disposeAssemblies);
