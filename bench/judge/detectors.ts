import type { Block } from "../../lib/core/judge/sequential/null-law.ts";
import { hypergeometric, logFactorial } from "../../lib/core/judge/sequential/null-law.ts";
import { ALPHA, type Detector, type Release } from "./detector.ts";
import { goaround } from "./goaround.ts";
import { isHigh } from "./kayenta.ts";

const rate = (errors: number, requests: number) => (requests === 0 ? 0 : errors / requests);

type OneWatch = (block: Block, elapsedSeconds: number) => boolean;

/** A method that looks at each copy by itself. */
const peer = (name: string, seconds: 10 | 60, startOne: (release: Release) => OneWatch): Detector => ({
  name,
  seconds,
  start(release) {
    const watches = Array.from({ length: release.copies }, () => startOne(release));
    return (blocks, elapsed, done) => {
      for (let i = 0; i < watches.length; i++) if (!done[i]) done[i] = watches[i]!(blocks[i]!, elapsed);
    };
  },
});

/** `needed` periods in a row over the limit. */
const inARow = (name: string, needed: number, breaches: (block: Block) => boolean) =>
  peer(name, 60, () => {
    let row = 0;
    return (block) => {
      row = breaches(block) ? row + 1 : 0;
      return row >= needed;
    };
  });

const over = (limit: number) => (block: Block) => rate(block.canaryErrors, block.canaryRequests) > limit;
const aliasOver = (limit: number) => (block: Block) =>
  rate(block.canaryErrors + block.baselineErrors, block.canaryRequests + block.baselineRequests) > limit;
const ratioOver = (block: Block) =>
  block.canaryErrors > 0 &&
  rate(block.canaryErrors, block.canaryRequests) > 1.5 * rate(block.baselineErrors, block.baselineRequests);

function sumOf(blocks: readonly Block[]): Block {
  const sum = { canaryRequests: 0, baselineRequests: 0, canaryErrors: 0, baselineErrors: 0 };
  for (const block of blocks) {
    sum.canaryRequests += block.canaryRequests;
    sum.baselineRequests += block.baselineRequests;
    sum.canaryErrors += block.canaryErrors;
    sum.baselineErrors += block.baselineErrors;
  }
  return sum;
}

/** Sums over the last five minutes against 1.5 times the baseline's. */
const windowRule = peer("1.5 × over 5 min", 60, () => {
  const last: Block[] = [];
  return (block) => {
    last.push(block);
    if (last.length > 5) last.shift();
    return last.length === 5 && ratioOver(sumOf(last));
  };
});

/** Argo Rollouts' analysis with a failure limit: measurements may be bad three times in all. */
const argo = peer("Argo-like 5 %, 3 failures", 60, () => {
  let failures = 0;
  return (block) => {
    if (over(0.05)(block)) failures++;
    return failures > 3;
  };
});

/** Fisher's exact test of the sums, every minute: not valid when it is looked at more than once. */
const fisher = peer("Fisher, peeking", 60, () => {
  let sum = sumOf([]);
  return (block) => {
    sum = sumOf([sum, block]);
    const { canaryRequests, baselineRequests, canaryErrors, baselineErrors } = sum;
    // Not above the mean: no tail below a hundredth.
    if (canaryErrors * baselineRequests <= baselineErrors * canaryRequests) return false;
    const law = hypergeometric(canaryRequests, baselineRequests, canaryErrors + baselineErrors);
    let tail = 0;
    for (let i = law.probabilities.length - 1; i >= 0 && law.from + i >= canaryErrors; i--)
      tail += law.probabilities[i]!;
    return tail < ALPHA;
  };
});

/** Lindon and Malek's e-process over errors with the configured share, uniform prior, at 10 s looks. */
const knownWeight = peer("known-weight e-process 10 s", 10, ({ share }) => {
  let [canary, baseline] = [0, 0];
  return (block) => {
    if (block.canaryErrors === 0 && block.baselineErrors === 0) return false;
    canary += block.canaryErrors;
    baseline += block.baselineErrors;
    if (canary <= share * (canary + baseline)) return false;
    const mixture = logFactorial(canary) + logFactorial(baseline) - logFactorial(canary + baseline + 1);
    return mixture - canary * Math.log(share) - baseline * Math.log(1 - share) >= Math.log(1 / ALPHA);
  };
});

/** Error rates of whole minutes, judged once, when the canary ends; minutes without requests are left out. */
const kayenta = peer("Kayenta, at the end", 60, ({ horizonSeconds }) => {
  const canary: number[] = [];
  const baseline: number[] = [];
  return (block, elapsed) => {
    if (block.canaryRequests > 0) canary.push(block.canaryErrors / block.canaryRequests);
    if (block.baselineRequests > 0) baseline.push(block.baselineErrors / block.baselineRequests);
    return elapsed >= horizonSeconds && isHigh(canary, baseline);
  };
});

export const DETECTORS: readonly Detector[] = [
  goaround(10),
  goaround(60),
  knownWeight,
  fisher,
  kayenta,
  inARow("CloudWatch 5 %, 2 of 2, version", 2, over(0.05)),
  inARow("CloudWatch 5 %, 1 of 1, version", 1, over(0.05)),
  inARow("CloudWatch 5 %, 2 of 2, alias", 2, aliasOver(0.05)),
  inARow("CloudWatch 5 %, 1 of 1, alias", 1, aliasOver(0.05)),
  inARow("1.5 × on 5 points", 5, ratioOver),
  windowRule,
  inARow("Flagger-like 1 %, 5 in a row", 5, over(0.01)),
  argo,
];
/** Those of `DETECTORS` that are ours. */
export const OURS = 2;
