import { parseExpression } from "../../contract/expression.ts";
import type { Policy } from "../../contract/policy.ts";
import { evaluate, isRelative, type Metrics } from "./evaluate.ts";
import type { Look, Reason, SideCounts } from "./types.ts";

/** Per trigger: since when it has been on, and for how many looks it has been off again. Seconds; null: it is off. */
export type TriggerState = Record<string, { since: number | null; off: number }>;

/** A trigger goes off again only after so many looks without it: one good look does not reset the delay. */
const CLEAR_LOOKS = 2;

export interface Triggered {
  state: TriggerState;
  rollback: { reason: Reason; relative: boolean }[];
  hold: Reason[];
  findings: Reason[];
}

/**
 * The policy's trigger expressions over one look. A critical one rolls back once it has been on for its delay; until
 * then, and for a warning, the release is held. One that the baseline fulfils as well is a finding, unless it is
 * zero-tolerance. A metric that is not known leaves a trigger as it was.
 */
export function lookTriggers(before: TriggerState, look: Look, elapsedSeconds: number, policy: Policy): Triggered {
  const result: Triggered = { state: {}, rollback: [], hold: [], findings: [] };
  const { minSamples } = policy.checks;
  for (const trigger of policy.triggers ?? []) {
    const parsed = parseExpression(trigger.expression);
    if (!parsed.ok) continue;
    const [canary, baseline] = [metricsOf(look.canary), metricsOf(look.baseline)];
    const enough = trigger.zeroTolerance || look.canary.invocations >= minSamples;
    const on = enough ? evaluate(parsed.condition, canary, baseline) : undefined;
    const own = next(before[trigger.name] ?? { since: null, off: 0 }, on, elapsedSeconds - look.seconds);
    result.state[trigger.name] = own;
    if (own.since === null) continue;
    const relative = isRelative(parsed.condition);
    const shared = !relative && !trigger.zeroTolerance && evaluate(parsed.condition, baseline, baseline) === true;
    const lasted = elapsedSeconds - own.since;
    const reason: Reason = {
      code: shared ? "baseline-unhealthy" : `trigger-${trigger.name}`,
      message: `${trigger.name}: ${trigger.expression}, for ${lasted} s${shared ? ", on the baseline as well" : ""}`,
      observed: lasted,
      limit: trigger.delaySeconds,
      baseline: null,
      samples: look.canary.invocations,
    };
    if (shared) result.findings.push(reason);
    else if (trigger.severity === "critical" && lasted >= trigger.delaySeconds)
      result.rollback.push({ reason, relative });
    else result.hold.push(reason);
  }
  return result;
}

function next(state: TriggerState[string], on: boolean | undefined, startSeconds: number): TriggerState[string] {
  if (on === undefined) return state;
  if (on) return { since: state.since ?? startSeconds, off: 0 };
  if (state.since === null || state.off + 1 >= CLEAR_LOOKS) return { since: null, off: 0 };
  return { since: state.since, off: state.off + 1 };
}

const metricsOf =
  (side: SideCounts): Metrics =>
  (name) => {
    const share = (count: number) => (side.invocations === 0 ? undefined : count / side.invocations);
    if (name === "error_rate") return share(side.errors);
    if (name === "success_rate") return share(side.invocations - side.errors);
    if (name === "throttle_rate") return share(side.throttles);
    if (name === "average_response_time") return side.averageDurationMs;
    if (name === "p99_response_time") return side.p99DurationMs;
    return name === "request_count" ? side.invocations : undefined;
  };
