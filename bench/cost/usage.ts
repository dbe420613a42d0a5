import { killStrategyName } from "../../lib/contract/names.ts";
import { startLocalAws } from "../../lib/local/index.ts";
import { loadScenario } from "../../scripts/rehearse/library.ts";
import { nextWholeMinute, Rehearsal } from "../../scripts/rehearse/run-scenario.ts";
import { type Tallied, Tally } from "./tally.ts";

const ENVIRONMENT = "dev";
/** More than a flag deployment of 0 minutes takes. */
const FLAG_DEPLOYMENT_MS = 120_000;
export const GUARD_HOURS = 24;

export interface ReleaseUsage extends Tallied {
  scenario: string;
  outcome: string;
  /** From the start of CodeDeploy's deployment to its end: the shift, the bake and the hooks. */
  openSeconds: number | undefined;
  notifications: number;
  /** The first deployment of the whole app, which merges the flags. */
  installation: Tallied;
  /** What came on top in the guard time after it, without traffic; undefined when it was undone. */
  guardTime: { invocations: number; calls: number } | undefined;
}

/** Rehearses one release of a scenario and counts what the guard did in it, call by call. */
export async function measureRelease(scenarioName: string, app: string): Promise<ReleaseUsage> {
  const scenario = loadScenario(scenarioName);
  const aws = await startLocalAws({ port: 0, seed: 1, startMs: nextWholeMinute() });
  try {
    const first = new Tally(aws, ENVIRONMENT);
    const rehearsal = new Rehearsal(aws, scenario, { seed: 1, deployWith: "api", app, environment: ENVIRONMENT });
    await rehearsal.install();
    const installation = await first.result();
    await rehearsal.release({ artifact: "earlier", canary: scenario.baseline, expected: "promoted" }, false);
    if (scenario.flagsOn.length > 0) {
      const on = Object.fromEntries(scenario.flagsOn.map((flag) => [flag, true]));
      await rehearsal.stage.toItsEnd(rehearsal.flags.set(on, killStrategyName(ENVIRONMENT)));
      await rehearsal.stage.advanceBy(FLAG_DEPLOYMENT_MS);
    }
    const tally = new Tally(aws, ENVIRONMENT);
    const { outcome, deployment } = await rehearsal.release(scenario.releases[0]!, true);
    const counted = await tally.result();
    let guardTime: ReleaseUsage["guardTime"];
    if (outcome === "promoted") {
      await aws.clock.advanceBy(GUARD_HOURS * 3_600_000);
      const later = await tally.result();
      const onTop = (what: "invocations" | "calls") => sumOf(later, what) - sumOf(counted, what);
      guardTime = { invocations: onTop("invocations"), calls: onTop("calls") };
    }
    return {
      ...counted,
      scenario: scenarioName,
      outcome,
      openSeconds: deployment?.openSeconds ?? undefined,
      notifications: counted.calls["sns:Publish"] ?? 0,
      installation,
      guardTime,
    };
  } finally {
    await aws.close();
  }
}

const sumOf = ({ work }: Tallied, what: "invocations" | "calls") =>
  Object.values(work).reduce((sum, one) => sum + one[what], 0);
