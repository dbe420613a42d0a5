import { manyActors } from "./actors.ts";
import { flappingAlarm } from "./flapping.ts";
import { lateMetrics } from "./metrics.ts";
import { foreignEvents, poisonEvents } from "./poison.ts";
import { repeatedEvents } from "./repeated.ts";
import { ROLLBACKS } from "./rollbacks.ts";
import { doubleFaults, singleFaults, throttling } from "./single.ts";
import { emptyTally, merge, type Part, type Tally } from "./tally.ts";

/** Each runs the part of its runs that it is given. */
export const EXPERIMENTS = {
  single: async (part: Part): Promise<Tally> => {
    const tally = emptyTally();
    for (const rollback of ROLLBACKS) merge(tally, await singleFaults(rollback, part));
    return tally;
  },
  double: doubleFaults,
  "throttled-30": (part: Part) => throttling(0.3, part),
  "throttled-60": (part: Part) => throttling(0.6, part),
  repeated: repeatedEvents,
  actors: manyActors,
  flapping: flappingAlarm,
  metrics: lateMetrics,
  poison: poisonEvents,
  foreign: foreignEvents,
};
export type Experiment = keyof typeof EXPERIMENTS;
export const NAMES = Object.keys(EXPERIMENTS) as Experiment[];
/** A twentieth of all runs. */
export const QUICK = 20;

/** Share of the runs that may not end as they must, where that is not none. */
const ALLOWED: Partial<Record<Experiment, number>> = { "throttled-30": 0.001, "throttled-60": 0.01 };

/** What keeps an experiment from its figure; undefined where it has it. One run is no share. */
export function shortOf(name: Experiment, { runs, failures, sum }: Tally): string | undefined {
  const allowed = Math.max(ALLOWED[name] === undefined ? 0 : 1, runs * (ALLOWED[name] ?? 0));
  if (failures.length > allowed) return failures.join("\n");
  return sum["false rollbacks"] ? `${sum["false rollbacks"]} false rollbacks` : undefined;
}
