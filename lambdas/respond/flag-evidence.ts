import type { FlagReference } from "../../lib/contract/policy.ts";
import { withinBudget } from "../../lib/core/deadline.ts";
import type { Reason } from "../../lib/core/judge/types.ts";
import { factsOf } from "../../lib/core/log.ts";
import { METRIC_LAG_MS } from "../../lib/core/release/look.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { flagReasons, harmfulFlags, suspectFlags } from "../../lib/core/release/release-flags.ts";
import { judgeFlags } from "../runtime/judge-flags.ts";
import type { Response } from "./responder.ts";

const MINUTE_MS = 60_000;
/** Minutes behind an alarm that the flags are judged by. */
const MINUTES = 6;
/** Levers do not wait longer for evidence than this. Milliseconds. */
const READ_LIMIT_MS = 2000;

/** What the cohorts say of a release's flags in the minutes behind an alarm. */
export interface FlagEvidence {
  harmful: FlagReference[];
  reasons: Reason[];
  /** Not cleared: harmful ones, and those that nothing is known of. */
  suspects: FlagReference[];
}

/** What cannot be read clears nobody and blames nobody. */
export async function flagEvidence(response: Response, release: ReleaseRecord): Promise<FlagEvidence> {
  const { ports, log } = response;
  const since = new Date(ports.clock.now().getTime() - METRIC_LAG_MS - MINUTES * MINUTE_MS);
  // What an alarm goes by is out already.
  const thisMinute = ports.clock.now();
  let flagWatch = release.flagWatch;
  try {
    const { flagWatch: _, ...fresh } = release;
    const now = await withinBudget(ports.clock, READ_LIMIT_MS, () =>
      judgeFlags(ports, fresh, { since, early: thisMinute }, log),
    );
    flagWatch = now ?? flagWatch;
  } catch (error) {
    log.warn("the flags could not be judged", factsOf(error));
  }
  const judged = { ...release, ...(flagWatch ? { flagWatch } : {}) };
  return { harmful: harmfulFlags(judged), reasons: flagReasons(judged, "harmful"), suspects: suspectFlags(judged) };
}
