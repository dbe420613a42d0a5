import { budgetOf } from "../../contract/budget.ts";
import { type Condition, parseExpression } from "../../contract/expression.ts";
import type { Policy } from "../../contract/policy.ts";
import { type Trigger, triggerMetrics, triggersOf } from "../../contract/triggers.ts";
import { surelyAtLeast } from "./certainty.ts";
import { evaluate, isRelative, type Metrics, type MetricValue, namesIn } from "./evaluate.ts";
import { format } from "./rules.ts";
import type { Look, Reason, SideCounts } from "./types.ts";

/** Per trigger: since when it has been on, and for how many looks it has been off again. Seconds; null: it is off. */
export type TriggerState = Record<string, { since: number | null; off: number }>;

/** A trigger goes off again only after so many looks without it: one good look does not reset the delay. */
const CLEAR_LOOKS = 2;

export interface Triggered {
  state: TriggerState;
  /** `errors`: over the canary's errors alone, and not zero-tolerance. */
  rollback: { reason: Reason; relative: boolean; errors: boolean }[];
  hold: Reason[];
  findings: Reason[];
}

/**
 * The policy's trigger expressions over one look. A critical one rolls back once it has been on for its delay; until
 * then, and for a warning, the release is held. One that the baseline fulfils as well is a finding, unless it is
 * zero-tolerance. A metric that is not known leaves a trigger as it was.
 */
export function lookTriggers(before: TriggerState, look: Look, elapsedSeconds: number, policy: Policy): Triggered {
  const result: Triggered = { state: {}, rollback: [], hold: [], findings: unreadable(look) };
  const baseline = metricsOf(look.baseline, look.sampleOneIn);
  for (const { trigger, condition, relative } of parsedTriggers(policy)) {
    const alpha = trigger.sure ? SURE_PART * budgetOf(policy) : undefined;
    const canary = metricsOf(look.canary, look.sampleOneIn, alpha);
    const enough = trigger.zeroTolerance || look.canary.invocations >= (trigger.minSamples ?? policy.checks.minSamples);
    const on = enough ? evaluate(condition, canary, baseline) : undefined;
    const excused = !relative && !trigger.zeroTolerance && evaluate(condition, baseline, baseline) === true;
    const shared = on === true && excused;
    const known = before[trigger.name] ?? { since: null, off: 0 };
    const startSeconds = elapsedSeconds - look.seconds;
    // What both versions have in common does not count towards the canary's delay.
    const own = next(known, shared ? false : on, startSeconds);
    result.state[trigger.name] = own;
    if (own.since === null && !shared) continue;
    const critical = trigger.severity === "critical";
    // What a warning says of both versions is how things are, and no news of the release.
    if (shared && !critical) continue;
    const lasted = elapsedSeconds - (own.since ?? startSeconds);
    const reason: Reason = {
      code: shared ? "baseline-unhealthy" : `trigger-${trigger.name}`,
      message: `${trigger.name}: ${trigger.expression}, for ${lasted} s of ${trigger.delaySeconds} s${valuesOf(condition, canary, baseline)}${shared ? ", on the baseline as well" : ""}`,
      ...figuresOf(condition, canary, baseline),
      samples: look.canary.invocations,
    };
    if (shared) result.findings.push(reason);
    else if (critical && on === true && lasted >= trigger.delaySeconds) {
      const errors = !trigger.zeroTolerance && namesIn(condition).every((name) => OF_ERRORS.has(name));
      result.rollback.push({ reason, relative, errors });
    } else result.hold.push(reason);
  }
  return result;
}

const OF_ERRORS = new Set(["error_rate", "success_rate", "service_status"]);

interface ParsedTrigger {
  trigger: Trigger;
  condition: Condition;
  relative: boolean;
}

/** Expressions are parsed once for a policy, not at every look. */
const parsedBefore = new WeakMap<Policy, ParsedTrigger[]>();

function parsedTriggers(policy: Policy): ParsedTrigger[] {
  const known = parsedBefore.get(policy);
  if (known) return known;
  const names = triggerMetrics(policy.metrics);
  const triggers = triggersOf(policy).flatMap((trigger) => {
    const parsed = parseExpression(trigger.expression, names);
    return parsed.ok ? [{ trigger, condition: parsed.condition, relative: isRelative(parsed.condition) }] : [];
  });
  parsedBefore.set(policy, triggers);
  return triggers;
}

/** A source of metrics that fails is a fault of monitoring and says nothing about the version. */
const unreadable = (look: Look): Reason[] =>
  Object.entries(look.unreadable ?? {}).map(([name, why]) => ({
    code: "metric-unreadable",
    message: `the policy's metric ${name} could not be read, so nothing that names it was evaluated: ${why}`,
    observed: null,
    limit: null,
    baseline: null,
    samples: look.canary.invocations,
  }));

/** What a rate may be wrong by, as a part of the budget, where a trigger is to be sure of it. */
const SURE_PART = 0.025;

/** The numbers that the expression was evaluated with. */
function valuesOf(condition: Condition, canary: Metrics, baseline: Metrics): string {
  const told = (value: MetricValue) => (typeof value === "number" ? format(value) : String(value ?? "unknown"));
  const values = namesIn(condition).map(
    (name) => `${name} ${told(canary(name))}, of the baseline ${told(baseline(name))}`,
  );
  return ` (${values.join("; ")})`;
}

/** Of a comparison of one metric with a number: both of them. */
function figuresOf(condition: Condition, canary: Metrics, baseline: Metrics) {
  const number = (value: MetricValue) => (typeof value === "number" ? value : null);
  const [name, ...others] = namesIn(condition);
  if (name === undefined || others.length > 0 || condition.kind !== "comparison")
    return { observed: null, limit: null, baseline: null };
  const limit = [condition.left, condition.right].find((side) => side.kind === "number");
  return {
    observed: number(canary(name)),
    limit: limit?.kind === "number" ? limit.value : null,
    baseline: number(baseline(name)),
  };
}

function next(state: TriggerState[string], on: boolean | undefined, startSeconds: number): TriggerState[string] {
  if (on === undefined) return state;
  if (on) return { since: state.since ?? startSeconds, off: 0 };
  if (state.since === null || state.off + 1 >= CLEAR_LOOKS) return { since: null, off: 0 };
  return { since: state.since, off: state.off + 1 };
}

/** A version's metrics; with `alpha`, rates are as favourable to it as its requests allow. */
function metricsOf(side: SideCounts, sampleOneIn = 1, alpha?: number): Metrics {
  const { invocations, errors, percentilesMs = {}, metrics = {} } = side;
  const some = invocations > 0;
  const requests = invocations * sampleOneIn;
  const errorRate = alpha === undefined ? errors / invocations : surelyAtLeast(errors, invocations, alpha);
  const values: Record<string, MetricValue> = {
    error_rate: some ? errorRate : undefined,
    success_rate: some ? 1 - errorRate : undefined,
    throttle_rate: some ? side.throttles / requests : undefined,
    average_response_time: side.averageDurationMs,
    p50_response_time: percentilesMs[50],
    p90_response_time: percentilesMs[90],
    p95_response_time: percentilesMs[95],
    p99_response_time: side.p99DurationMs,
    request_count: requests,
    service_status: some ? (errors >= invocations ? "down" : "up") : undefined,
  };
  return (name) => (Object.hasOwn(values, name) ? values[name] : metrics[name]);
}
