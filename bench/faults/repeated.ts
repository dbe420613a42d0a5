import { SeededRandom } from "../../lib/local/kernel/random.ts";
import { type Deliver, type Rollback, tryRollback } from "./rollbacks.ts";
import { count } from "./single.ts";
import { DEFAULT_RUNS, emptyTally, mine, type Part, raise, type Tally } from "./tally.ts";

const COPIES = 20;
/** Most copies come at once; EventBridge and Lambda may hand one over much later. Milliseconds. */
const SOON_MS = 20_000;
const LATE_MS = 30 * 60_000;
const LATE = 0.2;
const DROPPED = 0.25;

const AUTOMATIC: readonly Rollback[] = [
  "responder-in-shift",
  "responder-on-verdict",
  "responder-in-guard-time",
  "responder-of-group",
];

/**
 * Each event comes one to twenty times, in any order, and some events of deployments never do. What began it is heard, and of
 * the two that tell of the end (the deployment has stopped; its undo has gone well) at least one.
 */
export async function repeatedEvents(part: Part): Promise<Tally> {
  const tally = emptyTally();
  for (const seed of mine(part.runs ?? DEFAULT_RUNS, part)) {
    const random = new SeededRandom(`repeated/${seed}`);
    const rollback = AUTOMATIC[random.integer(0, AUTOMATIC.length - 1)]!;
    let deliveries = 0;
    let isEndLost = false;
    const deliver: Deliver = (id, send) => {
      const isEnd = id.endsWith("-STOP");
      const mayBeLost = isEnd || !(id === "cause" || (isEndLost && id.endsWith("-SUCCESS")));
      if (mayBeLost && random.chance(DROPPED)) {
        isEndLost ||= isEnd;
        return;
      }
      const copies = random.integer(1, COPIES);
      deliveries += copies;
      for (let i = 0; i < copies; i += 1) {
        send(`${id}#${i}`, random.integer(0, random.chance(LATE) ? LATE_MS : SOON_MS));
      }
    };
    const trial = await tryRollback(rollback, { seed, deliver });
    count(tally, `seed ${seed}: ${rollback}`, trial);
    raise(tally, "deliveries", deliveries);
  }
  return tally;
}
