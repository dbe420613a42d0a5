import * as z from "zod";

/**
 * A rehearsal scenario: what traffic there is, how baseline and canary behave, what breaks, what people do, and how it
 * must end. Times are seconds from the start of the shift (the first request that may reach the canary); negative times
 * lie before it.
 */

const seconds = z.number().min(-86_400).max(172_800);
const share = z.number().min(0).max(1);
const flagName = z
  .string()
  .regex(/^[a-z][a-zA-Z\d_-]{0,63}$/, "must be a flag key: a lower-case letter, then letters, digits, _ or -");

const latency = z
  .strictObject({
    medianMs: z.number().min(0.1).max(900_000).describe("median of the log-normal duration"),
    p99Ms: z.number().min(0.1).max(900_000).describe("99th percentile of the log-normal duration"),
  })
  .refine((value) => value.p99Ms >= value.medianMs, { message: "p99Ms must not be below medianMs", path: ["p99Ms"] });

const phase = z
  .strictObject({
    fromSeconds: seconds.optional().describe("default: always"),
    untilSeconds: seconds.optional().describe("default: for ever"),
    errorRate: share.optional(),
    latency: latency.optional(),
    hangRate: share.optional().describe("share of requests that never answer and time out"),
    environment: z
      .number()
      .int()
      .min(1)
      .optional()
      .describe("only in this one of the version's execution environments, numbered as they start; default: in all"),
  })
  .refine((value) => (value.untilSeconds ?? Infinity) > (value.fromSeconds ?? -Infinity), {
    message: "untilSeconds must be after fromSeconds",
    path: ["untilSeconds"],
  });

const behaviour = z.strictObject({
  errorRate: share.default(0.001),
  latency: latency.default({ medianMs: 40, p99Ms: 180 }),
  coldStartMs: z.number().min(0).max(60_000).default(300).describe("added to a sandbox's first request"),
  sandboxLifetimeRequests: z
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(2_000)
    .describe("requests a sandbox serves before it is replaced by a cold one"),
  phases: z.array(phase).max(50).default([]).describe("deviations, later ones win"),
  smoke: z
    .enum(["ok", "error", "timeout", "wrong-answer"])
    .default("ok")
    .describe("answer to smoke tests and replayed events"),
});

const apiFault = z.strictObject({
  service: z.string().min(1).describe("SDK client name (lambda, codedeploy …) or *"),
  operation: z.string().min(1).describe("operation (UpdateAlias) or *"),
  kind: z.enum(["throttle", "unavailable", "denied", "lost-reply", "latency"]),
  probability: share.default(1),
  times: z.number().int().min(1).optional(),
  latencyMs: z.number().min(0).max(900_000).optional(),
  principal: z.string().optional().describe("only calls of principals whose ARN contains this"),
  fromSeconds: seconds.optional(),
  untilSeconds: seconds.optional(),
});

const action = z.discriminatedUnion("do", [
  z.strictObject({ atSeconds: seconds, do: z.literal("stop-deployment") }),
  z.strictObject({
    atSeconds: seconds,
    do: z.literal("update-flag"),
    flag: flagName,
    enabled: z.boolean(),
    strategy: z.string().optional(),
  }),
  z.strictObject({ atSeconds: seconds, do: z.literal("redden-blocker") }),
  z.strictObject({ atSeconds: seconds, do: z.literal("abort-watch") }),
]);

const trafficPoint = z.strictObject({ atSeconds: seconds, requestsPerSecond: z.number().min(0).max(1000) });

const OUTCOMES = ["promoted", "rolled-back", "flags-off", "blocked", "failed"] as const;
export type Outcome = (typeof OUTCOMES)[number];
const outcome = z.enum(OUTCOMES);

const STEP_ENDS = ["not-run", "started", "done", "failed", "compensated", "compensation-failed"] as const;
export type StepEnd = (typeof STEP_ENDS)[number];

const release = z.strictObject({
  artifact: z
    .string()
    .min(1)
    .max(32)
    .regex(/^[a-z0-9-]+$/)
    .default("canary")
    .describe("same text: same artifact"),
  canary: behaviour.default(() => behaviour.parse({})),
  function: z.string().min(1).max(64).optional().describe("default: the scenario's function, or the release's before"),
  expected: outcome,
  steps: z
    .record(z.string().min(1), z.enum(STEP_ENDS))
    .optional()
    .describe("how the policy's own steps must have ended, by name"),
});

const strategy = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("canary"),
    percentage: z.number().int().min(1).max(99),
    minutes: z.number().int().min(1).max(2880),
  }),
  z.strictObject({
    kind: z.literal("linear"),
    percentage: z.number().int().min(1).max(99),
    minutes: z.number().int().min(1).max(2880),
  }),
  z.strictObject({
    kind: z.literal("staged"),
    stages: z.string().min(1).max(200).describe("percent and minutes of each, for example 5:3m,20:5m,50:10m,100"),
  }),
  z.strictObject({ kind: z.literal("all-at-once") }),
]);

