import type { StagedPolicy } from "../../contract/policy.ts";
import { MAX_HOOK_MINUTES } from "../../contract/stages.ts";
import { fact } from "../judge/reason.ts";
import type { Reason, Verdict } from "../judge/types.ts";
import type { DeploymentInfo, DeploymentTarget, TrafficRouting } from "../ports.ts";
import { hasEnded } from "./deployment.ts";
import type { Judging, ReleaseRecord, StagedProgress } from "./records.ts";
import type { Shift, StepsTaken } from "./shift.ts";

const MINUTE_MS = 60_000;
/** How often an open deployment is looked at when nothing else is due. Milliseconds. */
const IDLE_MS = 60_000;
/** When nothing has come of asking the responder, it is asked again. Milliseconds. */
const ASK_AGAIN_MS = 60_000;
const HOOK_LIMIT_MS = MAX_HOOK_MINUTES * MINUTE_MS;

type Release = Pick<ReleaseRecord, "policy" | "judging" | "watch" | "staged" | "preTrafficStatus">;

export interface StagedFacts {
  now: Date;
  deployment: Pick<DeploymentInfo, "status">;
  /** When CodeDeploy called BeforeAllowTraffic. */
  hookSince: Date;
  release: Release;
  /** When the next look can be taken; undefined while there is none to take. */
  nextLookAt: Date | undefined;
}

/**
 * What a staged release needs next, while CodeDeploy waits for BeforeAllowTraffic.
 *
 * - `set-share`: the next stage begins; `look`: minutes can be judged; `roll-back`: ask the responder to
 * - `answer`: take the share away and tell CodeDeploy
 */
export type StagedStep =
  | { kind: "done"; why: string }
  | { kind: "set-share"; percent: number }
  | { kind: "look" }
  | { kind: "roll-back" }
  /** `undecided`: what is not known although the release goes on. */
  | { kind: "answer"; status: "Succeeded" | "Failed"; verdict: Verdict; undecided?: Reason }
  | { kind: "wait"; until: Date; phase: "shift" };

export function nextStagedStep(facts: StagedFacts): StagedStep {
  const { now, deployment, hookSince, release, nextLookAt } = facts;
  const { policy, judging, preTrafficStatus } = release;
  if (hasEnded(deployment)) return { kind: "done", why: `the deployment is ${deployment.status}` };
  const verdict = judging?.verdict ?? NOTHING_JUDGED;
  // Decided before a crash: nothing is left but to say so.
  if (preTrafficStatus) return { kind: "answer", status: preTrafficStatus, verdict };

  const limit = new Date(hookSince.getTime() + HOOK_LIMIT_MS);
  const bad = verdict.kind === "rollback" && policy.automaticRollback;
  if (bad) {
    if (now >= limit) return { kind: "answer", status: "Failed", verdict };
    const askedAt = release.watch?.askedAt;
    const due = askedAt === undefined || now.getTime() - Date.parse(askedAt) >= ASK_AGAIN_MS;
    return due ? { kind: "roll-back" } : wait(now, 15_000);
  }
  const stages = policy.staged?.stages ?? [];
  const steps = release.staged?.steps ?? [];
  const current = steps.at(-1);
  if (nextLookAt !== undefined && nextLookAt <= now) return { kind: "look" };
  if (!current) return { kind: "set-share", percent: stages[0]!.percent };
  const gate = stageGate(release, now);
  if (gate.open) {
    const next = stages[steps.length];
    if (next && next.percent < 100) return { kind: "set-share", percent: next.percent };
    return { kind: "answer", status: "Succeeded", verdict };
  }
  if (now >= limit) {
    const goes = policy.onInconclusive === "promote-and-bake" || !policy.automaticRollback;
    const late = notDecided(`the hook's hour is over and ${gate.why}`, HOOK_LIMIT_MS);
    const undecided = { ...verdict, kind: "inconclusive" as const, reasons: [late, ...verdict.reasons] };
    return goes
      ? { kind: "answer", status: "Succeeded", verdict, undecided: late }
      : { kind: "answer", status: "Failed", verdict: undecided };
  }
  const ends = new Date(Date.parse(current.at) + stages[steps.length - 1]!.minutes * MINUTE_MS);
  const times = [nextLookAt, ends > now ? ends : undefined, new Date(now.getTime() + IDLE_MS), limit];
  return { kind: "wait", until: new Date(Math.min(...times.flatMap((time) => time?.getTime() ?? []))), phase: "shift" };
}

const wait = (now: Date, ms: number): StagedStep => ({
  kind: "wait",
  until: new Date(now.getTime() + ms),
  phase: "shift",
});

export type Gate = { open: true } | { open: false; why: string };

/**
 * Go or no-go at the end of a stage: its time is over, enough of the canary's requests in it have been judged, and the
 * judge has nothing against the version. The last stage is judged to its last minute: what comes after it is everything, which
 * is not given on what is undecided where the policy says that this goes back.
 */
