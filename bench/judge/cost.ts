import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { policySchema } from "../../lib/contract/policy.ts";
import { compactState, judgeSequential } from "../../lib/core/judge/sequential/judge.ts";
import { drawBlock, uniformFrom } from "../../lib/core/judge/sequential/traffic.ts";
import type { JudgeState, SideCounts } from "../../lib/core/judge/types.ts";

export interface CostRow {
  requestsPerSecond: number;
  hours: number;
  millisecondsPerLook: number;
  slowest: number;
  stateBytes: number;
  compactBytes: number;
  heldMegabytes: number;
}

const policy = policySchema.parse({ schemaVersion: 1, functionName: "f", alias: "live", deploymentGroup: "g" });
/** Looks in which the engine still compiles. */
const WARM_UP = 30;

const side = (invocations: number, errors: number): SideCounts => ({
  invocations,
  errors,
  throttles: 0,
  averageDurationMs: 100,
  p99DurationMs: 300,
  slow: [0.5, 0.1, 0.01].map((share) => Math.floor(invocations * share)),
  coldStarts: 0,
});

/** Node collects garbage on demand only when told at its start, or by this flag (Node 20). */
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function heapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

/** The judge is a pure function: the least of so many turns of a look is what it costs without other programs. */
const TURNS = 3;

/** An hour at every traffic, and two days of the heaviest unless it has to be quick. */
export const measureCost = (quick: boolean): CostRow[] => [
  ...[1, 10, 100, 1000, 10_000].map((requestsPerSecond) => measure(requestsPerSecond, 1)),
  ...(quick ? [] : [measure(10_000, 48)]),
];

function measure(requestsPerSecond: number, hours: number): CostRow {
  const uniform = uniformFrom(1);
  const conditions = { requestsPerSecond, share: 0.1, baselineRate: 0.01, canaryRate: 0.01 };
  let [total, slowest, counted] = [0, 0, 0];
  const heapBefore = heapBytes();
  let state: JudgeState | undefined;
  for (let i = 1; i <= hours * 360; i++) {
    const block = drawBlock(uniform, conditions, 10);
    const look = {
      elapsedSeconds: i * 10,
      seconds: 10,
      expectedShare: 0.1,
      observed: true,
      canary: side(block.canaryRequests, block.canaryErrors),
      baseline: side(block.baselineRequests, block.baselineErrors),
    };
    const before = state;
    const timed = i > WARM_UP && (hours === 1 || i % 10 === 0);
    let took = Number.POSITIVE_INFINITY;
    for (let turn = 0; turn < (timed ? TURNS : 1); turn++) {
      const started = process.cpuUsage();
      state = judgeSequential(before, look, policy).state;
      const { user, system } = process.cpuUsage(started);
      took = Math.min(took, (user + system) / 1000);
    }
    if (!timed) continue;
    total += took;
    slowest = Math.max(slowest, took);
    counted++;
  }
  const held = heapBytes() - heapBefore;
  return {
    requestsPerSecond,
    hours,
    millisecondsPerLook: total / counted,
    slowest,
    stateBytes: JSON.stringify(state).length,
    compactBytes: JSON.stringify(compactState(state!)).length,
    heldMegabytes: Math.max(0, held) / 1e6,
  };
}