export const scenarioSchema = z
  .strictObject({
    $schema: z.string().optional(),
    name: z.string().regex(/^[a-z0-9-]{1,64}$/, "must be lower-case words joined by -"),
    description: z.string().min(1).max(500),
    function: z
      .string()
      .min(1)
      .max(64)
      .default("lambda_router")
      .describe("function under release; a name of the app, or its last part"),
    traffic: z
      .union([
        z.strictObject({ requestsPerSecond: z.number().min(0).max(1000) }),
        z.array(trafficPoint).min(1).max(100),
      ])
      .default({ requestsPerSecond: 10 }),
    strategy: strategy.optional().describe("default: what the app says"),
    signals: z
      .enum(["logs", "metrics"])
      .optional()
      .describe("where requests are counted while traffic is split; default: what the app says"),
    baseline: behaviour.default(() => behaviour.parse({})),
    releases: z.array(release).min(1).max(5),
    outages: z
      .array(z.strictObject({ fromSeconds: seconds, untilSeconds: seconds, errorRate: share }))
      .max(20)
      .default([])
      .describe("hit both versions"),
    flagEffects: z
      .array(z.strictObject({ flag: flagName, errorRate: share, on: z.enum(["canary", "both"]).default("canary") }))
      .max(10)
      .default([])
      .describe("errors while the flag is on"),
    flagsAfterRelease: z
      .array(flagName)
      .max(50)
      .default([])
      .describe("flags that the policy enables step by step after the scenario's releases"),
    flagsOn: z.array(flagName).max(50).default([]).describe("flags enabled before the release"),
    messages: z
      .array(z.strictObject({ queue: z.string().min(1).max(80), body: z.string().min(1).max(10_000) }))
      .max(20)
      .default([])
      .describe("messages that lie in queues of the app before the release; a queue by its name or its last part"),
    apiFaults: z.array(apiFault).max(50).default([]),
    hookFaults: z
      .array(
        z.strictObject({ hook: z.enum(["pre-traffic", "post-traffic", "respond"]), kind: z.enum(["crash", "hang"]) }),
      )
      .max(5)
      .default([]),
    metricOutages: z
      .array(z.strictObject({ fromSeconds: seconds.min(0), untilSeconds: seconds }))
      .max(5)
      .default([])
      .describe("what would become readable in this time becomes so at its end"),
    logDelivery: z
      .strictObject({
        lostShare: share.optional(),
        doubledShare: share.optional(),
        lateSeconds: z.number().min(0).max(600).optional(),
      })
      .optional()
      .describe("what becomes of batches of the functions' logs on their way to the guard"),
    actions: z.array(action).max(20).default([]),
    flagMonitors: z.boolean().default(false).describe("the flags' environment has an alarm as monitor"),
    siblings: z
      .array(z.strictObject({ function: z.string().min(1).max(64), canary: behaviour }))
      .max(30)
      .default([])
      .describe("further functions that the same stack update releases"),
    app: z
      .string()
      .max(500)
      .optional()
      .describe(
        "command that synthesizes the app, or shipped:<name> for one of scenarios/apps; default: the sample platform",
      ),
    firstRelease: z.boolean().default(false).describe("the deployment group has no earlier successful deployment"),
    hooksOnRollbackDeployments: z
      .boolean()
      .default(false)
      .describe("CodeDeploy runs hooks on rollback deployments as well"),
    watchMinutes: z.number().int().min(1).max(1440).default(12).describe("how long to look on after the last release"),
    expected: z.strictObject({
      outcome,
      findings: z.array(z.string()).default([]).describe("findings that a notification must name"),
      evidence: z
        .enum(["logs", "metrics", "logs, then metrics"])
        .optional()
        .describe("what the last release was judged by; the watch turns from the log to metrics where it must"),
      flagsOff: z.array(flagName).default([]),
      back: z
        .array(z.string().min(1).max(64))
        .max(10)
        .default([])
        .describe("functions that serve in the end what they served before the releases"),
      stackStatus: z.string().optional(),
      notifications: z.number().int().min(0).optional().describe("exact number for the last release"),
      decidedWithinSeconds: z
        .number()
        .min(1)
        .optional()
        .describe("from the fault to the decision against the release, at most"),
      openAtMostSeconds: z
        .number()
        .min(0)
        .optional()
        .describe("the last release's deployment has ended so soon after its creation"),
    }),
  })
  .refine((value) => value.releases.at(-1)?.expected === value.expected.outcome, {
    message: "must equal the last release's expected outcome",
    path: ["expected", "outcome"],
  });

export type Scenario = z.output<typeof scenarioSchema>;
export type Behaviour = z.output<typeof behaviour>;
export type ScenarioAction = Scenario["actions"][number];
export type ReleaseStep = Scenario["releases"][number];

export interface ScenarioProblem {
  path: string;
  message: string;
}

/** Parses a scenario, listing every problem with its place. Never throws. */
export function parseScenario(
  text: string,
): { ok: true; scenario: Scenario } | { ok: false; problems: ScenarioProblem[] } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { ok: false, problems: [{ path: "", message: `is not JSON: ${(error as Error).message}` }] };
  }
  const result = scenarioSchema.safeParse(json);
  if (result.success) return { ok: true, scenario: result.data };
  const problems = result.error.issues.map((issue) => ({
    path: issue.path
      .map((part, i) => (typeof part === "number" ? `[${part}]` : i ? `.${String(part)}` : String(part)))
      .join(""),
    message: issue.message,
  }));
  return { ok: false, problems };
}

/** The schema as JSON Schema (draft 2020-12), for editors and `docs/rehearsal.md`. */
export const scenarioJsonSchema = () => z.toJSONSchema(scenarioSchema, { io: "input" });
