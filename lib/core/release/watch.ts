import type { HookName } from "../../contract/names.ts";
import type { Policy } from "../../contract/policy.ts";
import { MAX_HOOK_MINUTES } from "../../contract/stages.ts";
import { fact } from "../judge/reason.ts";
import type { Reason, Verdict } from "../judge/types.ts";
import type { DeploymentInfo } from "../ports.ts";
import { conclude } from "./conclusion.ts";
import { hasEnded } from "./deployment.ts";
import type { Judging, ReleaseRecord, WatchMemory } from "./records.ts";
import { ANSWER_MS, mustAttribute, type RedAlarm, withUnanswered } from "./red-alarms.ts";
import type { Shift } from "./shift.ts";
import { withUndecided } from "./staged.ts";

/** How often an open deployment is looked at when nothing else is due: at its turning points, and in between. */
const IDLE_MS = { turning: 15_000, between: 60_000 };
/** When nothing has come of asking the responder, it is asked again. */
const ASK_AGAIN_MS = 60_000;
const MINUTE_MS = 60_000;
/** CodeDeploy counts the hook's hour from the end of the shift. */
const HOOK_LIMIT_MS = MAX_HOOK_MINUTES * MINUTE_MS;

/** A hold that lasts from one minute to the next is worth telling, and so is blindness at so many looks: one is none. */
const HELD_MS = MINUTE_MS;
const UNSEEN_LOOKS = 3;

export interface WatchFacts {
  now: Date;
  deployment: Pick<DeploymentInfo, "status">;
  /** Undefined before traffic moves. */
  shift: Shift | undefined;
  release: Pick<ReleaseRecord, "policy" | "judging" | "watch" | "handedOverAt" | "postTrafficStatus">;
  /** When the next look can be taken; undefined while there is none to take. */
  nextLookAt: Date | undefined;
  /** While the release bakes: its alarms that are red, without an answer whose doing they are, and since when. */
  unanswered?: readonly RedAlarm[];
}

/**
 * What the watch does next.
 *
 * - `done`: the deployment has ended, or CodeDeploy has its answer from somebody else
 * - `look`: the next stretch of the shift can be read; `roll-back`: ask the responder to
 * - `attribute`: ask the responder whose doing the red alarms are
 * - `report`: the release has baked, or goes back and only the hook can still say so: it is bad, or undecided with its shift
 *   judged to the end and a policy that says so
 */
export type WatchStep =
  | { kind: "done"; why: string }
  | { kind: "look" }
  | { kind: "roll-back" }
  | { kind: "attribute" }
  | { kind: "report"; verdict: Verdict }
  | { kind: "wait"; until: Date; phase: "shift" | "bake" };

export function nextStep(facts: WatchFacts): WatchStep {
  const { now, deployment, shift, release, nextLookAt, unanswered = [] } = facts;
  if (hasEnded(deployment)) return { kind: "done", why: `the deployment is ${deployment.status}` };
  const after = (ms: number) => new Date(now.getTime() + ms);
  const soonest = (...times: (Date | undefined)[]) =>
    new Date(Math.min(...times.map((time) => time?.getTime() ?? Number.POSITIVE_INFINITY)));
  if (!shift) return { kind: "wait", until: after(IDLE_MS.turning), phase: "shift" };

  const verdict = release.judging?.verdict;
  const bad = isToGoBack(release);
  const ended = shift.endedAt;
  if (bad && !ended) {
    const due = mustAskAgain(release, now);
    return due ? { kind: "roll-back" } : { kind: "wait", until: after(IDLE_MS.turning), phase: "shift" };
  }
  const isDue = nextLookAt !== undefined && nextLookAt <= now;
  if (isDue && !bad) return { kind: "look" };
  if (!ended) return { kind: "wait", until: soonest(nextLookAt, after(IDLE_MS.between)), phase: "shift" };

  if (release.handedOverAt === undefined) return { kind: "wait", until: after(IDLE_MS.turning), phase: "shift" };
  const limit = new Date(ended.getTime() + HOOK_LIMIT_MS);
  const baked = new Date(ended.getTime() + release.policy.bakeMinutes * MINUTE_MS);
  // What was split is judged to its last minute, however short the bake.
  const pending = nextLookAt !== undefined && nextLookAt < limit ? nextLookAt : undefined;
  const over = now >= limit || (now >= baked && pending === undefined);
  const judged = verdict ?? NOTHING_SEEN;
  // With its last look taken nothing decides any more, however long it bakes.
  const goesBack = bad || (pending === undefined && conclude(judged, release.policy).status === "Failed");
  if (!goesBack && unanswered.length > 0) {
    if (mustAttribute(unanswered, release.watch, now)) return { kind: "attribute" };
    const isLate = now >= limit || unanswered.some(({ since }) => now.getTime() - since.getTime() >= ANSWER_MS);
    if (over && isLate) return { kind: "report", verdict: withUnanswered(judged, unanswered) };
    return { kind: "wait", until: soonest(pending, after(over ? IDLE_MS.turning : IDLE_MS.between)), phase: "bake" };
  }
  if (goesBack || over) return { kind: "report", verdict: judged };
  return {
    kind: "wait",
    until: soonest(pending, now < baked ? baked : undefined, after(IDLE_MS.between)),
    phase: "bake",
  };
}

