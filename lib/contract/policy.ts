import * as z from "zod";

/**
 * The policy of one guarded function: one JSON document of at most 8 KB at its SSM parameter
 * (`policyParameterName`). Pre-traffic copies it into the release record; a running release never reads it again.
 */
export const POLICY_SCHEMA_VERSION = 1;
export const MAX_POLICY_BYTES = 8192;

const percent = z.number().min(0).max(100);
const samples = z.number().int().min(1).max(1_000_000);

/** One invocation of the new version before it gets traffic. */
const smokeTest = z.strictObject({
  name: z.string().min(1).max(64),
  /** JSON payload; `{}` by default. */
  payload: z.json().default({}),
  maxDurationMs: z.number().int().min(1).max(900_000).default(10_000),
  /** JMESPath over the response payload; the test passes when the result is truthy. */
  expect: z.string().max(1024).optional(),
});

const flagReference = z.strictObject({
  applicationId: z.string().min(1),
  environmentId: z.string().min(1),
  profileId: z.string().min(1),
  /** Flags to switch off when the release is rolled back, or when the verdict names them. */
  flags: z
    .array(z.string().regex(/^[a-z][a-zA-Z\d_-]{0,63}$/))
    .min(1)
    .max(50),
});

const checks = z.strictObject({
  /** Canary errors over invocations, percent; breaches only together with `relativeErrorRate` unless the baseline is fine. */
  maxErrorRatePercent: percent.default(5),
  /** Canary errors above this, percent, roll back without regard to the ratio, unless the baseline is above it too. */
  rollbackThresholdPercent: percent.optional(),
  /** Canary error rate over baseline error rate (F9: 1.5). */
  maxErrorRateRatio: z.number().min(1).max(1000).default(1.5),
  /** Canary average duration, milliseconds (F8: 10 s). */
  maxAverageDurationMs: z.number().min(1).max(900_000).default(10_000),
  /** Canary p99 over baseline p99 (F9: 2). */
  maxP99Ratio: z.number().min(1).max(1000).default(2),
  /** Canary invocations over the share it should have had (F9: 0.5). */
  minTrafficShareRatio: z.number().min(0).max(1).default(0.5),
  /** Below this many canary invocations nothing is decided about rates. */
  minSamples: samples.default(20),
});

export const policySchema = z.strictObject({
  schemaVersion: z.literal(POLICY_SCHEMA_VERSION),
  functionName: z.string().min(1).max(140),
  alias: z.string().min(1).max(128),
  deploymentGroup: z.string().min(1).max(100),
  smokeTests: z.array(smokeTest).max(10).default([]),
  checks: checks.default(() => checks.parse({})),
  /** Alarms of dependencies that block a release while they are in ALARM. Never the function's own alarms. */
  blockers: z.array(z.string().min(1).max(255)).max(20).default([]),
  /** Flags that belong to this function's releases. */
  flags: z.array(flagReference).max(5).default([]),
  /** What happens when the evidence is too thin at the end of the shift. */
  onInconclusive: z.enum(["promote-and-notify", "rollback"]).default("promote-and-notify"),
  /** After a release, alarms may still roll it back for this long. Minutes. */
  guardMinutes: z.number().int().min(0).max(2880).default(1440),
  /** False: verdicts are recorded and notified, nothing is rolled back automatically. */
  automaticRollback: z.boolean().default(true),
});

export type Policy = z.output<typeof policySchema>;
export type PolicyInput = z.input<typeof policySchema>;
export type SmokeTest = Policy["smokeTests"][number];
export type FlagReference = Policy["flags"][number];

export interface PolicyProblem {
  /** `checks.minSamples`, `flags[0].flags` … */
  path: string;
  message: string;
}

export type ParsedPolicy = { ok: true; policy: Policy } | { ok: false; problems: PolicyProblem[] };

/** Parses a policy document, listing every problem at once. Never throws. */
export function parsePolicy(document: string): ParsedPolicy {
  const bytes = new TextEncoder().encode(document).length;
  if (bytes > MAX_POLICY_BYTES) {
    return {
      ok: false,
      problems: [{ path: "", message: `is ${bytes} bytes; at most ${MAX_POLICY_BYTES} are allowed` }],
    };
  }
  let json: unknown;
  try {
    json = JSON.parse(document);
  } catch (error) {
    return { ok: false, problems: [{ path: "", message: `is not JSON: ${(error as Error).message}` }] };
  }
  return validatePolicy(json);
}

export function validatePolicy(value: unknown): ParsedPolicy {
  const result = policySchema.safeParse(value);
  if (result.success) return { ok: true, policy: result.data };
  return { ok: false, problems: result.error.issues.map(toProblem) };
}

function toProblem(issue: z.core.$ZodIssue): PolicyProblem {
  const path = issue.path.map((part, i) =>
    typeof part === "number" ? `[${part}]` : i ? `.${String(part)}` : String(part),
  );
  return { path: path.join(""), message: issue.message };
}
