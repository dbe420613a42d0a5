import { type FlagReference, flagReference } from "../../contract/policy.ts";
import * as z from "../../contract/zod.ts";
import type { Reason, Verdict } from "../judge/types.ts";
import type { AlarmState } from "../ports.ts";

/** What CodeDeploy passes to a hook: two ids and nothing else (CodeDeploy user guide, 2023). */
export interface HookEvent {
  deploymentId: string;
  executionId: string;
}

export interface AlarmEvent {
  kind: "alarm";
  alarmName: string;
  state: AlarmState;
  previousState: AlarmState | undefined;
  reason: string;
  at: Date | undefined;
}

/** EventBridge has its own words for the states (Amazon EventBridge reference, CodeDeploy events, 2026). */
export interface DeploymentEvent {
  kind: "deployment";
  deploymentId: string;
  application: string;
  group: string;
  state: "START" | "SUCCESS" | "FAILURE" | "STOP" | "READY";
  at: Date | undefined;
}

/** The watch asks for a rollback. */
export interface VerdictEvent {
  kind: "verdict";
  deploymentId: string;
  verdict: Verdict;
}

/** The watch asks for flags of a release to be switched off, and nothing else. */
export interface FlagVerdictEvent {
  kind: "flag-verdict";
  deploymentId: string;
  flags: FlagReference[];
  reasons: Reason[];
}

/** The watch asks for the flags that wait for a release to be taken one step further. */
export interface FlagEnablingEvent {
  kind: "enable-flags";
  deploymentId: string;
}

/** The sweep asks to switch flags off that somebody else's deployment kept on. */
export interface HeldFlagsEvent {
  kind: "held-flags";
  deploymentId: string;
}

/** The watch has seen alarms of a release that bakes to be red, and asks whose doing they are. */
export interface RedAlarmsEvent {
  kind: "red-alarms";
  deploymentId: string;
}

export const RED_ALARMS = "Red Alarms";
export const FLAG_ENABLING = "Flag Enabling";
export const HELD_FLAGS = "Held Flags";
export const FLAG_VERDICT = "Flag Verdict";

/** What the watch's event is called: it comes by invocation, in EventBridge's shape. */
export const VERDICT_SOURCE = "goaround.watch";

/** An execution of the watch has ended, other than by reaching its end. */
export interface WatchEndedEvent {
  kind: "watch-ended";
  deploymentId: string;
  status: "FAILED" | "TIMED_OUT" | "ABORTED";
}

/** Time to look for releases nobody watches. */
export interface SweepEvent {
  kind: "sweep";
}

/** Where the guard works: what happens elsewhere is none of its business. */
export interface Home {
  account: string;
  region: string;
}

/** Not an event that we know, or not one of this account and region: nothing is done about it. */
export interface PoisonEvent {
  kind: "poison";
  why: string;
}

const deploymentId = z.string().check(z.regex(/^d-[A-Za-z0-9-]{1,60}$/, "is not a deployment id"));
const alarmState = z.enum(["OK", "ALARM", "INSUFFICIENT_DATA"]);
const text = z.optional(z.string());

const hookSchema = z.object({
  DeploymentId: deploymentId,
  LifecycleEventHookExecutionId: z.string().check(z.minLength(1), z.maxLength(4096)),
});

const alarmSchema = z.object({
  source: z.literal("aws.cloudwatch"),
  "detail-type": z.literal("CloudWatch Alarm State Change"),
  detail: z.object({
    alarmName: z.string().check(z.minLength(1), z.maxLength(255)),
    state: z.object({ value: alarmState, reason: text, timestamp: text }),
    previousState: z.optional(z.object({ value: alarmState })),
  }),
});

const deploymentSchema = z.object({
  source: z.literal("aws.codedeploy"),
  "detail-type": z.literal("CodeDeploy Deployment State-change Notification"),
  time: text,
  detail: z.object({
    deploymentId,
    application: z.string().check(z.minLength(1)),
    deploymentGroup: z.string().check(z.minLength(1)),
    state: z.enum(["START", "SUCCESS", "FAILURE", "STOP", "READY"]),
  }),
});