const isToGoBack = ({ judging, policy }: Pick<ReleaseRecord, "judging" | "policy">) =>
  judging?.verdict.kind === "rollback" && policy.automaticRollback;

/** The responder is asked to roll a bad release back, and again when nothing has come of it. */
export function mustAskAgain(release: Pick<ReleaseRecord, "judging" | "policy" | "watch">, now: Date): boolean {
  const askedAt = release.watch?.askedAt;
  return isToGoBack(release) && (askedAt === undefined || now.getTime() - Date.parse(askedAt) >= ASK_AGAIN_MS);
}

/** What to remember of a look, and what people should hear of: once, when it has lasted. */
export function remember(memory: WatchMemory | undefined, { verdict, judgedUntil }: Judging): WatchMemory {
  const unseen = verdict.reasons.some(({ code }) => code === UNSEEN);
  const heldSince = verdict.kind === "hold" ? (memory?.heldSince ?? judgedUntil) : undefined;
  return { ...memory, heldSince, unseen: unseen ? (memory?.unseen ?? 0) + 1 : 0 };
}

/** The reasons to tell people about a release that goes on; none while there is nothing that lasts. */
export function alertOf(memory: WatchMemory, { verdict, judgedUntil }: Judging, policy: Policy): Reason[] {
  const bad = verdict.kind === "rollback" && !policy.automaticRollback;
  const held = memory.heldSince !== undefined && Date.parse(judgedUntil) - Date.parse(memory.heldSince) >= HELD_MS;
  return bad || held || memory.unseen >= UNSEEN_LOOKS ? verdict.reasons : [];
}

const UNSEEN = "monitoring-unavailable";

/** A shift in one step, or too short for a whole minute. */
export const NOTHING_SEEN: Verdict = {
  kind: "inconclusive",
  reasons: [
    fact("too-few-samples", "traffic was not split for one whole minute, so the versions could not be compared", {
      observed: 0,
    }),
  ],
  findings: [],
};

/** How long a hook may run before it counts as dead. Milliseconds: the timeout of the hooks, and a moment to hear of it. */
const HOOK_SILENCE_MS = 5 * MINUTE_MS + 5000;

/** Right after handing over the hook itself looks whether somebody is there. Milliseconds. */
const HAND_OVER_MS = 30_000;

export interface OrphanFacts {
  now: Date;
  deployment: Pick<DeploymentInfo, "status">;
  /** The hook that CodeDeploy waits for, and since when. */
  waiting: { hook: HookName; since: Date } | undefined;
  release: Partial<ReleaseRecord> | undefined;
  watch: "running" | "over";
}

/**
 * What becomes of a release whose hook or watch may have died. `report`: answer CodeDeploy in its place, as decided
 * before or as judged to the end of the shift, or else Failed; `unwatched`: nobody compares the versions any more, alarms and the hook at the end still do.
 */
export type OrphanStep =
  | { kind: "over" }
  | { kind: "leave" }
  | { kind: "unwatched" }
  /** `verdict`: what the watch had found, where that decides. */
  | { kind: "report"; executionId: string; status: "Succeeded" | "Failed"; why: string; verdict?: Verdict }
  | { kind: "unreachable"; why: string };

export function lookAfter({ now, deployment, waiting, release, watch }: OrphanFacts): OrphanStep {
  if (hasEnded(deployment)) return { kind: "over" };
  const isOver = watch === "over";
  if (!waiting) return isOver && release?.preTrafficStatus === "Succeeded" ? { kind: "unwatched" } : { kind: "leave" };
  const before = waiting.hook === "BeforeAllowTraffic";
  const handedOverAt = before ? release?.staged?.handedOverAt : release?.handedOverAt;
  const handedOver = handedOverAt !== undefined;
  const settled = now.getTime() - Date.parse(handedOverAt ?? "") >= HAND_OVER_MS;
  const silent = now.getTime() - waiting.since.getTime() >= HOOK_SILENCE_MS;
  if (handedOver ? !(isOver && settled) : !silent) return { kind: "leave" };
  const why = handedOver
    ? "the watch ended before it had answered CodeDeploy"
    : `the ${waiting.hook} hook has not answered within its time`;
  const executionId = before ? release?.preTrafficHookId : release?.postTrafficHookId;
  if (executionId === undefined) return { kind: "unreachable", why };
  const decided = before ? release?.preTrafficStatus : release?.postTrafficStatus;
  const judged = decided === undefined && !before && handedOver ? promotedBy(release, waiting.since) : undefined;
  if (judged) return { kind: "report", executionId, status: "Succeeded", why, verdict: judged };
  return { kind: "report", executionId, status: decided ?? "Failed", why };
}

/**
 * The verdict, when it is `promote` and nothing of the shift is left to be judged: what is missing of the bake then is
 * waiting, and the alarms that would end it act in guard time as well.
 */
function promotedBy(release: Partial<ReleaseRecord> | undefined, since: Date): Verdict | undefined {
  const { judging, staged } = release ?? {};
  if (judging?.verdict.kind !== "promote") return undefined;
  // A stage's gate lets nothing through that is not judged to its last minute.
  const isWhole = staged?.clearedAt !== undefined || Date.parse(judging.judgedUntil) > since.getTime() - MINUTE_MS;
  return isWhole ? withUndecided(judging.verdict, { staged }) : undefined;
}
