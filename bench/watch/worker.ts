import { startLocalAws } from "../../lib/local/index.ts";
import { compare } from "../../scripts/rehearse/compare.ts";
import type { Assemblies } from "../../scripts/rehearse/deployer.ts";
import { loadScenario, ownApp } from "../../scripts/rehearse/library.ts";
import { PLAIN_ALARMS, withPlainAlarm } from "../../scripts/rehearse/plain-alarms.ts";
import { nextWholeMinute, Rehearsal } from "../../scripts/rehearse/run-scenario.ts";
import { GUARDS, type Job, type JobResult, type Release, type ReleasesJob, scenarioOf, stepOf } from "./jobs.ts";
import { newArtifact } from "./new-artifact.ts";
import { withPolicy } from "./with-policy.ts";

const assemblies = new Map<string, Assemblies>();
const common = { app: ownApp("bin/app"), environment: "dev", assemblies };

/** Releases one after another in one world: its first deployment takes longer than they do. */
async function releases(job: ReleasesJob): Promise<Release[]> {
  const { scenario: name, alarm: alarmName, guard, seed, releases, stopLagSeconds } = job;
  const alarm = PLAIN_ALARMS.find((known) => known.name === alarmName);
  const scenario = scenarioOf(name);
  const lag = stopLagSeconds === undefined ? {} : { codeDeployStopLagMs: stopLagSeconds * 1000 };
  const aws = await startLocalAws({ port: 0, seed, startMs: nextWholeMinute(), ...lag });
  const done: Release[] = [];
  const template = (text: string) => {
    const own = newArtifact(text, scenario.releases[0]!.artifact, `n${done.length}`);
    if (alarm) return withPlainAlarm(own, alarm);
    return guard ? withPolicy(own, GUARDS[guard]) : own;
  };
  try {
    const rehearsal = new Rehearsal(aws, scenario, { ...common, seed, deployWith: "api", template });
    await rehearsal.install();
    // CodeDeploy goes back to a revision that it has deployed: there must be one.
    await rehearsal.release({ artifact: "earlier", canary: scenario.baseline, expected: "promoted" }, false);
    while (done.length < releases) {
      const { outcome, times, requests } = await rehearsal.release(stepOf(scenario, seed + done.length), true);
      done.push({ outcome, times, failed: requests.failed });
    }
    return done;
  } finally {
    await aws.close();
  }
}

async function work(job: Job): Promise<JobResult> {
  if (job.kind === "releases") return { ...job, done: await releases(job) };
  return { ...job, comparison: await compare(loadScenario(job.scenario), common, [job.seed]) };
}

process.on("message", async (job: Job) => {
  process.send?.(await work(job));
});
process.on("disconnect", () => {
  for (const assembly of assemblies.values()) assembly.dispose();
});
