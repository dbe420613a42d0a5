import type { Clock, FunctionsPort } from "../../lib/core/ports.ts";
import type { Asked } from "../../lib/core/release/attribution.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { runSmokeTests } from "../../lib/core/release/smoke.ts";

export interface AskPorts {
  functions: Pick<FunctionsPort, "invoke">;
  clock: Clock;
}

/**
 * All smoke payloads once, to a version itself: what it does then counts under its own number, not under the alias
 * (Lambda developer guide, dimensions of metrics, 2022). Throws when AWS did not let it be asked.
 */
export async function askVersion(
  ports: AskPorts,
  { policy, functionName }: Pick<ReleaseRecord, "policy" | "functionName">,
  version: string,
  before: Asked,
  signal: AbortSignal,
): Promise<Asked> {
  const failures = await runSmokeTests(policy.smokeTests, { ...ports, functionName, version, signal });
  return { asked: before.asked + 1, failed: before.failed + (failures.length > 0 ? 1 : 0) };
}
