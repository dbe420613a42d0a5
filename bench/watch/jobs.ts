import type { PolicyInput } from "../../lib/contract/policy.ts";
import { type Outcome, type ReleaseStep, type Scenario, scenarioSchema } from "../../lib/contract/scenario.ts";
import { SeededRandom } from "../../lib/local/kernel/random.ts";
import type { Comparison } from "../../scripts/rehearse/compare.ts";
import { loadScenario } from "../../scripts/rehearse/library.ts";
import type { ReleaseTimes } from "../../scripts/rehearse/outcome.ts";

/** Some releases of a scenario, or of a canary with the onset of a fault, one after another in one world. */
export interface ReleasesJob {
  kind: "releases";
  scenario: string;
  /** Of the world, and of the first release's onset; the others count on. */
  seed: number;
  releases: number;
  /** Undefined: Goaround; else the name of a plain alarm. */
  alarm?: string;
  /** How Goaround sees and acts, where not by its defaults. With several, they take turns at each onset. */
  guards?: readonly GuardName[];
  /** CodeDeploy's lag after a stop, seconds; 10 by default. */
  stopLagSeconds?: number;
}

/** By which evidence, and whether the responder clears the weights itself. */
export const GUARDS = {
  metrics: { signals: { source: "metrics" } },
  logs: { signals: { source: "logs" } },
  "logs, own clearing": { signals: { source: "logs" }, clearWeightsAfterSeconds: 0 },
} as const satisfies Record<string, Partial<PolicyInput>>;
export type GuardName = keyof typeof GUARDS;

/** One scenario under each guard. */
export interface ComparisonJob {
  kind: "comparison";
  scenario: string;
  seed: number;
}

export type Job = ReleasesJob | ComparisonJob;

/** What the page needs of one release. */
export interface Release {
  guard?: GuardName | undefined;
  outcome: Outcome;
  times: ReleaseTimes;
  failed: number;
}

export type JobResult = (ReleasesJob & { done: Release[] }) | (ComparisonJob & { comparison: Comparison });
export const ONSET = "onset";
/** Where no version is at fault: taking the release back would be wrong. */
export const HARMLESS = ["outage-on-both", "cold-starts", "low-traffic", "monitoring-outage"];

const ONSET_FROM_SECONDS = 5;
const ONSET_TO_SECONDS = 235;
/** After a rollback no release is admitted for five minutes. */
const AFTER_ROLLBACK_MINUTES = 6;

/** 10 requests/s, a tenth of it to the canary. */
const onset = scenarioSchema.parse({
  name: ONSET,
  description: "The canary's errors jump from 0 to 20 %.",
  traffic: { requestsPerSecond: 10 },
  strategy: { kind: "canary", percentage: 10, minutes: 10 },
  baseline: { errorRate: 0 },
  releases: [{ canary: { errorRate: 0 }, expected: "rolled-back" }],
  watchMinutes: AFTER_ROLLBACK_MINUTES,
  expected: { outcome: "rolled-back" },
});

/** What happens after a harmless release has ended changes nothing: the next one begins. */
export const scenarioOf = (name: string): Scenario =>
  name === ONSET ? onset : { ...loadScenario(name), watchMinutes: 1 };

/** The canary of a seed. An onset's errors jump at a moment that the seed draws. */
export function stepOf(scenario: Scenario, seed: number): ReleaseStep {
  const step = scenario.releases[0]!;
  if (scenario.name !== ONSET) return step;
  const at = new SeededRandom(seed).next();
  const fromSeconds = Math.round(10 * (ONSET_FROM_SECONDS + at * (ONSET_TO_SECONDS - ONSET_FROM_SECONDS))) / 10;
  return { ...step, canary: { ...step.canary, phases: [{ fromSeconds, errorRate: 0.2 }] } };
}
