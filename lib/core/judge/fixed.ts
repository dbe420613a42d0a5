import type { Policy } from "../../contract/policy.ts";
import { type Breach, breachesOf, errorPercent, format } from "./rules.ts";
import type { Judge, JudgeState, Look, Reason, SideCounts, Verdict } from "./types.ts";

/** Two periods of a minute, as the alarms ask for. Seconds. */
const RATE_PERSISTENCE_SECONDS = 120;
/** One good look between two bad ones does not make a fault a passing one. */
const RATE_WINDOW_LOOKS = 3;
/**
 * Every look of this long must break the p99 rule: the p99 of a minute with few requests is its slowest one, so a
 * single cold start breaks it. A five-minute canary holds four whole minutes. Seconds.
 */
const P99_PERSISTENCE_SECONDS = 240;
/** More looks than any persistence needs; bounds the state. */
const KEPT_LOOKS = 300;

interface KeptLook {
  seconds: number;
  /** What this look alone holds against the canary. */
  reasons: Reason[];
}

interface FixedState extends JudgeState {
  version: 1;
  canary: SideCounts;
  baseline: SideCounts;
  observedSeconds: number;
  expectedCanaryInvocations: number;
  /** Newest last; only looks with enough requests to tell. */
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
export const judgeFixed: Judge = (state, look, policy) => {
  const before = (state as FixedState | undefined) ?? initialState();
  if (!look.observed) return { state: before, verdict: unavailable(before) };
  const after = add(before, look, policy);
  return { state: after, verdict: verdictOf(after, policy) };
};

const NOTHING: SideCounts = {
  invocations: 0,
  errors: 0,
  throttles: 0,
  averageDurationMs: undefined,
  p99DurationMs: undefined,
};

const initialState = (): FixedState => ({
  version: 1,
  canary: NOTHING,
  baseline: NOTHING,
  observedSeconds: 0,
  expectedCanaryInvocations: 0,
  looks: [],
});

function add(state: FixedState, look: Look, policy: Policy): FixedState {
  const enough = look.canary.invocations >= policy.checks.minSamples;
  const kept = { seconds: look.seconds, reasons: againstCanary(breachesOf(look, policy.checks)) };
  const total = look.canary.invocations + look.baseline.invocations;
  return {
    version: 1,
    canary: sum(state.canary, look.canary),
    baseline: sum(state.baseline, look.baseline),
    observedSeconds: state.observedSeconds + look.seconds,
    expectedCanaryInvocations: state.expectedCanaryInvocations + look.expectedShare * total,
    looks: enough ? [...state.looks, kept].slice(-KEPT_LOOKS) : state.looks,
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

function verdictOf(state: FixedState, policy: Policy): Verdict {
  const overall = breachesOf(state, policy.checks);
  const findings = overall.filter((breach) => breach.shared).map((breach) => breach.reason);
  const sums = againstCanary(overall);
  const settled = state.observedSeconds >= RATE_PERSISTENCE_SECONDS ? sums : [];
  const rollback = firstOfEachCode([...settled, ...lastingReasons(state.looks)]);
  if (rollback.length > 0) return { kind: "rollback", reasons: rollback, findings };

  const passing = firstOfEachCode([...sums, ...(state.looks.at(-1)?.reasons ?? [])]).map((reason) => ({
    ...reason,
    message: `${reason.message}; not for long enough yet to act on`,
  }));
  const holding = [...passing, ...shareDeficit(state, policy)];
  const missing = tooFewSamples(state.canary, policy);
  if (holding.length > 0) return { kind: "hold", reasons: [...holding, ...missing], findings };
  if (missing.length > 0) return { kind: "inconclusive", reasons: missing, findings };
  return { kind: "promote", reasons: [withinLimits(state, policy)], findings };
}

const againstCanary = (breaches: Breach[]) =>
  breaches.filter((breach) => !breach.shared).map((breach) => breach.reason);

/** The latest reason for each rule that the latest looks break for long enough. */
function lastingReasons(looks: readonly KeptLook[]): Reason[] {
  const latest = looks.slice(-RATE_WINDOW_LOOKS);
  const newestFirst = latest.flatMap((look) => look.reasons).reverse();
  return firstOfEachCode(newestFirst).filter(({ code }) => {
    if (code === "p99-duration") return unbrokenSeconds(looks, code) >= P99_PERSISTENCE_SECONDS;
    const broken = latest.filter((look) => holds(look, code));
    return broken.length >= 2 && totalSeconds(broken) >= RATE_PERSISTENCE_SECONDS;
  });
}

const holds = (look: KeptLook, code: string) => look.reasons.some((reason) => reason.code === code);
const totalSeconds = (looks: readonly KeptLook[]) => looks.reduce((total, look) => total + look.seconds, 0);
const unbrokenSeconds = (looks: readonly KeptLook[], code: string) =>
  totalSeconds(looks.slice(looks.findLastIndex((look) => !holds(look, code)) + 1));

const firstOfEachCode = (reasons: readonly Reason[]) =>
  reasons.filter((reason, i) => reasons.findIndex((other) => other.code === reason.code) === i);

/** A canary that hangs or is not reached publishes no requests: silence is no proof of health. */
function shareDeficit(state: FixedState, policy: Policy): Reason[] {
  const { minSamples, minTrafficShareRatio } = policy.checks;
  const expected = state.expectedCanaryInvocations;
  const served = state.canary.invocations;
  if (expected < minSamples || served >= minTrafficShareRatio * expected) return [];
  const ratio = served / expected;
  return [
    {
      code: "traffic-share",
      message: `the canary finished ${served} requests where its share was ${format(expected)} (ratio ${format(ratio)}, limit ${minTrafficShareRatio})`,
      observed: ratio,
      limit: minTrafficShareRatio,
      baseline: null,
      samples: served + state.baseline.invocations,
    },
  ];
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
