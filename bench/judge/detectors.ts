import { initialErrors, lookErrors } from "../../lib/core/judge/sequential/errors.ts";
import { type Block, hypergeometric, logFactorial } from "../../lib/core/judge/sequential/null-law.ts";

/** One way to decide, fed with blocks of its own length; true at a rollback. */
export interface Detector {
  name: string;
  /** Seconds of a look. */
  seconds: number;
  start(share: number): (block: Block, elapsedSeconds: number) => boolean;
}

const ALPHA = 0.01;
const rate = (errors: number, requests: number) => (requests === 0 ? 0 : errors / requests);

const ours = (seconds: number): Detector => ({
  name: `Goaround ${seconds} s`,
  seconds,
  start(share) {
    let state = initialErrors;
    return (block, elapsed) => {
      const look = lookErrors(state, block, seconds, elapsed, { alpha: ALPHA, share });
      state = look.state;
      return look.rollback;
    };
  },
});

/** `needed` periods in a row over the limit. */
const inARow = (name: string, needed: number, breaches: (block: Block) => boolean): Detector => ({
  name,
  seconds: 60,
  start() {
    let row = 0;
    return (block) => {
      row = breaches(block) ? row + 1 : 0;
      return row >= needed;
    };
  },
});

const over = (limit: number) => (block: Block) => rate(block.canaryErrors, block.canaryRequests) > limit;
const aliasOver = (limit: number) => (block: Block) =>
  rate(block.canaryErrors + block.baselineErrors, block.canaryRequests + block.baselineRequests) > limit;
const ratioOver = (block: Block) =>
  block.canaryErrors > 0 &&
  rate(block.canaryErrors, block.canaryRequests) > 1.5 * rate(block.baselineErrors, block.baselineRequests);

/** Sums over the last five minutes against 1.5 times the baseline's. */
const windowRule: Detector = {
  name: "1.5 × over 5 min",
  seconds: 60,
  start() {
    const last: Block[] = [];
    return (block) => {
      last.push(block);
      if (last.length > 5) last.shift();
      const sum = (key: keyof Block) => last.reduce((total, one) => total + one[key], 0);
      const names = ["canaryRequests", "baselineRequests", "canaryErrors", "baselineErrors"] as const;
      return last.length === 5 && ratioOver(Object.fromEntries(names.map((key) => [key, sum(key)])) as never);
    };
  },
};

/** Argo Rollouts' analysis with a failure limit: measurements may be bad three times in all. */
const argo: Detector = {
  name: "Argo-like 5 %, 3 failures",
  seconds: 60,
  start() {
    let failures = 0;
    return (block) => {
      if (over(0.05)(block)) failures++;
      return failures > 3;
    };
  },
};

/** Fisher's exact test of the sums, every minute: not valid when it is looked at more than once. */
const fisher: Detector = {
  name: "Fisher, peeking",
  seconds: 60,
  start() {
    const sum = { canaryRequests: 0, baselineRequests: 0, canaryErrors: 0, baselineErrors: 0 };
    return (block) => {
      for (const key of Object.keys(sum) as (keyof Block)[]) sum[key] += block[key];
      const law = hypergeometric(sum.canaryRequests, sum.baselineRequests, sum.canaryErrors + sum.baselineErrors);
      let tail = 0;
      for (let i = law.probabilities.length - 1; i >= 0 && law.from + i >= sum.canaryErrors; i--) {
        tail += law.probabilities[i]!;
      }
      return sum.canaryErrors > 0 && tail < ALPHA;
    };
  },
};

/** Lindon and Malek's e-process over errors with the configured share, uniform prior, at 10 s looks. */
const knownWeight: Detector = {
  name: "known-weight e-process 10 s",
  seconds: 10,
  start(share) {
    let [canary, baseline] = [0, 0];
    return (block) => {
      canary += block.canaryErrors;
      baseline += block.baselineErrors;
      const mixture = logFactorial(canary) + logFactorial(baseline) - logFactorial(canary + baseline + 1);
      const logE = mixture - canary * Math.log(share) - baseline * Math.log(1 - share);
      return logE >= Math.log(1 / ALPHA) && canary > share * (canary + baseline);
    };
  },
};

export const DETECTORS: readonly Detector[] = [
  ours(10),
  ours(60),
  knownWeight,
  fisher,
  inARow("CloudWatch 5 %, 2 of 2, version", 2, over(0.05)),
  inARow("CloudWatch 5 %, 1 of 1, version", 1, over(0.05)),
  inARow("CloudWatch 5 %, 2 of 2, alias", 2, aliasOver(0.05)),
  inARow("1.5 × on 5 points", 5, ratioOver),
  windowRule,
  inARow("Flagger-like 1 %, 5 in a row", 5, over(0.01)),
  argo,
];
