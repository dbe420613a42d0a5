import { declaredMetric } from "./declared-metrics.ts";
import { parseExpression } from "./expression.ts";
import { replay } from "./replay.ts";
import { rules } from "./rules.ts";
import { hookProblems, stageProblems } from "./stages.ts";
import { steps } from "./steps.ts";
import { trigger, triggerMetrics } from "./triggers.ts";
import * as z from "./zod.ts";

/**
 * The policy of one guarded function: one JSON document of at most 8 KB at its SSM parameter
 * (`policyParameterName`). Pre-traffic copies it into the release record; a running release never reads it again.
 */
export const POLICY_SCHEMA_VERSION = 1;
export const MAX_POLICY_BYTES = 8192;
/** CodeDeploy waits an hour for a hook (CodeDeploy user guide, 2023); five minutes are left to judge and report. */
export const MAX_BAKE_MINUTES = 55;

const percent = z.number().check(z.minimum(0), z.maximum(100));
const samples = z.int().check(z.minimum(1), z.maximum(1_000_000));
const milliseconds = z.number().check(z.minimum(1), z.maximum(900_000));
const ratio = z.number().check(z.minimum(1), z.maximum(1000));
const text = (longest: number) => z.string().check(z.minLength(1), z.maxLength(longest));

/** One invocation of the new version before it gets traffic. */
const smokeTest = z.strictObject({
  name: text(64),
  /** JSON payload; `{}` by default. */
  payload: z._default(z.json(), {}),
  maxDurationMs: z._default(z.int().check(z.minimum(1), z.maximum(900_000)), 10_000),
  /** JMESPath over the response payload; the test passes when the result is truthy. */
  expect: z.optional(z.string().check(z.maxLength(1024))),
});

const flagKeys = z.array(z.string().check(z.regex(/^[a-z][a-zA-Z\d_-]{0,63}$/))).check(z.minLength(1), z.maxLength(50));

const flagObject = z.strictObject({
  applicationId: z.string().check(z.minLength(1)),
  environmentId: z.string().check(z.minLength(1)),
  profileId: z.string().check(z.minLength(1)),
  /** Flags to switch off when the release is rolled back, or when the verdict names them. */
  flags: flagKeys,
  /** Of these, the flags that are switched on step by step after a release of this function has succeeded. */
  enableAfterRelease: z.optional(flagKeys),
});

export const flagReference = flagObject.check(
  z.check<z.output<typeof flagObject>>(({ value, issues }) => {
    const foreign = value.enableAfterRelease?.filter((flag) => !value.flags.includes(flag)) ?? [];
    if (foreign.length === 0) return;
    const message = `names ${foreign.join(", ")}, which flags does not`;
    issues.push({ code: "custom", message, input: value.enableAfterRelease, path: ["enableAfterRelease"] });
  }),
);

const checks = z.strictObject({
  /** Canary errors over invocations, percent; breaches only when it is also above the ratio to the baseline. */
  maxErrorRatePercent: z._default(percent, 5),
  /** Canary errors above this, percent, roll back without regard to the ratio, unless the baseline is above it too. */
  rollbackThresholdPercent: z.optional(percent),
  /** Canary error rate over baseline error rate. */
  maxErrorRateRatio: z._default(ratio, 1.5),
  /** Canary average duration, milliseconds. */
  maxAverageDurationMs: z._default(milliseconds, 10_000),
  /** Canary p99 over baseline p99. */
  maxP99Ratio: z._default(ratio, 2),
  /** Canary invocations over the share it should have had. */
  minTrafficShareRatio: z._default(z.number().check(z.minimum(0), z.maximum(1)), 0.5),
  /** Below this many canary invocations nothing is decided about rates. */
  minSamples: z._default(samples, 20),
  /** Probability of rolling a harmless version back, percent of releases, over all tests together (1 by default). */
  falseRollbackPercent: z.optional(z.number().check(z.minimum(0.001), z.maximum(20))),
  /** Canary error rate minus baseline error rate, percentage points, below which errors do not roll back (default 0). */
  minErrorExcessPercent: z.optional(percent),
  /** A canary that fails so many percent of requests, or more, must be ruled out before it is promoted; by default `maxErrorRatePercent`. */
  promotionBoundPercent: z.optional(percent),
  /** Odds of a slow request, as a multiple of the baseline's, that are no regression (1.2 by default). */
  toleratedSlowOdds: z.optional(ratio),
  /** What a canary that gets far less than its share of traffic means; `hold` by default. */
  onTrafficDeficit: z.optional(z.enum(["hold", "rollback"])),
});

