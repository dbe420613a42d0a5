import { describeSteps } from "../../../lib/core/release/compatibility.ts";
import type { Session } from "../session.ts";

/** Once traffic is back: what the releases that were taken back have done for good. Nothing where nothing can be read. */
export async function tellStepsThatStay(session: Session, deploymentIds: readonly string[]): Promise<void> {
  const readings = deploymentIds.map((id) => session.ports.ledger.getRelease(id).catch(() => undefined));
  const steps = (await Promise.all(readings)).flatMap((release) => release?.stepsTaken ?? []);
  if (steps.length > 0) session.warn(`not taken back by this: ${describeSteps(steps)}`);
}
