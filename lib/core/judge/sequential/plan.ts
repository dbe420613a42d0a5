import { BUDGET, budgetOf } from "../../../contract/budget.ts";
import type { Policy } from "../../../contract/policy.ts";
import { initialErrors, lookErrors } from "./errors.ts";
import { lookOutage, type OutageState } from "./outage.ts";
import { type Conditions, drawBlock, leastSeconds, uniformFrom } from "./traffic.ts";

/** What is known of a function before a release. */
export interface PlanInput {
  requestsPerSecond: number;
  baselineRate: number;
  share: number;
  minutes: number;
  /** Seconds of a look: 60 from CloudWatch's metrics. */
  lookSeconds: number;
}

export interface PlanRow {
  canaryRate: number;
  /** Of releases with this regression, the part that is rolled back within the window. */
  detected: number;
  /** Mean seconds to the rollback where there was one; null where there was none. */
  seconds: number | null;
  /** Least mean seconds of any test. */
  limitSeconds: number;
}

export interface Plan {
  rows: PlanRow[];
  advice: string[];
}

const RUNS = 200;
const SEED = 20_260_301;
/** Detected less often than this, a regression is one that the release is blind to. */
const SEEN = 0.8;
/** The regression that a release must be able to find, or there is advice. */
const MUST_SEE = 0.2;

/** What a release under this policy would find, from simulated releases: the same answer every time. */
export function planRelease(input: PlanInput, policy: Policy): Plan {
  const sizes = [...new Set([input.baselineRate + 0.005, 0.02, 0.05, 0.2, 1])].filter(
    (size) => size > input.baselineRate,
  );
  const rows = sizes.map((canaryRate) => rowFor(input, canaryRate, policy));
  return { rows, advice: adviceFor(input, rows, policy) };
}

function rowFor(input: PlanInput, canaryRate: number, policy: Policy): PlanRow {
  const { share, minutes, lookSeconds } = input;
  const conditions: Conditions = { ...input, canaryRate };
  const minExcess = (policy.checks.minErrorExcessPercent ?? 0) / 100;
  const budget = budgetOf(policy);
  const alpha = budget * BUDGET.errors;
  const maxErrorRate = policy.checks.maxErrorRatePercent / 100;
  let detected = 0;
  let total = 0;
  for (let run = 0; run < RUNS; run++) {
    const uniform = uniformFrom(SEED + run);
    let state = initialErrors;
    let outage: OutageState | undefined;
    for (let elapsed = lookSeconds; elapsed <= minutes * 60; elapsed += lookSeconds) {
      const block = drawBlock(uniform, conditions, lookSeconds);
      const look = lookErrors(state, block, lookSeconds, elapsed, { alpha, share, minExcess });
      state = look.state;
      const { totals } = state.ces;
      const shared = lookOutage(outage, totals, block, lookSeconds, elapsed, {
        budget,
        share,
        maxErrorRate,
        minExcess,
      });
      outage = shared?.state;
      if ((shared?.errors ?? look).rollback) {
        detected++;
        total += elapsed;
        break;
      }
    }
  }
  return {
    canaryRate,
    detected: detected / RUNS,
    seconds: detected === 0 ? null : total / detected,
    limitSeconds: leastSeconds(conditions, alpha),
  };
}

function adviceFor(input: PlanInput, rows: PlanRow[], policy: Policy): string[] {
  const advice: string[] = [];
  const { requestsPerSecond, share, minutes, baselineRate } = input;
  const expected = requestsPerSecond * share * minutes * 60;
  if (expected < policy.checks.minSamples) {
    const needed = Math.ceil(policy.checks.minSamples / (requestsPerSecond * share * 60));
    advice.push(
      `The canary gets about ${Math.round(expected)} requests and the policy asks for ${policy.checks.minSamples}: every verdict will be inconclusive. Shift for ${needed} minutes or more.`,
    );
  }
  const must = rows.find(({ canaryRate, detected }) => canaryRate >= MUST_SEE && detected < SEEN);
  if (!must) return advice;
  const fits = (candidate: number, window: number) =>
    rowFor({ ...input, share: candidate, minutes: window }, must.canaryRate, policy).detected >= SEEN;
  const what = `a canary that fails ${100 * must.canaryRate} % of its requests`;
  const window = [10, 15, 30, 60, 120, 240, 480, 1440].find((one) => one > minutes && fits(share, one));
  const wider = [0.2, 0.25, 0.5].find((one) => one > share && fits(one, minutes));
  const ways = [
    ...(window ? [`shift for ${window} minutes`] : []),
    ...(wider ? [`give the canary ${100 * wider} % of the traffic`] : []),
    "send synthetic invocations",
  ];
  advice.push(
    `This window is blind to ${what} (found in ${Math.round(100 * must.detected)} % of releases, baseline ${100 * baselineRate} %). To find it: ${ways.join(", or ")}.`,
  );
  return advice;
}