/** Shares of traffic that the guard gives the new version one after the other, before CodeDeploy gives it all. */
const staged = z.strictObject({
  /** The last one is 100 % and has no time. */
  stages: z.array(z.strictObject({ percent: z.number(), minutes: z.number() })).check(
    z.check<{ percent: number; minutes: number }[]>(({ value, issues }) => {
      for (const message of stageProblems(value)) issues.push({ code: "custom", message, input: value });
    }),
  ),
  /** Canary requests that must have been judged in a stage before the next one begins; `checks.minSamples` by default. */
  minSamples: z.optional(samples),
  /** What the judge must say for the next stage: nothing against the version, or `promote`. */
  goOn: z._default(z.enum(["not-worse", "promote"]), "not-worse"),
});

const signals = z.strictObject({
  /** Where requests are counted while traffic is split: in the function's log, within seconds, or in Lambda's metrics. */
  source: z._default(z.enum(["logs", "metrics"]), "logs"),
  /** Whether the log is subscribed to while a release is open, or for good. */
  logs: z._default(z.enum(["during-release", "always"]), "during-release"),
  /** Above so many requests a second, in the ten minutes before the release, a part of them is counted; all by default. */
  sampleAbovePerSecond: z.optional(z.int().check(z.minimum(1), z.maximum(1_000_000))),
});

const schemaName = z.string().check(z.regex(/^[A-Za-z\d][\w.-]{0,63}$/, "is not a name"));
const schemaVersions = z.int().check(z.minimum(0), z.maximum(1_000_000));

/** What a version and the one before or after it have in common: data and configuration that both meet. */
export const compatibility = z.strictObject({
  /** By name. `writes`: the version of it that this code writes; `reads`: all that it understands; left out, it does not. */
  schemas: z._default(
    z
      .record(
        schemaName,
        z.strictObject({
          writes: z.optional(schemaVersions),
          reads: z._default(z.array(schemaVersions).check(z.maxLength(20)), []),
        }),
      )
      .check(
        z.check<Record<string, unknown>>(({ value, issues }) => {
          const names = Object.keys(value).length;
          if (names <= 20) return;
          issues.push({ code: "custom", message: `has ${names} schemas; at most 20 are allowed`, input: value });
        }),
      ),
    {},
  ),
  /** Steps of this release that no rollback takes back, such as a column that is dropped. Each is let through by name. */
  nonRevertible: z._default(
    z.array(z.strictObject({ name: schemaName, reason: text(300) })).check(z.maxLength(10)),
    [],
  ),
});

