import { expect, it } from "vitest";
import { EXPERIMENTS, NAMES, QUICK, shortOf } from "../../bench/faults/experiments.ts";

/** Which twentieth of the runs; a failure names the run, and `npm run bench -- faults --only NAME` makes all of them. */
const first = Number(process.env.GOAROUND_FAULTS_SEED ?? 7);

it.each(NAMES)(
  `ends as it must in a twentieth of the runs of the fault experiment "%s", from ${first} on`,
  {
    timeout: 300_000,
  },
  async (name) => {
    const tally = await EXPERIMENTS[name]({ index: 0, of: 1, every: QUICK, first });
    expect(tally.runs).toBeGreaterThan(0);
    expect(shortOf(name, tally)).toBeUndefined();
  },
);
