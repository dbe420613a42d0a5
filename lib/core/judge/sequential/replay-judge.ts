import { BUDGET, budgetOf } from "../../../contract/budget.ts";
import type { Policy } from "../../../contract/policy.ts";
import type { Trace } from "../../../contract/trace.ts";
import type { JudgeState, Look, SideCounts, Verdict, VerdictKind } from "../types.ts";
import { addBlocks } from "./ces.ts";
import { type Effect, effectOf } from "./effect.ts";
import { errorFigures, judgeSequential } from "./judge.ts";
import type { Block } from "./null-law.ts";
import type { ErrorTestLook } from "./replay.ts";

export interface JudgeReplay {
  verdict: Verdict;
  /** 1-based; null when nothing was decided. */
  look: number | null;
  decidedAtSeconds: number | null;
  /** Probability of rolling a harmless version back, and its parts, 0 to 1. */
  budget: { total: number; errors: number; latency: number; share: number };
  looks: (ErrorTestLook & {
    verdict: VerdictKind;
    /** Canary error rate minus baseline's so far, 0 to 1, with an interval; null until both have served. */
    effect: Effect | null;
  })[];
}

/** Judges a trace look by look: up to a rollback, else to its end. */
export function replayJudge(trace: Trace, policy: Policy): JudgeReplay {
  const total = budgetOf(policy);
  const round = (value: number) => Number(value.toPrecision(6));
  const budget = {
    total,
    errors: round(total * BUDGET.errors),
    latency: round(total * BUDGET.latency),
    share: round(total * BUDGET.share),
  };
  const looks: JudgeReplay["looks"] = [];
  let state: JudgeState | undefined;
  let verdict: Verdict | undefined;
  let seconds = 0;
  let totals: Block = { canaryRequests: 0, baselineRequests: 0, canaryErrors: 0, baselineErrors: 0 };
  for (let i = 0; i < trace.blocks.length; i++) {
    const { canary, baseline } = trace.blocks[i]!;
    totals = addBlocks(totals, {
      canaryRequests: canary.requests,
      baselineRequests: baseline.requests,
      canaryErrors: canary.errors,
      baselineErrors: baseline.errors,
    });
    seconds += trace.blocks[i]!.seconds;
    ({ state, verdict } = judgeSequential(state, lookAt(trace, i, seconds), policy));
    const { boundary, spent, canaryErrors, pValue } = errorFigures(state);
    looks.push({
      seconds,
      boundary,
      spent,
      canaryErrors,
      pValue,
      verdict: verdict.kind,
      effect: effectOf(totals) ?? null,
    });
    if (verdict.kind === "rollback") break;
  }
  const decided = verdict!.kind === "rollback" || verdict!.kind === "promote";
  return {
    verdict: verdict!,
    look: decided ? looks.length : null,
    decidedAtSeconds: decided ? looks.at(-1)!.seconds : null,
    budget,
    looks,
  };
}

function lookAt({ share, blocks }: Trace, index: number, elapsedSeconds: number): Look {
  const { seconds, canary, baseline } = blocks[index]!;
  const counts = ({ requests, errors, slow, coldStarts, environments }: typeof canary): SideCounts => ({
    invocations: requests,
    errors,
    throttles: 0,
    averageDurationMs: undefined,
    p99DurationMs: undefined,
    slow,
    coldStarts,
    environments,
  });
  return {
    elapsedSeconds,
    seconds,
    expectedShare: share,
    observed: true,
    canary: counts(canary),
    baseline: counts(baseline),
  };
}
