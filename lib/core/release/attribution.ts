import type { Reason } from "../judge/types.ts";

/** How often a version that was asked with the smoke payloads failed to answer well. */
export interface Asked {
  asked: number;
  failed: number;
}

/** `release`: the version is to blame; `shared`: what it shares with others is; `unknown`: it answers well when asked. */
export type Blame = "release" | "shared" | "unknown";

/** Asked so often, versions show an outage of a fifth of requests; one of a twentieth goes unseen one time in five. */
export const MOST_ROUNDS = 30;
/** Chance of so uneven failures of versions that are alike: below it one is to blame at once, or at the end. */
const AT_ONCE = 0.002;
const AT_THE_END = 0.02;
/** Failures of each before what they share may be to blame, and of the known good version before that is said at once. */
const FEW = 2;
const ENOUGH = 3;
const ALIKE = 0.3;

/**
 * Whose doing it is, from asking the version that serves and the one it replaced side by side; undefined: ask again.
 * Where the cause is shared the known good one fails too, and moving traffic to it would change nothing.
 */
export function blame(serving: Asked, knownGood: Asked): Blame | undefined {
  const all = serving.failed + knownGood.failed;
  const chance = chanceOf(serving.failed, all);
  if (chance <= AT_ONCE) return "release";
  if (chanceOf(knownGood.failed, all) <= AT_ONCE) return "unknown";
  const bothFail = Math.min(serving.failed, knownGood.failed) >= FEW;
  if (bothFail && knownGood.failed >= ENOUGH && chance >= ALIKE) return "shared";
  if (serving.asked < MOST_ROUNDS) return undefined;
  if (bothFail && chance > AT_THE_END) return "shared";
  return serving.failed > 0 ? "release" : "unknown";
}

/** Chance that of `all` failures of two versions that are alike so many or more are the one's. */
export function chanceOf(failures: number, all: number): number {
  let chance = 0;
  // By its logarithm: that all of a thousand are the one's is less likely than a number can say.
  let term = all * Math.log(0.5);
  for (let k = all; k >= failures; k -= 1) {
    chance += Math.exp(term);
    term += Math.log(k / (all - k + 1));
  }
  return Math.min(1, chance);
}

/** What people are told of a cause that is shared. */
export const notTheRelease = (
  code: "known-good-fails-too" | "known-good-alike" | "dependency-red",
  message: string,
  asked?: Asked,
): Reason => ({
  code,
  message: `${message}: the release is not to blame, and its version stays`,
  observed: asked?.failed ?? null,
  limit: null,
  baseline: null,
  samples: asked?.asked ?? 0,
});
