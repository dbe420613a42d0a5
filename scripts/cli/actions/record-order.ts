import { withEntry } from "../../../lib/core/release/environment-record.ts";
import type { Session } from "../session.ts";

/**
 * Writes into the environment's history what a person did, when and why. What was done stands although the ledger does not
 * answer: then a warning, and false.
 */
export async function recordOrder(
  session: Session,
  order: { action: string; subject: string; reason: string },
): Promise<boolean> {
  const { ledger, discovery } = session.ports;
  const write = async () => {
    const { arn: by } = await discovery.identity();
    const entry = { at: session.clock.now().toISOString(), by, ...order };
    await ledger.changeEnvironment((record) => ({ history: withEntry(record, entry) }));
    return true;
  };
  return (await session.attempt("it is done, and not recorded in the ledger", write())) ?? false;
}
