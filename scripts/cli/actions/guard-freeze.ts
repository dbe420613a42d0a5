import { GoaroundError } from "../../../lib/core/errors.ts";
import { freeze, unfreeze } from "../../../lib/core/release/environment-record.ts";
import {
  everHolds,
  type FreezeScope,
  type FreezeTimes,
  type FreezeWindow,
  freezeProblems,
} from "../../../lib/core/release/freeze.ts";
import type { Outcome, Session } from "../session.ts";
import { after, give } from "./guard-order.ts";

export interface FreezeOptions {
  id: string;
  scope?: FreezeScope;
  functionName?: string;
  timeZone?: string;
  from?: string;
  until?: string;
  cron?: string;
  for?: number;
}

export function freezeReleases(session: Session, options: FreezeOptions): Promise<Outcome> {
  const { id, functionName } = options;
  const timeZone = options.timeZone ?? "UTC";
  const problems = freezeProblems({ timeZone, times: timesOf(session.clock.now(), options) });
  if (problems.length > 0) {
    throw new GoaroundError("usage", "operator", `this is no freeze: ${problems.join("; ")}`, {
      advice: "See --help.",
    });
  }
  const scope = options.scope ?? "all";
  if (scope === "flags" && functionName !== undefined) {
    throw new GoaroundError(
      "usage",
      "operator",
      "flags are changed by profile, so that no freeze of flags is one function's",
      {
        advice:
          "Freeze all flags: leave --function-name out. Or hold its releases, and the flags that they enable: --scope all.",
      },
    );
  }
  const what = wordsOf(scope, functionName);
  return give(session, (start) => {
    const times = timesOf(start, options);
    if (!everHolds({ timeZone, times }, start)) {
      const why = times.cron === undefined ? `it ended at ${times.until}` : `"${times.cron}" never comes`;
      throw new GoaroundError("usage", "operator", `this freeze would never hold: ${why} (${timeZone})`, {
        advice: "See --help.",
      });
    }
    const when =
      times.cron === undefined
        ? `from ${times.from}${times.until ? ` until ${times.until}` : ""}`
        : `at "${times.cron}" for ${times.minutes} minutes`;
    return {
      action: "freeze",
      subject: id,
      place: functionName === undefined ? undefined : { functionName },
      question: `Releases of ${what} are refused ${when} (${timeZone}). Freeze?`,
      done: `freeze ${id}: no releases of ${what} ${when} (${timeZone}); rollbacks go on`,
      nothing: "",
      next: `End it with: goaround guard --action unfreeze --id ${id} --reason "…"`,
      change: (record, by, now) => {
        const window: FreezeWindow = { id, scope, functionName, timeZone, times, reason: session.options.reason!, by };
        return freeze(record, window, now);
      },
    };
  });
}

/** What is held, no more than what really is: flags that no release enables know nothing of a function. */
function wordsOf(scope: FreezeScope, functionName: string | undefined): string {
  if (functionName === undefined) return `${scope === "all" ? "code and flags" : scope} of all functions`;
  return `code of ${functionName}${scope === "all" ? ", and of the flags that its releases enable," : ""}`;
}

function timesOf(now: Date, { cron, from, until, for: minutes }: FreezeOptions): FreezeTimes {
  const usage = (message: string) =>
    new GoaroundError("usage", "operator", message, {
      advice: 'Either --from and --until, or --cron "0 18 * * FRI" and --for 62h.',
    });
  if (cron !== undefined) {
    if (from !== undefined || until !== undefined) throw usage("--cron does not go with --from and --until");
    if (minutes === undefined) throw usage("--cron needs --for: how long each freeze lasts");
    return { cron, minutes };
  }
  const begin = from ?? now.toISOString();
  if (minutes === undefined) return { from: begin, until };
  if (until !== undefined || from !== undefined) throw usage("--for goes with --cron, or stands alone: from now on");
  return { from: begin, until: after(now, minutes) };
}

export function endFreeze(session: Session, { id }: { id: string }): Promise<Outcome> {
  return give(session, () => ({
    action: "unfreeze",
    subject: id,
    place: undefined,
    question: `End freeze ${id}?`,
    done: `freeze ${id} has ended`,
    nothing: `nothing to do: there is no freeze ${id}`,
    change: (record) => (record.freezes.some((window) => window.id === id) ? unfreeze(record, id) : undefined),
  }));
}
