import type { HealthyCell, RegressionCell } from "./cells.ts";
import { ALPHA } from "./detector.ts";
import { DETECTORS, OURS } from "./detectors.ts";
import { badServed, meanDelay, STEP_SECONDS, shareDetected, type Tally } from "./tally.ts";

export interface Measured<Cell> {
  cell: Cell;
  tallies: Tally[];
}

/** A method whose false rollbacks exceed this in a healthy row that counts is no valid peer. */
export const VALID = 0.013;

export const PEERS: readonly number[] = DETECTORS.map((_, i) => i).slice(OURS);

/** Worst false-rollback rate of each method over rows. */
export const worstOf = (rows: readonly Measured<HealthyCell>[]): number[] =>
  DETECTORS.map((_, i) => Math.max(0, ...rows.map(({ tallies }) => shareDetected(tallies[i]!))));

/** Peers that keep to the limit in every healthy row of the same traffic and share as the cell. */
export function validAt({ conditions }: RegressionCell, healthy: readonly Measured<HealthyCell>[]): number[] {
  const context = healthy.filter(
    ({ cell }) => cell.requestsPerSecond === conditions.requestsPerSecond && cell.share === conditions.share,
  );
  const worst = worstOf(context);
  return PEERS.filter((i) => worst[i]! <= VALID);
}

export type Standing = "ahead" | "level" | "behind";

/** Differences below this part of the bad requests are none: N runs do not show them. */
const LEVEL = 0.005;

/** Ours against the best of the peers, by bad requests served; undefined without peers. */
export function standing(tallies: readonly Tally[], peers: readonly number[]) {
  if (peers.length === 0) return undefined;
  const ours = badServed(tallies[0]!);
  const best = peers.reduce((a, b) => (badServed(tallies[b]!) < badServed(tallies[a]!) ? b : a));
  const theirs = badServed(tallies[best]!);
  const how: Standing = ours < theirs * (1 - LEVEL) ? "ahead" : ours <= theirs * (1 + LEVEL) ? "level" : "behind";
  return { how, best, ratio: ours / theirs };
}

const AT_ONCE = 0.995;
/** Twice the standard error of the mean delay of 2,000 runs. */
const NOISE = 0.03;

/**
 * What a cell's delay is made of where no other spending of alpha could shorten it: nearly every run ends at the first
 * look; or at the look that brings the least number of failed canary requests that is evidence. Chance puts all of k
 * failures on the canary with probability share^k, which must be below alpha.
 */
export function atTheEnd({ conditions }: RegressionCell, [ours]: readonly Tally[]): "look" | "failures" | undefined {
  if ((ours!.delays[1] ?? 0) >= AT_ONCE * ours!.runs) return "look";
  const { requestsPerSecond, share, canaryRate } = conditions;
  const failures = Math.floor(Math.log(ALPHA) / Math.log(share) + 1e-9) + 1;
  const perStep = requestsPerSecond * share * canaryRate * STEP_SECONDS;
  let least = 0;
  for (let step = 0, more = 1; more > 1e-9; step++) {
    more = poissonBelow(failures, step * perStep);
    least += more * STEP_SECONDS;
  }
  return meanDelay(ours!) <= least * (1 + NOISE) ? "failures" : undefined;
}

/** Probability that a Poisson variable is below `count`. */
function poissonBelow(count: number, mean: number): number {
  let sum = 0;
  for (let k = 0, term = Math.exp(-mean); k < count; k++, term *= mean / k) sum += term;
  return sum;
}
