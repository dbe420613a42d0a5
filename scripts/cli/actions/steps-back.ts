import { stepBack } from "../../../lib/core/release/step-back.ts";
import { openReleaseOf } from "../lookup.ts";
import type { Session } from "../session.ts";
import type { RollbackFunctionOptions, Situation } from "./rollback-situation.ts";

/** Between the steps of a rollback in stages, where the policy does not say. */
const DEFAULT_STEP_SECONDS = 30;

/** The steps before the last, where they are asked for and no release is being stopped: that is not a moment to be gentle. */
export async function stepsBefore(
  session: Session,
  options: RollbackFunctionOptions,
  situation: Situation,
): Promise<void> {
  const { functionName, alias, stages, atOnce } = options;
  const { plan, policy, open } = situation;
  const secondsBetween = policy?.rollbackStepSeconds ?? (stages ? DEFAULT_STEP_SECONDS : undefined);
  if (secondsBetween === undefined || atOnce || open) return;
  const { clock, ports, signal } = session;
  await stepBack(
    { clock, functions: ports.functions },
    { functionName, alias, to: plan.target.version },
    {
      secondsBetween,
      signal,
      isHeld: async () => (await openReleaseOf(session, functionName, alias)) !== undefined,
      onStep: ({ leaving, percent }) => {
        session.state = `the alias still gives ${percent} % of the traffic to version ${leaving}; the same command goes on, with --at-once without steps`;
        session.say(`  ${percent} % on version ${leaving}; the next step in ${secondsBetween} s`);
      },
      onFailure: (error) =>
        session.warn(`a step could not be taken (${(error as Error).message}); the rest goes at once`),
    },
  );
}