const policyObject = z.strictObject({
  schemaVersion: z.literal(POLICY_SCHEMA_VERSION),
  functionName: text(140),
  alias: text(128),
  deploymentGroup: text(100),
  smokeTests: z._default(z.array(smokeTest).check(z.maxLength(10)), []),
  checks: z._default(checks, () => checks.parse({})),
  /** Alarms of dependencies that block a release while they are in ALARM. Never the function's own alarms. */
  blockers: z._default(z.array(text(255)).check(z.maxLength(20)), []),
  /** Changes to the fixed rules. */
  rules: z.optional(rules),
  /** Metrics beyond Lambda's own that triggers may name. */
  metrics: z.optional(z.array(declaredMetric).check(z.maxLength(10))),
  /** Left out: the shipped ones whose metrics there are. */
  triggers: z.optional(z.array(trigger).check(z.maxLength(20))),
  /** Left out: CodeDeploy shifts the traffic as its deployment configuration says. */
  staged: z.optional(staged),
  /** Where evidence comes from. */
  signals: z._default(signals, () => signals.parse({})),
  /** Flags that belong to this function's releases. */
  flags: z._default(z.array(flagReference).check(z.maxLength(5)), []),
  /** Functions that name the same group are released as one: when one fails, all that went before it go back too. */
  releaseGroup: z.optional(z.string().check(z.regex(/^[a-z][a-z\d-]{0,39}$/, "is not the name of a group"))),
  /** Below it a release is refused; counted over what the hook before the traffic knows. Left out: none. */
  minimumReadiness: z.optional(z.int().check(z.minimum(0), z.maximum(100))),
  /** Left out: nothing is known of what this version reads and writes. */
  compatibility: z.optional(compatibility),
  /** Left out: no event is replayed. */
  replay: z.optional(replay),
  /** Left out: nothing of the team's own runs around a release. */
  steps: z.optional(steps),
  /** Of a rolling group: the function before it. While another release of the group is open, none of this one begins. */
  releaseAfter: z.optional(text(140)),
  /** Synthetic requests with the smoke payloads, with each minute so many to each version; none by default. */
  probes: z.optional(z.strictObject({ perLook: z.int().check(z.minimum(1), z.maximum(50)) })),
  /** What happens when the evidence is too thin at the end of the shift: guard time watches on, or back it goes. */
  onInconclusive: z._default(z.enum(["promote-and-bake", "rollback"]), "promote-and-bake"),
  /** How long a release stays open after the shift, so that it can still be undone as a deployment. Minutes. */
  bakeMinutes: z._default(z.int().check(z.minimum(0), z.maximum(MAX_BAKE_MINUTES)), 10),
  /** After a release, alarms may still roll it back for this long. Minutes. */
  guardMinutes: z._default(z.int().check(z.minimum(0), z.maximum(2880)), 1440),
  /**
   * The responder clears the alias's weights itself when CodeDeploy has not done so this many seconds after a stop.
   * Left out, it leaves them to CodeDeploy.
   */
  clearWeightsAfterSeconds: z.optional(z.int().check(z.minimum(0), z.maximum(300))),
  /**
   * After the release the alias goes back in steps: 75, 50, 25 and 0 % on the version that is left, so many seconds apart.
   * Left out: at once.
   */
  rollbackStepSeconds: z.optional(z.int().check(z.minimum(5), z.maximum(120))),
  /**
   * At an alarm after the release the version that served before gets so many percent of the traffic for so many whole
   * minutes, and the alias goes back unless both do alike. Left out: it goes back at once.
   */
  guardTrial: z.optional(
    z.strictObject({
      percent: z.int().check(z.minimum(10), z.maximum(50)),
      minutes: z.int().check(z.minimum(1), z.maximum(5)),
    }),
  ),
  /** False: verdicts are recorded and notified, nothing is rolled back automatically. */
  automaticRollback: z._default(z.boolean(), true),
});

/** As much of a policy as it takes to read its expressions. */
const expressions = z.object({
  metrics: z.optional(z.array(z.object({ name: z.string() }))),
  triggers: z.optional(z.array(z.object({ expression: z.string() }))),
});

/** An expression over a metric that is not there would never be true: it is refused, with its position. */
export const policySchema = policyObject.check(
  z.check<z.output<typeof policyObject>>(({ value, issues }) => {
    if (!value.staged) return;
    const smokeTestMs = value.smokeTests.reduce((sum, { maxDurationMs }) => sum + maxDurationMs, 0);
    const replayMs = (value.replay?.seconds ?? 0) * 1000;
    const stepMs = (value.steps?.before ?? []).reduce((sum, { timeoutSeconds }) => sum + timeoutSeconds * 1000, 0);
    for (const message of hookProblems(value.staged.stages, smokeTestMs + replayMs + stepMs)) {
      issues.push({ code: "custom", message, input: value.staged, path: ["staged", "stages"] });
    }
  }),
  z.check<z.output<typeof policyObject>>(
    ({ value, issues }) => {
      const readable = expressions.safeParse(value);
      if (!readable.success) return;
      const { metrics, triggers = [] } = readable.data;
      for (const [i, { expression }] of triggers.entries()) {
        const parsed = parseExpression(expression, triggerMetrics(metrics));
        if (parsed.ok) continue;
        const message = `position ${parsed.position}: ${parsed.message}`;
        issues.push({ code: "custom", message, input: expression, path: ["triggers", i, "expression"] });
      }
    },
    // Also of a policy that is wrong elsewhere: all problems are told at once.
    { when: () => true },
  ),
);

export type Policy = z.output<typeof policySchema>;
export type PolicyInput = z.input<typeof policySchema>;
export type SmokeTest = Policy["smokeTests"][number];
export type Compatibility = NonNullable<Policy["compatibility"]>;
export type StagedPolicy = NonNullable<Policy["staged"]>;
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
