import * as z from "../../contract/zod.ts";
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

/** Not an event that we know: nothing is done about it. */
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

export function parseGuardEvent(event: unknown): AlarmEvent | DeploymentEvent | PoisonEvent {
  if ((event as { source?: unknown } | null)?.source === "aws.codedeploy") {
    const result = deploymentSchema.safeParse(event);
    if (!result.success) return poison(result.error);
    const { detail, time } = result.data;
    const { deploymentId, application, deploymentGroup: group, state } = detail;
    return { kind: "deployment", deploymentId, application, group, state, at: toDate(time) };
  }
  const result = alarmSchema.safeParse(event);
  if (!result.success) return poison(result.error);
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