export function stageGate(
  { policy, judging, staged }: Pick<Release, "policy" | "judging" | "staged">,
  now: Date,
): Gate {
  const { stages, minSamples = policy.checks.minSamples, goOn } = policy.staged as StagedPolicy;
  const index = (staged?.steps.length ?? 0) - 1;
  const step = staged?.steps[index];
  const stage = stages[index];
  if (!step || !stage) return { open: false, why: "no stage has begun" };
  const name = `the stage of ${stage.percent} %`;
  const endMs = Date.parse(step.at) + stage.minutes * MINUTE_MS;
  if (now.getTime() < endMs) return { open: false, why: `${name} lasts ${stage.minutes} minutes` };
  const kind = judging?.verdict.kind;
  // With automatic rollback switched off verdicts are told and change nothing.
  if (!policy.automaticRollback) return { open: true };
  if (kind === "hold") return { open: false, why: `the judge holds the release in ${name}` };
  if (step.judged < minSamples) {
    return { open: false, why: `${step.judged} requests of the canary were judged in ${name}, not ${minSamples}` };
  }
  const isLast = index === stages.length - 2;
  const mustBeGood = goOn === "promote" || (isLast && policy.onInconclusive === "rollback");
  if (mustBeGood && kind !== "promote") {
    return { open: false, why: `the judge does not say promote in ${name}, but ${kind ?? "nothing"}` };
  }
  const judgedUntil = judging ? Date.parse(judging.judgedUntil) : 0;
  if (isLast && judgedUntil < Math.floor(endMs / MINUTE_MS) * MINUTE_MS) {
    return { open: false, why: `${name} has not been judged to its last minute` };
  }
  return { open: true };
}

/** The time of a stage, or of all of them, is over without a decision. */
export const notDecided = (message: string, limitMs: number): Reason =>
  fact("stage-not-decided", message, { limit: limitMs / MINUTE_MS });

/** What the last stage left open is told at the end, whatever was found of the rest. */
export const withUndecided = (verdict: Verdict, { staged }: Pick<ReleaseRecord, "staged">): Verdict =>
  staged?.undecided ? { ...verdict, findings: [...verdict.findings, staged.undecided] } : verdict;

/** Before the first look. */
export const NOTHING_JUDGED: Verdict = { kind: "inconclusive", reasons: [], findings: [] };

export const withShare = (staged: StagedProgress, percent: number, now: Date): StagedProgress => ({
  ...staged,
  steps: [...staged.steps, { percent, at: now.toISOString(), judged: 0 }],
});

/** What a look has taken of the canary in whole minutes of the stage, late data of its earlier minutes included. */
export function withJudged(staged: StagedProgress, before: Judging | undefined, after: Judging): StagedProgress {
  const last = staged.steps.at(-1);
  if (!last) return staged;
  const first = Math.ceil(Date.parse(last.at) / MINUTE_MS);
  const isByLog = after.logs !== undefined && !after.logs.left;
  const known = before && takenByMinute(before, isByLog);
  let fresh = 0;
  for (const [minute, requests] of takenByMinute(after, isByLog)) {
    if (minute >= first) fresh += requests - (known?.get(minute) ?? 0);
  }
  return { ...staged, steps: [...staged.steps.slice(0, -1), { ...last, judged: last.judged + fresh }] };
}

/** The canary's requests that have been taken of its log, or of metrics, by minutes since 1970. */
function takenByMinute({ canary, logs }: Judging, isByLog: boolean): Map<number, number> {
  if (!isByLog) return new Map(Object.entries(canary.minutes).map(([key, [requests = 0]]) => [Number(key), requests]));
  return new Map(
    Object.entries(logs?.canary ?? {}).map(([key, requests]) => [(Number(key) * 1000) / MINUTE_MS, requests]),
  );
}

/** Whether any request can have reached the new version by a share of ours. */
export const shareWasGiven = ({ staged }: Pick<ReleaseRecord, "staged">): boolean => (staged?.steps.length ?? 0) > 0;

/** When CodeDeploy called BeforeAllowTraffic; undefined when it is not waiting for it. */
export const waitsBefore = (target: DeploymentTarget | undefined): Date | undefined =>
  target?.lifecycleEvents.find(({ name, status }) => name === "BeforeAllowTraffic" && status === "InProgress")
    ?.startedAt;

interface Compared {
  shift: Shift | undefined;
  routing: TrafficRouting | StepsTaken | undefined;
}

/** The time in which both versions served: the stages of a staged release, else what CodeDeploy shifts. */
export function comparedTime({ staged }: Pick<ReleaseRecord, "staged">, codeDeploys: Compared): Compared {
  if (!staged?.steps.length) return codeDeploys;
  const steps = staged.steps.map(({ percent, at }) => ({ percent, at: new Date(at) }));
  const endedAt = staged.clearedAt === undefined ? undefined : new Date(staged.clearedAt);
  return { shift: { startedAt: steps[0]!.at, endedAt }, routing: { kind: "steps", steps } };
}
