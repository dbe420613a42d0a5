import type { Policy } from "../../contract/policy.ts";

/** How the one false-rollback budget is divided. */
export const BUDGET = { errors: 0.6, latency: 0.3, share: 0.1 };
const DEFAULT_FALSE_ROLLBACK_PERCENT = 1;

/** Probability of rolling a harmless version back, all tests together, 0 to 1. */
export const budgetOf = ({ checks }: Pick<Policy, "checks">) =>
  (checks.falseRollbackPercent ?? DEFAULT_FALSE_ROLLBACK_PERCENT) / 100;