const figure = z.nullable(z.number());
const reason = z.object({
  code: z.string().check(z.minLength(1), z.maxLength(100)),
  message: z.string().check(z.maxLength(2000)),
  observed: figure,
  limit: figure,
  baseline: figure,
  samples: z.number(),
  spent: z.optional(z.number()),
});

const verdictSchema = z.object({
  source: z.literal(VERDICT_SOURCE),
  detail: z.object({
    deploymentId,
    verdict: z.object({
      kind: z.literal("rollback"),
      reasons: z.array(reason).check(z.minLength(1), z.maxLength(50)),
      findings: z.array(reason).check(z.maxLength(50)),
    }),
  }),
});

const flagVerdictSchema = z.object({
  detail: z.object({
    deploymentId,
    flags: z.array(flagReference).check(z.minLength(1), z.maxLength(5)),
    reasons: z.array(reason).check(z.minLength(1), z.maxLength(50)),
  }),
});

/** Asks about a release, without a word more. */
const aboutSchema = z.object({ detail: z.object({ deploymentId }) });

/** The execution is named by the deployment, and by its number where another has taken over (EventBridge reference, Step Functions events, 2026). */
const watchEndedSchema = z.object({
  source: z.literal("aws.states"),
  "detail-type": z.literal("Step Functions Execution Status Change"),
  detail: z.object({ name: deploymentId, status: z.enum(["FAILED", "TIMED_OUT", "ABORTED"]) }),
});

const turnSchema = z.object({ deploymentId });

/** Lambda's record for an on-failure destination (Lambda developer guide, 2022). */
const failureSchema = z.object({
  requestPayload: hookSchema,
  requestContext: z.optional(z.object({ functionArn: text, condition: text })),
  responsePayload: z.optional(z.object({ errorType: text, errorMessage: text })),
});

export function parseHookEvent(event: unknown): HookEvent | PoisonEvent {
  const result = hookSchema.safeParse(event);
  return result.success ? toHook(result.data) : poison(result.error);
}

export type GuardEvent =
  | AlarmEvent
  | DeploymentEvent
  | VerdictEvent
  | FlagVerdictEvent
  | FlagEnablingEvent
  | HeldFlagsEvent
  | RedAlarmsEvent;

const ABOUT: Record<string, "enable-flags" | "held-flags" | "red-alarms"> = {
  [HELD_FLAGS]: "held-flags",
  [FLAG_ENABLING]: "enable-flags",
  [RED_ALARMS]: "red-alarms",
};

/** An event of AWS must say that it comes from `home`. The watch's come by invocation, which only IAM allows. */
export function parseGuardEvent(event: unknown, home: Home): GuardEvent | PoisonEvent {
  if (sourceOf(event) === VERDICT_SOURCE && typeOf(event) === FLAG_VERDICT) {
    const result = flagVerdictSchema.safeParse(event);
    return result.success
      ? { kind: "flag-verdict", ...(result.data.detail as Omit<FlagVerdictEvent, "kind">) }
      : poison(result.error);
  }
  const about = sourceOf(event) === VERDICT_SOURCE && ABOUT[String(typeOf(event))];
  if (about) {
    const result = aboutSchema.safeParse(event);
    return result.success ? { kind: about, ...result.data.detail } : poison(result.error);
  }
  if (sourceOf(event) === VERDICT_SOURCE) {
    const result = verdictSchema.safeParse(event);
    return result.success
      ? { kind: "verdict", ...(result.data.detail as Omit<VerdictEvent, "kind">) }
      : poison(result.error);
  }
  if (sourceOf(event) === "aws.codedeploy") {
    const result = deploymentSchema.safeParse(event);
    if (!result.success) return poison(result.error);
    const stranger = notFrom(home, event);
    if (stranger) return stranger;
    const { detail, time } = result.data;
    const { deploymentId, application, deploymentGroup: group, state } = detail;
    return { kind: "deployment", deploymentId, application, group, state, at: toDate(time) };
  }
  const result = alarmSchema.safeParse(event);
  if (!result.success) return poison(result.error);
  const stranger = notFrom(home, event);
  if (stranger) return stranger;
  const { alarmName, state, previousState } = result.data.detail;
  return {
    kind: "alarm",
    alarmName,
    state: state.value,
    previousState: previousState?.value,
    reason: state.reason ?? "",
    at: toDate(state.timestamp),
  };
}

