import { GoaroundError } from "../../../lib/core/errors.ts";
import type { AliasState } from "../../../lib/core/ports.ts";
import { describeAlias, isWhole } from "../lookup.ts";
import { underLease } from "../rollback-lease.ts";
import type { Session } from "../session.ts";
import type { Situation } from "./rollback-situation.ts";

/**
 * An earlier run to the same version that was cut off after it had moved the alias: it would hold the lease until it is
 * taken for dead, and read as unfinished for ever. Whoever is still at work on it is waited for.
 */
export async function endJournal(session: Session, { guarded, alias, plan }: Situation): Promise<void> {
  if (!guarded) return;
  const { functionName, alias: name } = alias;
  const { version } = plan.target;
  const reading = session.ports.ledger.getRollback(functionName, name);
  const journal = await session.attempt("the journal could not be read", reading);
  if (journal?.version !== version || journal.result?.outcome === "restored") return;
  const { deploymentId } = journal;
  await underLease(
    session,
    { functionName, alias: name, version, deploymentId, steps: ["verify"] },
    ({ step }) => step("verify", () => checkAlias(session, { functionName, alias: name, version })),
    (state) => `alias ${name} serves ${describeAlias(state)}`,
  );
}

/** Looks of a read that may not know yet of the write before it: only what stays wrong is wrong. */
const MAX_LOOKS = 3;
const LOOK_AGAIN_MS = 1000;

export async function checkAlias(
  session: Session,
  { functionName, alias, version }: { functionName: string; alias: string; version: string },
): Promise<AliasState> {
  for (let look = 1; ; look += 1) {
    const seen = await session.ports.functions.getAlias(functionName, alias);
    if (seen.functionVersion === version && isWhole(seen)) return seen;
    if (look >= MAX_LOOKS) throw movedOn(version, seen);
    await session.sleep(LOOK_AGAIN_MS);
  }
}

const movedOn = (version: string, seen: AliasState) =>
  new GoaroundError(
    "partly-done",
    "dependency",
    `the alias was put on version ${version} but is on ${describeAlias(seen)} now`,
    { advice: "Somebody else moves it. Run the same command again." },
  );
