import { type Scenario, scenarioSchema } from "../../lib/contract/scenario.ts";
import { SeededRandom } from "../../lib/local/kernel/random.ts";
import { loadScenario } from "../../scripts/rehearse/library.ts";

/** One rehearsal: a scenario (or the onset of a fault), a seed, and who guards it. */
export interface Job {
  scenario: string;
  seed: number;
  /** Undefined: Goaround; else the name of a plain alarm. */
  alarm: string | undefined;
}

/** What the page needs of it. Seconds from the start of the shift. */
export interface JobResult extends Job {
  outcome: string;
  failed: number;
  firstFailureAtSeconds: number | null;
  decidedAtSeconds: number | null;
  restoredAtSeconds: number | null;
}

export const ONSET = "onset";
/** Where no version is at fault: taking the release back would be wrong. */
export const HARMLESS = ["outage-on-both", "cold-starts", "low-traffic", "monitoring-outage"];

const ONSET_FROM_SECONDS = 5;
const ONSET_TO_SECONDS = 235;

/** 10 requests/s, a tenth of it to the canary, whose errors jump from 0 to 20 % at a moment that the seed draws. */
export function scenarioOf({ scenario, seed }: Pick<Job, "scenario" | "seed">): Scenario {
  if (scenario !== ONSET) return loadScenario(scenario);
  const at = new SeededRandom(seed).next();
  const fromSeconds = Math.round(10 * (ONSET_FROM_SECONDS + at * (ONSET_TO_SECONDS - ONSET_FROM_SECONDS))) / 10;
  return scenarioSchema.parse({
    name: ONSET,
    description: "The canary's errors jump from 0 to 20 %.",
    traffic: { requestsPerSecond: 10 },
    strategy: { kind: "canary", percentage: 10, minutes: 10 },
    baseline: { errorRate: 0 },
    releases: [{ canary: { errorRate: 0, phases: [{ fromSeconds, errorRate: 0.2 }] }, expected: "rolled-back" }],
    expected: { outcome: "rolled-back" },
  });
}
