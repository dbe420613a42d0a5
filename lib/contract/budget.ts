import type { Policy } from "./policy.ts";

/** Percent of releases, all tests together. */
const DEFAULT_FALSE_ROLLBACK_PERCENT = 1;
/** How what versions have of the budget is divided among the tests of a version. */
export const BUDGET = { errors: 0.6, latency: 0.3, share: 0.1 };
/** Part of the one budget that the flags of a release have, where it names any. */
const FLAGS_OF_BUDGET = 0.2;

type Spender = Pick<Policy, "checks" | "flags">;

const wholeBudget = (falseRollbackPercent = DEFAULT_FALSE_ROLLBACK_PERCENT) => falseRollbackPercent / 100;

/** Probability of rolling a harmless version back, all tests together, 0 to 1. */
export const budgetOf = ({ checks, flags }: Spender) =>
  wholeBudget(checks.falseRollbackPercent) * (flags.length > 0 ? 1 - FLAGS_OF_BUDGET : 1);

/** Probability of switching one harmless flag of a release off that is judged with `judged` flags in all, 0 to 1. */
export const flagBudgetOf = ({ checks }: Spender, judged: number) =>
  (wholeBudget(checks.falseRollbackPercent) * FLAGS_OF_BUDGET) / judged;

/** The error test's probability of rolling a harmless version back, of a release that names no flags. */
export const errorTestAlpha = (falseRollbackPercent?: number) => wholeBudget(falseRollbackPercent) * BUDGET.errors;