function notFrom(home: Home, event: unknown): PoisonEvent | undefined {
  const { account, region } = event as Partial<Record<keyof Home, unknown>>;
  if (account === home.account && region === home.region) return undefined;
  return { kind: "poison", why: `it does not come from ${home.region} of account ${home.account}` };
}

/** What calls the last net: an event about a watch, or the sweep's schedule; undefined when it is neither. */
export function parseNetEvent(event: unknown): WatchEndedEvent | SweepEvent | PoisonEvent | undefined {
  // A scheduled event has nothing in it that could be trusted or misused.
  if (sourceOf(event) === "aws.events") return { kind: "sweep" };
  if (sourceOf(event) !== "aws.states") return undefined;
  const result = watchEndedSchema.safeParse(event);
  if (!result.success) return poison(result.error);
  const { name, status } = result.data.detail;
  return { kind: "watch-ended", deploymentId: name.replace(/-flags-\d+$/, ""), status };
}

/** What the state machine hands to a turn of the watch. */
export function parseTurnEvent(event: unknown): { deploymentId: string } | PoisonEvent {
  const result = turnSchema.safeParse(event);
  return result.success ? result.data : poison(result.error);
}

/** What the watch asks of whoever gives a staged release its share. */
export interface ShareEvent {
  deploymentId: string;
  percent: number;
}

const shareSchema = z.object({ deploymentId, percent: z.int().check(z.minimum(0), z.maximum(99)) });

export function parseShareEvent(event: unknown): ShareEvent | PoisonEvent {
  const result = shareSchema.safeParse(event);
  return result.success ? result.data : poison(result.error);
}

const typeOf = (event: unknown) => (event as { "detail-type"?: unknown } | null)?.["detail-type"];
const sourceOf = (event: unknown) => (event as { source?: unknown } | null)?.source;

export interface HookFailure extends HookEvent {
  functionArn: string;
  condition: string;
  error: string;
}

export function parseHookFailure(event: unknown): HookFailure | PoisonEvent {
  const result = failureSchema.safeParse(event);
  if (!result.success) return poison(result.error);
  const { requestPayload, requestContext, responsePayload } = result.data;
  return {
    ...toHook(requestPayload),
    functionArn: requestContext?.functionArn ?? "",
    condition: requestContext?.condition ?? "unknown",
    error: [responsePayload?.errorType, responsePayload?.errorMessage].filter(Boolean).join(": ") || "no answer",
  };
}

export const isPoison = (event: object): event is PoisonEvent => "kind" in event && event.kind === "poison";

const toHook = (data: z.output<typeof hookSchema>): HookEvent => ({
  deploymentId: data.DeploymentId,
  executionId: data.LifecycleEventHookExecutionId,
});

/** Names the places and not the values: events may carry what must not be logged. */
const poison = (error: z.core.$ZodError): PoisonEvent => ({
  kind: "poison",
  why: error.issues.map((issue) => `${issue.path.join(".") || "event"}: ${issue.message}`).join("; "),
});

/** CloudWatch writes `+0000` without a colon, which not every parser takes (CloudWatch user guide, 2023). */
function toDate(text: string | undefined): Date | undefined {
  const ms = Date.parse((text ?? "").replace(/([+-]\d{2})(\d{2})$/, "$1:$2"));
  return Number.isNaN(ms) ? undefined : new Date(ms);
}
