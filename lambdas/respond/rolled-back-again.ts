import { fact } from "../../lib/core/judge/reason.ts";
import type { Reason } from "../../lib/core/judge/types.ts";
import type { Notification } from "../../lib/core/ports.ts";
import { ATTEMPT_WINDOW_MINUTES, calledBefore, MAX_AUTOMATIC_ROLLBACKS } from "../../lib/core/release/cooldown.ts";
import { aliasKey } from "../../lib/core/release/environment-record.ts";
import type { FlagResult, ReleaseRecord } from "../../lib/core/release/records.ts";
import type { Response } from "./responder.ts";
import { readStanding } from "./standing.ts";

/** Of how things stand after the rollback. */
const NOT_WELL: ReadonlySet<string> = new Set(["restored-unhealthy", "flags-seen-on"]);

/**
 * How loudly people hear of a rollback, and what they should know besides. Each is told; but one more of the same alias within the
 * hour, with everything back as it should be, asks nothing new of whoever was called for the first: it is a warning. The latch after
 * the third calls again. Asked when the rollback is on record; what cannot be read calls.
 */
export async function howToTell(
  response: Response,
  release: ReleaseRecord,
  flags: readonly FlagResult[],
  found: readonly Reason[],
): Promise<{ severity: Notification["severity"]; findings: Reason[] }> {
  const { functionName, alias, deploymentId } = release;
  const { record, environment } = await readStanding(response, release);
  const releasedAt = environment.latchReleased[aliasKey(functionName, alias)]?.at;
  const before = calledBefore(record?.rollbacks ?? [], deploymentId, releasedAt);
  if (!before) return { severity: "critical", findings: [] };
  const again = fact(
    "rolled-back-again",
    `release ${before.deploymentId ?? before.id} of the same alias was rolled back at ${before.at}, and people were called; after ${MAX_AUTOMATIC_ROLLBACKS} within ${ATTEMPT_WINDOW_MINUTES} minutes the guard moves nothing more by itself, and calls again`,
  );
  const isWell = flags.every(({ outcome }) => outcome === "off") && !found.some(({ code }) => NOT_WELL.has(code));
  return { severity: isWell ? "warning" : "critical", findings: [again] };
}
