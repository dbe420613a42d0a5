import type { HealthyCell, RegressionCell } from "./cells.ts";
import { DETECTORS, OURS } from "./detectors.ts";
import { badServed, shareDetected, type Tally } from "./tally.ts";

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
