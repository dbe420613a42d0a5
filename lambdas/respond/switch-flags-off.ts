import type { Reason } from "../../lib/core/judge/types.ts";
import type { FlagResult, ReleaseRecord } from "../../lib/core/release/records.ts";
import { tell } from "./books.ts";
import { killFlags } from "./kill-flags.ts";
import { bestEffort, mayAct, type Response, secondsSince } from "./responder.ts";

/** The lever for a fault that the code does not explain: the release's flags off, the code stays. Undefined: done before. */
export async function switchFlagsOff(
  response: Response,
  release: ReleaseRecord,
  reasons: Reason[],
  findings: Reason[],
): Promise<FlagResult[] | undefined> {
  const { ports } = response;
  const { deploymentId, functionName, alias } = release;
  if (!(await mayAct(response, deploymentId, "flags-off"))) return undefined;
  const startedAt = ports.clock.now();
  const flags = await killFlags(response, release, `a fault that release ${deploymentId} shares with its baseline`);
  const failures = flags.filter((result) => result.failure !== undefined);
  if (failures.length === 0 && flags.every((result) => result.switchedOff.length === 0)) return flags;
  await bestEffort(response, "recording the outcome", () =>
    ports.ledger.updateRelease(deploymentId, { outcome: "flags-off", actor: "respond" }),
  );
  await tell(response, "notify-flags-off", {
    release,
    outcome: "flags-off",
    severity: "critical",
    reasons,
    findings,
    durationSeconds: secondsSince(response, startedAt),
    aliasState: await ports.functions.getAlias(functionName, alias),
    flags,
    trouble: failures.length > 0 ? "flags could not be switched off" : undefined,
  });
  return flags;
}
