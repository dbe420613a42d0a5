import { addBlocks } from "../../lib/core/judge/sequential/ces.ts";
import type { Block } from "../../lib/core/judge/sequential/null-law.ts";
import { type Conditions, drawBlock, type Uniform } from "../../lib/core/judge/sequential/traffic.ts";
import type { Detector } from "./detector.ts";
import { DETECTORS } from "./detectors.ts";
import { plainCes } from "./goaround.ts";
import { drawHypergeometric, uniformOf } from "./random.ts";
import { emptyTally, STEP_SECONDS, type Tally } from "./tally.ts";

/** Traffic in steps of 10 s. `at`: conditions at so many seconds since the shift began. */
export interface ErrorCell {
  key: string;
  /** What the methods are told. */
  share: number;
  horizonSeconds: number;
  copies: number;
  /** Whether what the judge adds to CES can make a difference: elsewhere it is CES. */
  sparse: boolean;
  /** One run's traffic. */
  traffic: (uniform: Uniform) => (elapsedSeconds: number) => Block;
}

export const drawn =
  (at: (elapsedSeconds: number) => Conditions): ErrorCell["traffic"] =>
  (uniform) =>
  (elapsed) =>
    drawBlock(uniform, at(elapsed), STEP_SECONDS);

/** Plain CES comes last, where it is measured. */
export const detectorsOf = ({ sparse }: ErrorCell): readonly Detector[] =>
  sparse ? [...DETECTORS, plainCes] : DETECTORS;

/** All methods over the same random traffic, for the runs from `from` to `to` − 1; a run has `copies` releases. */
export function runErrorCell(cell: ErrorCell, from: number, to: number): Tally[] {
  const detectors = detectorsOf(cell);
  const tallies = detectors.map(emptyTally);
  for (let run = from; run < to; run++) addRun(detectors, tallies, cell, uniformOf(cell.key, run));
  return tallies;
}

function addRun(
  detectors: readonly Detector[],
  tallies: Tally[],
  { share, horizonSeconds, copies, traffic }: ErrorCell,
  uniform: Uniform,
): void {
  const draw = traffic(uniform);
  const indices = Array.from({ length: copies }, (_, i) => i);
  const live = detectors.map((detector) => ({
    watch: detector.start({ share, horizonSeconds, copies }),
    seconds: detector.seconds,
    done: indices.map(() => false),
    stopped: indices.map(() => Number.NaN),
    bad: indices.map(() => 0),
    open: copies,
  }));
  let minutes: Block[] = [];
  const failed = indices.map(() => 0);
  for (let elapsed = STEP_SECONDS; elapsed <= horizonSeconds; elapsed += STEP_SECONDS) {
    const first = draw(elapsed);
    const steps = indices.map((i) => (i === 0 ? first : redrawn(uniform, first)));
    minutes = minutes.length === 0 ? steps : indices.map((i) => addBlocks(minutes[i]!, steps[i]!));
    for (const i of indices) failed[i]! += steps[i]!.canaryErrors;
    const wholeMinute = elapsed % 60 === 0;
    let open = 0;
    for (const one of live) {
      if (one.open === 0) continue;
      if (one.seconds === 10 || wholeMinute) {
        one.watch(one.seconds === 10 ? steps : minutes, elapsed, one.done);
        for (const i of indices) {
          if (!one.done[i] || !Number.isNaN(one.stopped[i]!)) continue;
          one.stopped[i] = elapsed;
          one.bad[i] = failed[i]!;
          one.open--;
        }
      }
      open += one.open;
    }
    if (wholeMinute) minutes = [];
    if (open === 0) break;
  }
  for (const [d, one] of live.entries()) record(tallies[d]!, one, failed, horizonSeconds);
}

interface Live {
  done: boolean[];
  /** Seconds; NaN while it goes on. */
  stopped: number[];
  bad: number[];
  open: number;
}

function record(tally: Tally, one: Live, failed: readonly number[], horizonSeconds: number): void {
  let detected = 0;
  for (const [i, done] of one.done.entries()) {
    if (done) detected++;
    tally.bad += done ? one.bad[i]! : failed[i]!;
    const step = (done ? one.stopped[i]! : horizonSeconds) / STEP_SECONDS;
    tally.delays[step] = (tally.delays[step] ?? 0) + 1;
  }
  tally.runs += one.done.length;
  tally.detected += detected;
  tally.groups++;
  tally.groupSquares += detected * detected;
}

/** The same requests and as many errors, on other requests. */
function redrawn(uniform: Uniform, { canaryRequests, baselineRequests, canaryErrors, baselineErrors }: Block): Block {
  const errors = canaryErrors + baselineErrors;
  const canary = drawHypergeometric(uniform, canaryRequests, baselineRequests, errors);
  return { canaryRequests, baselineRequests, canaryErrors: canary, baselineErrors: errors - canary };
}
