import { budgetOf } from "../../contract/budget.ts";
import type { Policy } from "../../contract/policy.ts";
import type { RuleCode } from "../../contract/rules.ts";
import { type Rule, rulesOf } from "./rule-settings.ts";
import {
  absoluteErrors,
  type Breach,
  breachesOf,
  errorPercent,
  errorRatio,
  format,
  type Rules,
  type Sides,
} from "./rules.ts";
import { type JudgeState, type Look, NO_COUNTS, type Reason, type SideCounts, type Verdict } from "./types.ts";

/** One good look between two bad ones does not make a fault a passing one. */
const RATE_WINDOW_LOOKS = 3;
/** More looks than any persistence needs; bounds the state. */
const KEPT_LOOKS = 300;

interface KeptLook {
  seconds: number;
  /** Requests and errors of the canary, then of the baseline. */
  counts: [number, number, number, number];
  /** What this look alone holds against the canary. */
  reasons: Reason[];
}

interface FixedState extends JudgeState {
  version: 1;
  canary: SideCounts;
  baseline: SideCounts;
  observedSeconds: number;
  expectedCanaryInvocations: number;
  /** Newest last. */
  looks: KeptLook[];
}

/**
 * The judge with fixed thresholds and minimum samples (policy `checks`).
 *
 * It rolls back when a rule is broken by the sums since the shift began (over two minutes or more), or lastingly by the
 * latest looks. A breach that has not lasted yet, and a canary that gets far less traffic than its share, hold the
 * release. Too few requests, and monitoring that could not be read, are inconclusive. What both versions break alike
 * is a finding and blames nobody.
 */
export const judgeFixed = (state: JudgeState | undefined, look: Look, policy: Policy): Ruled => {
  const before = (state as FixedState | undefined) ?? initialState();
  if (!look.observed) return { state: before, verdict: unavailable(before), supporting: [] };
  const rules = rulesOf(policy);
  const after = add(before, look, rules, policy.checks.rollbackThresholdPercent);
  // Where requests are counted by duration the test of those says sooner, and surer, what a p99 of one look means.
  const counted = look.canary.slow !== undefined && look.baseline.slow !== undefined;
  const telling = (after.looks.at(-1)?.reasons ?? []).filter(({ code }) => !(counted && code === "p99-duration"));
  return { state: after, ...verdictOf(after, telling, rules, policy) };
};

/** The verdict of the rules alone, and the reasons that count only beside a test that agrees. */
export interface Ruled {
  state: JudgeState;
  verdict: Verdict;
  supporting: Reason[];
}

const initialState = (): FixedState => ({
  version: 1,
  canary: NO_COUNTS,
  baseline: NO_COUNTS,
  observedSeconds: 0,
  expectedCanaryInvocations: 0,
  looks: [],
});

function add(state: FixedState, look: Look, rules: Rules, threshold: number | undefined): FixedState {
  const { canary, baseline } = look;
  const kept: KeptLook = {
    seconds: look.seconds,
    counts: [canary.invocations, canary.errors, baseline.invocations, baseline.errors],
    reasons: againstCanary(breachesOf(look, rules, threshold)),
  };
  const total = look.canary.invocations + look.baseline.invocations;
  return {
    version: 1,
    canary: sum(state.canary, look.canary),
    baseline: sum(state.baseline, look.baseline),
    observedSeconds: state.observedSeconds + look.seconds,
    expectedCanaryInvocations: state.expectedCanaryInvocations + look.expectedShare * total,
    looks: [...state.looks, kept].slice(-KEPT_LOOKS),
  };
}

/** Percentiles cannot be added up: sums have none, and the p99 rule works on single looks. */
function sum(a: SideCounts, b: SideCounts): SideCounts {
  const invocations = a.invocations + b.invocations;
  const weighted = (a.averageDurationMs ?? 0) * a.invocations + (b.averageDurationMs ?? 0) * b.invocations;
  return {
    invocations,
    errors: a.errors + b.errors,
    throttles: a.throttles + b.throttles,
    averageDurationMs: invocations === 0 ? undefined : weighted / invocations,
    p99DurationMs: undefined,
  };
}

function verdictOf(state: FixedState, latest: Reason[], rules: Rules, policy: Policy): Omit<Ruled, "state"> {
  const overall = breachesOf(state, rules, policy.checks.rollbackThresholdPercent);
  const absolute = absoluteBreaches(state, rules, policy);
  const findings = [
    ...firstOfEachCode([...overall, ...absolute].filter((breach) => breach.shared).map((breach) => breach.reason)),
    ...trafficLow(state, rules["traffic-low"]),
  ];
  const sums = againstCanary(overall);
  const settled = sums.filter(({ code }) => state.observedSeconds >= lasting(code, rules));
  const rollback = firstOfEachCode([...settled, ...lastingReasons(state, rules), ...againstCanary(absolute)]);
  const supporting = againstCanary(ratioBreaches(state, rules["error-ratio"]));
  if (rollback.length > 0) return { verdict: { kind: "rollback", reasons: rollback, findings }, supporting };

  const passing = firstOfEachCode([...sums, ...latest]).map((reason) => ({
    ...reason,
    message: `${reason.message}; not for long enough yet to act on`,
  }));
  const holding = [...passing, ...shareDeficit(state, rules["traffic-share"])];
  const missing = tooFewSamples(state.canary, policy);
  const verdict = (): Verdict => {
    if (holding.length > 0) return { kind: "hold", reasons: [...holding, ...missing], findings };
    if (missing.length > 0) return { kind: "inconclusive", reasons: missing, findings };
    return { kind: "promote", reasons: [withinLimits(state, policy)], findings };
  };
  return { verdict: verdict(), supporting };
}

