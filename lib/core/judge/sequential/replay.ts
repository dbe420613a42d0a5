import type { Trace } from "../../../contract/trace.ts";
import type { Reason } from "../types.ts";
import { addBlocks, initialCes, lookCes } from "./ces.ts";
import { initialEProcess, lookEProcess } from "./e-process.ts";
import { isThin } from "./errors.ts";
import type { Block } from "./null-law.ts";

export type ErrorTestMethod = "ces" | "e-process" | "auto";

export interface ErrorTestLook {
  /** Seconds since the shift began. */
  seconds: number;
  /** Cumulative canary errors at which this look would have rolled back; null when nothing could have. */
  boundary: number | null;
  /** False-rollback probability spent so far; 0 for the e-process, which spends none. */
  spent: number;
  canaryErrors: number;
  /** Anytime-valid. */
  pValue: number;
}

export interface ErrorTestResult {
  method: Exclude<ErrorTestMethod, "auto">;
  rollback: boolean;
  /** 1-based; null when undecided. */
  look: number | null;
  decidedAtSeconds: number | null;
  reasons: Reason[];
  looks: ErrorTestLook[];
}

interface ReplayOptions {
  alpha: number;
  method: ErrorTestMethod;
}

/** Runs the error test alone over a trace, up to its decision. The method is chosen before any error is looked at. */
export function replayErrors(trace: Trace, { alpha, method }: ReplayOptions): ErrorTestResult {
  const first = trace.blocks[0]!;
  const firstRequests = first.canary.requests + first.baseline.requests;
  const chosen = method !== "auto" ? method : isThin(firstRequests, first.seconds) ? "e-process" : "ces";
  const isCes = chosen === "ces";
  const totalSeconds = trace.blocks.reduce((sum, block) => sum + block.seconds, 0);
  const options = { alpha, share: trace.share, plannedMinutes: totalSeconds / 60 };
  const looks: ErrorTestLook[] = [];
  let ces = initialCes;
  let evidence = initialEProcess;
  let seconds = 0;
  let totals: Block = { canaryRequests: 0, baselineRequests: 0, canaryErrors: 0, baselineErrors: 0 };
  for (const entry of trace.blocks) {
    seconds += entry.seconds;
    const block: Block = {
      canaryRequests: entry.canary.requests,
      baselineRequests: entry.baseline.requests,
      canaryErrors: entry.canary.errors,
      baselineErrors: entry.baseline.errors,
    };
    totals = addBlocks(totals, block);
    const spending = isCes ? lookCes(ces, block, seconds, options) : undefined;
    const bet = lookEProcess(evidence, block, seconds, options);
    ces = spending?.state ?? ces;
    evidence = bet.state;
    looks.push({
      seconds,
      boundary: spending?.boundary ?? null,
      spent: spending?.spent ?? 0,
      canaryErrors: totals.canaryErrors,
      pValue: bet.pValue,
    });
    if (spending ? spending.rollback : bet.rollback) {
      const reasons = [rollbackReason(totals, spending?.boundary ?? null, bet.pValue, alpha)];
      return { method: chosen, rollback: true, look: looks.length, decidedAtSeconds: seconds, reasons, looks };
    }
  }
  const reasons = [undecidedReason(totals, looks.at(-1)?.boundary ?? null)];
  return { method: chosen, rollback: false, look: null, decidedAtSeconds: null, reasons, looks };
}

const ratesOf = (totals: Block) =>
  `${totals.canaryErrors} of ${totals.canaryRequests} canary requests failed, ${totals.baselineErrors} of ${totals.baselineRequests} baseline requests`;

const figuresOf = (totals: Block) => ({
  observed: totals.canaryErrors,
  baseline: totals.baselineErrors,
  samples: totals.canaryRequests,
});

function rollbackReason(totals: Block, boundary: number | null, pValue: number, alpha: number): Reason {
  const how = boundary === null ? `anytime p ${pValue.toPrecision(2)}, limit ${alpha}` : `boundary ${boundary} errors`;
  return {
    code: "more-errors",
    message: `${ratesOf(totals)} (${how})`,
    ...figuresOf(totals),
    limit: boundary,
  };
}

function undecidedReason(totals: Block, boundary: number | null): Reason {
  return {
    code: "no-more-errors-shown",
    message: `${ratesOf(totals)}; that the canary fails more often is not shown`,
    ...figuresOf(totals),
    limit: boundary,
  };
}
