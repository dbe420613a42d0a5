import type { DeclaredMetric } from "./declared-metrics.ts";
import { parseExpression, TRIGGER_METRICS } from "./expression.ts";
import * as z from "./zod.ts";

/** A condition of the policy's own over a look. */
export const trigger = z.strictObject({
  name: z.string().check(z.regex(/^[a-z][a-z0-9_-]{0,63}$/)),
  /** See `lib/contract/expression.ts`. */
  expression: z.string(),
  /** A warning holds, a critical one rolls back. */
  severity: z.enum(["warning", "critical"]),
  /** How long it must last before a rollback. Seconds. */
  delaySeconds: z._default(z.int().check(z.minimum(0), z.maximum(3600)), 60),
  /** True: it counts from the first request, and on the canary alone. */
  zeroTolerance: z._default(z.boolean(), false),
  /** Canary requests in the look below which it is not evaluated; `checks.minSamples` by default. */
  minSamples: z.optional(z.int().check(z.minimum(0), z.maximum(1_000_000))),
  /** True: error and success rates count with the end of their interval that favours the canary. */
  sure: z._default(z.boolean(), false),
});

export type Trigger = z.output<typeof trigger>;

/** Names that the expressions of a policy may use. */
export const triggerMetrics = (declared: readonly Pick<DeclaredMetric, "name">[] = []): string[] => [
  ...TRIGGER_METRICS,
  ...declared.map(({ name }) => name),
];

/**
 * The triggers of a policy that lists none. Those over metrics that it does not declare sleep until it does: Lambda
 * publishes neither memory nor connections nor anything of the business.
 */
const SHIPPED: readonly Trigger[] = [
  shipped("high_error_rate", "error_rate > 0.05", "critical", 60, { sure: true }),
  shipped("service_unavailable", "service_status == 'down'", "critical", 30),
  shipped("high_response_time", "p95_response_time > 2000", "warning", 120),
  shipped("high_cpu_usage", "cpu_usage > 0.9", "warning", 180),
  shipped("high_memory_usage", "memory_usage > 0.95", "critical", 60),
  shipped("db_connection_failures", "db_connection_failures > 5", "critical", 30),
  shipped("circuit_breaker_trips", "circuit_breaker_trips > 10", "critical", 0),
  shipped("security_event", "security_events > 0", "critical", 0, { zeroTolerance: true }),
  shipped("data_integrity_violation", "integrity_violations > 0", "critical", 0, { zeroTolerance: true }),
  shipped("conversion_rate_drop", "conversion_rate < 0.8 * baseline", "critical", 300),
  shipped("user_activity_drop", "user_activity < 0.7 * baseline", "warning", 600),
];

function shipped(
  name: string,
  expression: string,
  severity: Trigger["severity"],
  delaySeconds: number,
  more: Partial<Trigger> = {},
): Trigger {
  return { name, expression, severity, delaySeconds, zeroTolerance: false, sure: false, ...more };
}

/** The triggers that are in force. */
export function triggersOf(policy: { triggers?: Trigger[] | undefined; metrics?: DeclaredMetric[] | undefined }) {
  if (policy.triggers !== undefined) return policy.triggers;
  const names = triggerMetrics(policy.metrics);
  return SHIPPED.filter(({ expression }) => parseExpression(expression, names).ok);
}
