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
};
export type Experiment = keyof typeof EXPERIMENTS;
export const NAMES = Object.keys(EXPERIMENTS) as Experiment[];
