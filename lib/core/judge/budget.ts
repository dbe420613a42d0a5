import type { Policy } from "../../contract/policy.ts";

/** How what versions have of the budget is divided among the tests of a version. */
export const BUDGET = { errors: 0.6, latency: 0.3, share: 0.1 };
const DEFAULT_FALSE_ROLLBACK_PERCENT = 1;
/** Part of the one budget that the flags of a release have, where it names any. */
const FLAGS_OF_BUDGET = 0.2;

type Spender = Pick<Policy, "checks" | "flags">;

const wholeBudget = ({ checks }: Spender) => (checks.falseRollbackPercent ?? DEFAULT_FALSE_ROLLBACK_PERCENT) / 100;

/** Probability of rolling a harmless version back, all tests together, 0 to 1. */
export const budgetOf = (policy: Spender) => wholeBudget(policy) * (policy.flags.length > 0 ? 1 - FLAGS_OF_BUDGET : 1);

/** Probability of switching one harmless flag of a release off that is judged with `judged` flags in all, 0 to 1. */
export const flagBudgetOf = (policy: Spender, judged: number) => (wholeBudget(policy) * FLAGS_OF_BUDGET) / judged;
