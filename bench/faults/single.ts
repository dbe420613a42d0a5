import { SeededRandom } from "../../lib/local/kernel/random.ts";
import { ROLLBACKS, type Rollback, type Trial, tryRollback } from "./rollbacks.ts";
import { add, DEFAULT_RUNS, emptyTally, mine, type Part, raise, type Tally } from "./tally.ts";
import { type Call, FAULTS, type Fault, isRead, type PlannedFault } from "./wire.ts";

const references = new Map<Rollback, Promise<Call[]>>();

/** The calls of a rollback that meets no fault: what the faults are planned from. */
function callsOf(rollback: Rollback): Promise<Call[]> {
  const known = references.get(rollback) ?? tryRollback(rollback).then(({ calls }) => calls);
  references.set(rollback, known);
  return known;
}

/** The ledger is read consistently, and a write is never stale. */
const applies = (fault: Fault, { service, operation }: Call) =>
  fault !== "stale" || (service !== "dynamodb" && isRead(operation));

/** Every fault at every call of one rollback. */
export async function singleFaults(rollback: Rollback, part: Part): Promise<Tally> {
  const tally = emptyTally();
  const calls = await callsOf(rollback);
  const trials = calls.flatMap((call) =>
    FAULTS.filter((fault) => applies(fault, call)).map((fault) => ({ call, fault })),
  );
  for (const i of mine(trials.length, part)) {
    const { call, fault } = trials[i]!;
    const remembered = fault === "stale" ? calls : [];
    const trial = await tryRollback(rollback, { faults: [{ n: call.n, fault }], remembered });
    count(tally, `${rollback}, ${fault} at call ${call.n} (${call.service} ${call.operation})`, trial);
    add(tally, fault);
  }
  return tally;
}

const DOUBLES = 10_000;
/** Reruns make calls beyond the last of a run without faults. */
const BEYOND = 15;

/** Two faults of any kinds at any two calls, of the first run or of a rerun. */
export async function doubleFaults(part: Part): Promise<Tally> {
  const tally = emptyTally();
  for (const seed of mine(DOUBLES, part)) {
    const random = new SeededRandom(`double/${seed}`);
    const rollback = ROLLBACKS[random.integer(0, ROLLBACKS.length - 1)]!;
    const calls = await callsOf(rollback);
    const draw = (): PlannedFault => ({
      n: random.integer(1, calls.length + BEYOND),
      fault: FAULTS[random.integer(0, FAULTS.length - 1)]!,
    });
    const faults = [draw(), draw()];
    const name = `seed ${seed}: ${rollback}, ${faults.map(({ n, fault }) => `${fault} at call ${n}`).join(", ")}`;
    const remembered = faults.some(({ fault }) => fault === "stale") ? calls : [];
    count(tally, name, await tryRollback(rollback, { faults, remembered, seed }));
  }
  return tally;
}

const REDRIVES = 5;

/** A share of all attempts of all calls is throttled, from beginning to end. */
export async function throttling(share: number, part: Part): Promise<Tally> {
  const tally = emptyTally();
  for (const seed of mine(part.runs ?? DEFAULT_RUNS, part)) {
    const random = new SeededRandom(`throttling/${share}/${seed}`);
    const rollback = ROLLBACKS[seed % ROLLBACKS.length]!;
    const needed = (await callsOf(rollback)).length;
    const strikes = () => (random.chance(share) ? "throttled" : undefined);
    const trial = await tryRollback(rollback, { strikes, seed, resume: true, redrives: REDRIVES });
    count(tally, `seed ${seed}: ${rollback} with ${100 * share} % of attempts throttled`, trial);
    if (trial.left.length > 0) tally.duplicates.push(`seed ${seed}: ${rollback}, run again: ${trial.left.join("; ")}`);
    add(
      tally,
      "attempts",
      trial.calls.reduce((all, { attempts }) => all + attempts, 0),
    );
    add(tally, "calls needed", needed);
    for (const { attempts } of trial.calls) raise(tally, "attempts of a call", attempts);
  }
  return tally;
}

export function count(tally: Tally, name: string, trial: Trial): void {
  tally.runs += 1;
  if (trial.problems.length > 0) tally.failures.push(`${name}: ${trial.problems.join("; ")}`);
  if (trial.duplicates.length > 0) tally.duplicates.push(`${name}: ${trial.duplicates.join("; ")}`);
  raise(tally, "seconds", trial.seconds);
  raise(tally, "notifications", trial.notifications);
}
