import { startLocalAws } from "../../lib/local/index.ts";
import type { Assemblies } from "../../scripts/rehearse/deployer.ts";
import { ownApp } from "../../scripts/rehearse/library.ts";
import { PLAIN_ALARMS, withPlainAlarm } from "../../scripts/rehearse/plain-alarms.ts";
import { nextWholeMinute, Rehearsal } from "../../scripts/rehearse/run-scenario.ts";
import { GUARDS, type Release, type ReleasesJob, scenarioOf, stepOf } from "./jobs.ts";
import { newArtifact } from "./new-artifact.ts";
import { withPolicy } from "./with-policy.ts";

const assemblies = new Map<string, Assemblies>();
/** What every run of this process has in common: apps are synthesized once. */
export const common = { app: ownApp("bin/app"), environment: "dev", assemblies };

/** Before the process ends. */
export const disposeAssemblies = () => {
  for (const assembly of assemblies.values()) assembly.dispose();
};

/** Releases one after another in one world: its first deployment takes longer than they do. */
export async function runReleases(job: ReleasesJob): Promise<Release[]> {
  const { scenario: name, alarm: alarmName, guards = [undefined], seed, releases, stopLagSeconds } = job;
  const guardOf = (index: number) => guards[index % guards.length];
  const alarm = PLAIN_ALARMS.find((known) => known.name === alarmName);
  const scenario = scenarioOf(name);
  const lag = stopLagSeconds === undefined ? {} : { codeDeployStopLagMs: stopLagSeconds * 1000 };
  const aws = await startLocalAws({ port: 0, seed, startMs: nextWholeMinute(), ...lag });
  const done: Release[] = [];
  const template = (text: string) => {
    const own = newArtifact(text, scenario.releases[0]!.artifact, `n${done.length}`);
    if (alarm) return withPlainAlarm(own, alarm);
    const guard = guardOf(done.length);
    return guard ? withPolicy(own, GUARDS[guard]) : own;
  };
  try {
    const rehearsal = new Rehearsal(aws, scenario, { ...common, seed, deployWith: "api", template });
    await rehearsal.install();
    // CodeDeploy goes back to a revision that it has deployed: there must be one.
    await rehearsal.release({ artifact: "earlier", canary: scenario.baseline, expected: "promoted" }, false);
    while (done.length < releases) {
      const onset = seed + Math.floor(done.length / guards.length);
      const { outcome, times, requests } = await rehearsal.release(stepOf(scenario, onset), true);
      done.push({ guard: guardOf(done.length), outcome, times, failed: requests.failed });
    }
    return done;
  } finally {
    await aws.close();
  }
}
