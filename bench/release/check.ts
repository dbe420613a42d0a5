import { ONSET } from "../watch/jobs.ts";
import { runReleases } from "../watch/releases.ts";
import { MUST, releaseCells } from "./cells.ts";
import { tallyOf } from "./jobs.ts";
import { NO_CALLS } from "./lags.ts";
import { ownWith, stopAll } from "./methods.ts";
import { ReleaseWorld } from "./world.ts";

/** The same releases where everything runs, and as they are simulated here. */
export interface CheckJob {
  kind: "local" | "simulated";
  /** Of the first. */
  seed: number;
  releases: number;
}

/** Seconds from the first failed request; null where it was not taken back. */
export interface CheckedRelease {
  decide: number | null;
  restore: number | null;
  failed: number;
}

export interface CheckResult extends CheckJob {
  done: CheckedRelease[];
}

const GUARDS = ["logs"] as const;
/** Releases of one world. */
const IN_A_ROW = 10;
/** The simulated ones cost nothing. */
const SIMULATED_FOR_EACH = 10;

export const checkJobs = (releases: number): CheckJob[] => [
  { kind: "simulated", seed: 0, releases: SIMULATED_FOR_EACH * releases },
  ...Array.from({ length: Math.ceil(releases / IN_A_ROW) }, (_, i) => ({
    kind: "local" as const,
    seed: i * IN_A_ROW + 1,
    releases: Math.min(IN_A_ROW, releases - i * IN_A_ROW),
  })),
];

export const check = async (job: CheckJob): Promise<CheckResult> => ({
  ...job,
  done: job.kind === "local" ? await local(job) : await simulated(job),
});

async function local({ seed, releases }: CheckJob): Promise<CheckedRelease[]> {
  const done = await runReleases({ kind: "releases", scenario: ONSET, guards: GUARDS, seed, releases });
  return done.map(({ times: { firstFailureAtSeconds: first, decidedAtSeconds, restoredAtSeconds }, failed }) => {
    const since = (at: number | null) => (at === null || first === null ? null : at - first);
    return { decide: since(decidedAtSeconds), restore: since(restoredAtSeconds), failed };
  });
}

/** As in the local AWS: calls are answered at once, and CodeDeploy has its usual lag. */
async function simulated({ seed, releases }: CheckJob): Promise<CheckedRelease[]> {
  const cell = releaseCells().find(({ key }) => key === MUST.usual)!;
  const done: CheckedRelease[] = [];
  for (let run = seed; run < seed + releases; run += 1) {
    const world = new ReleaseWorld(cell, run);
    const { stops } = await stopAll(world, NO_CALLS);
    const { decide, restore, failed } = tallyOf(world, stops[ownWith("logs", 10)]);
    done.push({ decide: decide[0] ?? null, restore: restore[0] ?? null, failed: failed[0] ?? 0 });
  }
  return done;
}
