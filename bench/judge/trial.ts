import { addBlocks } from "../../lib/core/judge/sequential/ces.ts";
import type { Block } from "../../lib/core/judge/sequential/null-law.ts";
import { type Conditions, drawBlock, uniformFrom } from "../../lib/core/judge/sequential/traffic.ts";
import { DETECTORS } from "./detectors.ts";

/** What one detector did over all runs of a cell. */
export interface Outcome {
  name: string;
  detected: number;
  /** Seconds; a run without a rollback counts with the whole horizon. */
  mean: number;
  median: number;
  /** Failed canary requests up to the rollback. */
  bad: number;
}

const STEP_SECONDS = 10;
const NO_BLOCK: Block = { canaryRequests: 0, baselineRequests: 0, canaryErrors: 0, baselineErrors: 0 };

/**
 * Runs all detectors over the same random traffic; `at` gives the conditions of each second. `configuredShare` is what
 * the detectors are told.
 */
export function runCell(
  at: (seconds: number) => Conditions,
  configuredShare: number,
  horizonSeconds: number,
  runs: number,
  seed: number,
): Outcome[] {
  const delays = DETECTORS.map(() => [] as number[]);
  const bad = DETECTORS.map(() => 0);
  const detected = DETECTORS.map(() => 0);
  for (let run = 0; run < runs; run++) {
    const uniform = uniformFrom(seed * 1_000_003 + run);
    const live = DETECTORS.map((detector) => ({
      look: detector.start(configuredShare),
      block: NO_BLOCK,
      done: false,
      bad: 0,
      at: horizonSeconds,
    }));
    for (let elapsed = STEP_SECONDS; elapsed <= horizonSeconds; elapsed += STEP_SECONDS) {
      const fresh = drawBlock(uniform, at(elapsed), STEP_SECONDS);
      let open = 0;
      for (const [i, one] of live.entries()) {
        if (one.done) continue;
        open++;
        one.block = addBlocks(one.block, fresh);
        one.bad += fresh.canaryErrors;
        if (elapsed % DETECTORS[i]!.seconds !== 0) continue;
        if (one.look(one.block, elapsed)) {
          one.done = true;
          one.at = elapsed;
        }
        one.block = NO_BLOCK;
      }
      if (open === 0) break;
    }
    for (const [i, one] of live.entries()) {
      delays[i]!.push(one.at);
      bad[i]! += one.bad;
      if (one.done) detected[i]!++;
    }
  }
  return DETECTORS.map(({ name }, i) => {
    const sorted = delays[i]!.sort((a, b) => a - b);
    return {
      name,
      detected: detected[i]! / runs,
      mean: sorted.reduce((sum, value) => sum + value, 0) / runs,
      median: sorted[Math.floor(runs / 2)]!,
      bad: bad[i]! / runs,
    };
  });
}
