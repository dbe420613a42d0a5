import { bill, total, type Usage } from "../cost/bill.ts";
import { CALL_MS, COLD_START_MS } from "../cost/tally.ts";
import type { Source } from "./ours.ts";
import type { Work } from "./tally.ts";

/** Memory of the guard's Lambdas (`lib/constructs/release-guard.ts`). */
const MEMORY_GB = 512 / 1024;
/** Write request units of one addition to an interval's counts, which is below 2 KB [assumed], and a refused one as well. */
const WRITE_UNITS = 2;
/** Read request units of one consistent read of the last five minutes' counts, below 60 KB [assumed]. */
const READ_UNITS = 15;
/** Turns of five minutes while the log is followed, each three transitions; one for each look at metrics. */
const TURN_SECONDS = 270;
const TRANSITIONS = 3;
/** Calls of a look beside its reading: the deployment, its target, the ledger twice. */
const LOOK_CALLS = 4;

/** Average US dollars that following one release costs; hooks, responder and sweep come on top and depend on no traffic. */
export function watchUsd({ runs, looks, asked, batches, writes, reads, seconds }: Work, source: Source): number {
  const turns = source === "logs" ? Math.ceil(seconds / runs / TURN_SECONDS) * runs : looks;
  const inTurns = source === "logs" ? seconds : (looks * LOOK_CALLS * CALL_MS) / 1000;
  // The plan is read for each batch, and its additions are written side by side.
  const counting = (batches * 2 * CALL_MS + runs * COLD_START_MS) / 1000;
  const usage: Usage = {
    metricRead: asked,
    lambdaRequest: batches + turns,
    lambdaGbSecond: MEMORY_GB * (inTurns + (source === "logs" ? counting : 0)),
    dynamoWrite: writes * WRITE_UNITS + looks,
    dynamoRead: batches * 0.5 + reads * READ_UNITS + looks,
    stateTransition: turns * TRANSITIONS,
  };
  return total(bill(usage)) / runs;
}
