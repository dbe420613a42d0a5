import { messageOf } from "../../lib/core/log.ts";
import type { LedgerPort } from "../../lib/core/ports.ts";
import type { HookEvent } from "../../lib/core/release/events.ts";
import type { EmitMetric } from "./metrics.ts";

/** Writes into the release record why a hook could not decide; the responder tells people. */
export function noteFailure(hook: string, ledger: Pick<LedgerPort, "updateRelease">, emit: EmitMetric) {
  return async ({ deploymentId }: HookEvent, error: unknown): Promise<void> => {
    emit("hookFailures");
    await ledger.updateRelease(deploymentId, { reason: `${hook} could not decide: ${messageOf(error)}`, actor: hook });
  };
}
