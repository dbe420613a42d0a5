import { fact } from "../judge/reason.ts";
import type { Reason, Verdict } from "../judge/types.ts";
import type { AlarmState } from "../ports.ts";
import { isBaselineUnhealthy } from "./conclusion.ts";
import type { ReleaseRecord, WatchMemory } from "./records.ts";
import { redSinceRelease } from "./release-facts.ts";

/**
 * An alarm of a release's alias that is red while it bakes. Its event leads to the responder, which finds out whose doing
 * that is; the watch sees to it that there is an answer before the release is called good.
 */
export interface RedAlarm {
  name: string;
  since: Date;
}

/** The responder has answered an event by then: it is asked only where the event was lost, or the alarm was red before. */
const EVENT_MS = 30_000;
/** An attribution waits at most five minutes, for a cooldown or for flags to show; then somebody asks again. */
const ASK_AGAIN_MS = 6 * 60_000;
/** An answer that has not come by then is not waited for: two minutes more than an attribution takes. */
export const ANSWER_MS = 7 * 60_000;
/** An answer may come before the watch, which looks every minute, has seen the alarm. */
const SEEN_LATER_MS = 90_000;

type Release = Pick<ReleaseRecord, "admissionFindings" | "judging" | "staysDespite" | "watch">;

/** What the watch remembers of the alarms; undefined where nothing has changed. */
export function rememberRed(
  release: Release,
  states: Record<string, AlarmState>,
  now: Date,
): Record<string, string> | undefined {
  const before = release.watch?.red ?? {};
  // Both versions were seen to fail while both served: the release is not to blame, and people have been told.
  const red = isBaselineUnhealthy(release.judging?.verdict) ? [] : redSinceRelease(release, states);
  if (red.length === Object.keys(before).length && red.every((name) => before[name])) return undefined;
  return Object.fromEntries(red.map((name) => [name, before[name] ?? now.toISOString()]));
}

/** The red ones that the responder has not answered since they went red. */
export function unansweredAlarms({ watch, staysDespite = {} }: Pick<Release, "watch" | "staysDespite">): RedAlarm[] {
  return Object.entries(watch?.red ?? {}).flatMap(([name, at]) => {
    const since = new Date(at);
    const answer = staysDespite[name];
    const isAnswered = answer !== undefined && Date.parse(answer.at) >= since.getTime() - SEEN_LATER_MS;
    return isAnswered ? [] : [{ name, since }];
  });
}

export function mustAttribute(
  unanswered: readonly RedAlarm[],
  memory: Pick<WatchMemory, "redAskedAt"> | undefined,
  now: Date,
): boolean {
  const elapsedMs = (since: Date) => now.getTime() - since.getTime();
  if (!unanswered.some(({ since }) => elapsedMs(since) >= EVENT_MS)) return false;
  return memory?.redAskedAt === undefined || elapsedMs(new Date(memory.redAskedAt)) >= ASK_AGAIN_MS;
}

/** Whose doing the alarms are is not known: what becomes of that is the policy's to say. */
export const withUnanswered = (verdict: Verdict, unanswered: readonly RedAlarm[]): Verdict => ({
  ...verdict,
  kind: "inconclusive",
  reasons: [
    fact(
      "alarm-unanswered",
      `${unanswered.map(({ name }) => name).join(", ")} went into ALARM while the release baked, and whose doing that is was not known in time`,
    ),
    ...verdict.reasons,
  ],
});

/** The bake has ended without a word of its alarms. */
export const ALARMS_UNREAD: Reason = fact(
  "alarms-unread",
  "the alarms of the alias could not be read at the end of the bake",
);
