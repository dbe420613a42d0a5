import { withinBudget } from "../../lib/core/deadline.ts";
import { factsOf, type Log } from "../../lib/core/log.ts";
import type { Clock, LedgerPort } from "../../lib/core/ports.ts";
import { isAllOff, killedButOn } from "../../lib/core/release/flag-merge.ts";
import { describeKilled, killedIn } from "../../lib/core/release/killed-flags.ts";
import type { RunContext } from "../runtime/context.ts";
import type { EmitMetric } from "../runtime/metrics.ts";

/** Nothing waits longer for the ledger than this. Milliseconds. */
const LEDGER_LIMIT_MS = 2000;

/** AppConfig user guide, "Validators", 2025. */
export interface ValidatorRequest {
  applicationId: string;
  configurationProfileId: string;
  configurationVersion: string;
  /** Base64. */
  content: string;
}

export interface ValidateFlagsPorts {
  clock: Clock;
  ledger: Pick<LedgerPort, "getEnvironment">;
  log: Log;
  emit: EmitMetric;
}

/**
 * AppConfig's validator of a flag profile, the second line after the merge: refuses a version in which a killed flag is on,
 * whoever made it. Switching off is never held up: a version in which every flag is off is accepted without a look at the
 * ledger, and one that the ledger could not be asked about is accepted and told. Throws to refuse.
 */
export function createValidateFlags({ clock, ledger, log, emit }: ValidateFlagsPorts) {
  return async function validateFlags(event: ValidatorRequest, _context: RunContext): Promise<void> {
    const { applicationId, configurationProfileId: profileId, configurationVersion } = event;
    const document = JSON.parse(Buffer.from(event.content, "base64").toString("utf8")) as Record<string, unknown>;
    if (isAllOff(document)) return;
    let record: Awaited<ReturnType<LedgerPort["getEnvironment"]>>;
    try {
      record = await withinBudget(clock, LEDGER_LIMIT_MS, () => ledger.getEnvironment());
    } catch (error) {
      log.error("killed flags could not be looked up; the version is accepted", { profileId, ...factsOf(error) });
      emit("unvalidatedFlags");
      return;
    }
    const killed = killedIn(record, { applicationId, profileId });
    const wrong = killedButOn(
      document,
      killed.map(({ flag }) => flag),
    );
    if (wrong.length === 0) return;
    log.warn("a version in which killed flags are on is refused", { profileId, configurationVersion, flags: wrong });
    throw new Error(
      killed
        .filter(({ flag }) => wrong.includes(flag))
        .map(describeKilled)
        .join(". "),
    );
  };
}
