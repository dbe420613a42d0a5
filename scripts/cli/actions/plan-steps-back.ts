import { compensateRelease, leftWithSteps } from "../../../lib/core/release/plan-steps.ts";
import type { ReleaseRecord } from "../../../lib/core/release/records.ts";
import type { Session } from "../session.ts";

/**
 * Once traffic is on `target`: what the steps of the releases that were left did is taken back, with the rights of whoever runs
 * this. A compensation that fails is a warning.
 */
export async function takeStepsBack(
  session: Session,
  { functionName, alias }: Pick<ReleaseRecord, "functionName" | "alias">,
  target: string,
): Promise<void> {
  const { ledger, functions } = session.ports;
  const record = await session.attempt(
    "whether steps are to be taken back is not known",
    ledger.getAlias(functionName, alias),
  );
  for (const id of leftWithSteps(record, target)) {
    const actor = { owner: crypto.randomUUID(), signal: session.signal };
    const back = await session.attempt(
      `the steps of release ${id} were not all taken back`,
      compensateRelease({ ledger, functions, clock: session.clock }, id, actor),
    );
    if (back && back.compensated.length > 0) session.say(`  steps of ${id} taken back: ${back.compensated.join(", ")}`);
    if (back?.trouble) session.warn(`the steps of release ${id} need a person: ${back.trouble}`);
  }
}
