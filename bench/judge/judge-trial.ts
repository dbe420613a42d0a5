import { policySchema } from "../../lib/contract/policy.ts";
import { judgeSequential } from "../../lib/core/judge/sequential/judge.ts";
import type { JudgeState } from "../../lib/core/judge/types.ts";
import { JUDGE_HORIZON_SECONDS, JUDGE_SHARE, type JudgeCell, type Minute, THRESHOLDS_MS } from "./judge-cells.ts";
import { isHigh } from "./kayenta.ts";
import { uniformOf } from "./random.ts";
import { emptyTally, STEP_SECONDS, type Tally } from "./tally.ts";

type Watch = (minute: Minute, elapsedSeconds: number) => boolean;

interface Method {
  name: string;
  start: () => Watch;
}

const policy = policySchema.parse({ schemaVersion: 1, functionName: "f", alias: "live", deploymentGroup: "g" });

const judge = (name: string, counts: (minute: Minute) => Minute): Method => ({
  name,
  start() {
    let state: JudgeState | undefined;
    return (minute, elapsedSeconds) => {
      const { canary, baseline } = counts(minute);
      const look = {
        elapsedSeconds,
        seconds: 60,
        expectedShare: JUDGE_SHARE,
        observed: true,
        slowThresholdsMs: THRESHOLDS_MS,
        canary,
        baseline,
      };
      const judged = judgeSequential(state, look, policy);
      state = judged.state;
      return judged.verdict.kind === "rollback";
    };
  },
});

/** The p99 of five minutes in a row over twice the baseline's. */
const p99Rule: Method = {
  name: "p99 over 2 ×, 5 points",
  start() {
    let row = 0;
    return ({ canary, baseline }) => {
      row = (canary.p99DurationMs ?? 0) > 2 * (baseline.p99DurationMs ?? Number.POSITIVE_INFINITY) ? row + 1 : 0;
      return row >= 5;
    };
  },
};

/** Two metrics, either of which is High: error rates and p99 of whole minutes, judged once at the end. */
const kayenta: Method = {
  name: "Kayenta on errors and p99",
  start() {
    const seen: Minute[] = [];
    return (minute, elapsed) => {
      seen.push(minute);
      if (elapsed < JUDGE_HORIZON_SECONDS) return false;
      const of = (side: "canary" | "baseline") => seen.map((one) => one[side]).filter((one) => one.invocations > 0);
      const rates = (side: "canary" | "baseline") => of(side).map(({ errors, invocations }) => errors / invocations);
      const p99 = (side: "canary" | "baseline") => of(side).map(({ p99DurationMs }) => p99DurationMs ?? 0);
      return isHigh(rates("canary"), rates("baseline")) || isHigh(p99("canary"), p99("baseline"));
    };
  },
};

const untold = ({ canary, baseline }: Minute): Minute => ({
  canary: { ...canary, coldStarts: 0, environments: undefined },
  baseline,
});

export const METHODS: readonly Method[] = [
  judge("Goaround 60 s", (minute) => minute),
  judge("Goaround 60 s, told neither cold starts nor environments", untold),
  p99Rule,
  kayenta,
];

/** All methods over the same random minutes, for the runs from `from` to `to` − 1. */
export function runJudgeCell(cell: JudgeCell, from: number, to: number): Tally[] {
  const tallies = METHODS.map(emptyTally);
  for (let run = from; run < to; run++) {
    const draw = cell.minutes(uniformOf(cell.key, run));
    const minutes: Minute[] = [];
    for (let elapsed = 60; elapsed <= JUDGE_HORIZON_SECONDS; elapsed += 60) minutes.push(draw(elapsed));
    // Where there is nothing to tell, being told makes no difference.
    const tells = minutes.some(({ canary }) => (canary.coldStarts ?? 0) > 0 || canary.environments !== undefined);
    let told: number | undefined;
    for (const [i, method] of METHODS.entries()) {
      const stopped = i === 1 && !tells ? told : stopOf(method.start(), minutes);
      if (i === 0) told = stopped;
      add(tallies[i]!, minutes, stopped);
    }
  }
  return tallies;
}

/** Seconds; undefined without a rollback. */
function stopOf(watch: Watch, minutes: readonly Minute[]): number | undefined {
  for (const [i, minute] of minutes.entries()) if (watch(minute, (i + 1) * 60)) return (i + 1) * 60;
  return undefined;
}

function add(tally: Tally, minutes: readonly Minute[], stopped: number | undefined): void {
  const end = stopped ?? JUDGE_HORIZON_SECONDS;
  const step = end / STEP_SECONDS;
  tally.runs++;
  tally.groups++;
  tally.delays[step] = (tally.delays[step] ?? 0) + 1;
  for (const { canary } of minutes.slice(0, end / 60)) tally.bad += canary.errors;
  if (stopped === undefined) return;
  tally.detected++;
  tally.groupSquares++;
}