/** A quarter of what the share test has of the budget, for each of two limits: that test rolls nothing back by itself. */
const ABSOLUTE_PART = 0.025;

function absoluteBreaches(state: FixedState, rules: Rules, policy: Policy): Breach[] {
  const alpha = ABSOLUTE_PART * budgetOf(policy);
  const [success, errors] = [rules["success-rate"], rules["absolute-error-rate"]];
  const over = (rule: Rule) => windowOf(state, rule.forSeconds);
  const recent = over(success);
  const all = state.observedSeconds >= errors.forSeconds ? state : undefined;
  return [
    recent && absoluteErrors("success-rate", recent, success, 100 - success.limit, alpha),
    all && absoluteErrors("absolute-error-rate", all, errors, errors.limit, alpha),
  ].filter((breach) => breach !== undefined);
}

function ratioBreaches(state: FixedState, rule: Rule): Breach[] {
  const sides = windowOf(state, rule.forSeconds);
  const breach = sides && errorRatio(sides, rule);
  return breach ? [breach] : [];
}

/** Both sides over the latest looks of so many seconds; undefined while there have not been so many. */
function windowOf({ looks }: FixedState, seconds: number): Sides | undefined {
  const sums = [0, 0, 0, 0];
  let covered = 0;
  for (let i = looks.length - 1; i >= 0 && covered < seconds; i--) {
    covered += looks[i]!.seconds;
    for (const [k, count] of looks[i]!.counts.entries()) sums[k]! += count;
  }
  if (covered < seconds) return undefined;
  const [canary = 0, canaryErrors = 0, baseline = 0, baselineErrors = 0] = sums;
  return {
    canary: { ...NO_COUNTS, invocations: canary, errors: canaryErrors },
    baseline: { ...NO_COUNTS, invocations: baseline, errors: baselineErrors },
  };
}

const againstCanary = (breaches: Breach[]) =>
  breaches.filter((breach) => !breach.shared).map((breach) => breach.reason);

/** How long a rule must be broken. Seconds. */
const lasting = (code: string, rules: Rules) => (rules[code as RuleCode] ?? rules["error-rate"]).forSeconds;

/** The latest reason for each rule that the latest looks with enough requests break for long enough. */
function lastingReasons({ looks }: FixedState, rules: Rules): Reason[] {
  const telling = (code: string) =>
    looks.filter(({ counts }) => counts[0] >= (rules[code as RuleCode] ?? rules["error-rate"]).minSamples);
  const newestFirst = looks.flatMap((look) => look.reasons).reverse();
  return firstOfEachCode(newestFirst).filter(({ code }) => {
    const seconds = lasting(code, rules);
    if (code === "p99-duration") return unbrokenSeconds(telling(code), code) >= seconds;
    const broken = telling(code)
      .slice(-RATE_WINDOW_LOOKS)
      .filter((look) => holds(look, code));
    return broken.length >= 2 && totalSeconds(broken) >= seconds;
  });
}

const holds = (look: KeptLook, code: string) => look.reasons.some((reason) => reason.code === code);
const totalSeconds = (looks: readonly KeptLook[]) => looks.reduce((total, look) => total + look.seconds, 0);
const unbrokenSeconds = (looks: readonly KeptLook[], code: string) =>
  totalSeconds(looks.slice(looks.findLastIndex((look) => !holds(look, code)) + 1));

const firstOfEachCode = (reasons: readonly Reason[]) =>
  reasons.filter((reason, i) => reasons.findIndex((other) => other.code === reason.code) === i);

/** A canary that hangs or is not reached publishes no requests: silence is no proof of health. */
function shareDeficit(state: FixedState, { enabled, minSamples, limit }: Rule): Reason[] {
  const expected = state.expectedCanaryInvocations;
  const served = state.canary.invocations;
  if (!enabled || expected < minSamples || served >= limit * expected) return [];
  const ratio = served / expected;
  return [
    {
      code: "traffic-share",
      message: `the canary finished ${served} requests where its share was ${format(expected)} (ratio ${format(ratio)}, limit ${limit})`,
      observed: ratio,
      limit,
      baseline: null,
      samples: served + state.baseline.invocations,
    },
  ];
}

/** Less than its share, and not little enough to hold it: for people to know. */
function trafficLow(state: FixedState, rule: Rule): Reason[] {
  return shareDeficit(state, rule).map((reason) => ({ ...reason, code: "traffic-low" }));
}

function tooFewSamples({ invocations }: SideCounts, policy: Policy): Reason[] {
  const { minSamples } = policy.checks;
  if (invocations >= minSamples) return [];
  const missing = minSamples - invocations;
  return [
    {
      code: "too-few-samples",
      message: `${invocations} canary requests were seen and ${minSamples} are needed: ${missing} more; its error rate and durations are not known`,
      observed: invocations,
      limit: minSamples,
      baseline: null,
      samples: invocations,
    },
  ];
}

function unavailable(state: FixedState): Verdict {
  const { invocations } = state.canary;
  return {
    kind: "inconclusive",
    reasons: [
      {
        code: "monitoring-unavailable",
        message: "monitoring could not be read, so nothing is known about this interval",
        observed: null,
        limit: null,
        baseline: null,
        samples: invocations,
      },
    ],
    findings: [],
  };
}

function withinLimits({ canary, baseline }: FixedState, policy: Policy): Reason {
  const observed = errorPercent(canary) ?? 0;
  const other = errorPercent(baseline);
  return {
    code: "within-limits",
    message: `${format(observed)} % of ${canary.invocations} canary requests failed (baseline ${other === undefined ? "served nothing" : `${format(other)} %`}); no rule is broken`,
    observed,
    limit: policy.checks.maxErrorRatePercent,
    baseline: other ?? null,
    samples: canary.invocations,
  };
}
