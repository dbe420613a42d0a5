import type { Assemblies } from "../../scripts/rehearse/deployer.ts";
import { ownApp } from "../../scripts/rehearse/library.ts";
import { PLAIN_ALARMS, withPlainAlarm } from "../../scripts/rehearse/plain-alarms.ts";
import { runScenario } from "../../scripts/rehearse/run-scenario.ts";
import { type Job, type JobResult, scenarioOf } from "./jobs.ts";

const assemblies = new Map<string, Assemblies>();
const app = ownApp("bin/app");

async function work(job: Job): Promise<JobResult> {
  const alarm = PLAIN_ALARMS.find(({ name }) => name === job.alarm);
  const { outcome, times, requests } = await runScenario(scenarioOf(job), {
    seed: job.seed,
    deployWith: "api",
    app,
    environment: "dev",
    assemblies,
    template: alarm && ((template) => withPlainAlarm(template, alarm)),
  });
  const { firstFailureAtSeconds, decidedAtSeconds, restoredAtSeconds } = times;
  return { ...job, outcome, failed: requests.failed, firstFailureAtSeconds, decidedAtSeconds, restoredAtSeconds };
}

process.on("message", async (job: Job) => {
  process.send?.(await work(job));
});
process.on("disconnect", () => {
  for (const assembly of assemblies.values()) assembly.dispose();
});
