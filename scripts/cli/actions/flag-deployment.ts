import { killStrategyName } from "../../../lib/contract/names.ts";
import { GoaroundError } from "../../../lib/core/errors.ts";
import type { FlagDeployment, FlagTarget } from "../../../lib/core/ports.ts";
import { FALLBACK_STRATEGY, UNFINISHED } from "../../../lib/core/release/flag-kill.ts";
import type { Session } from "../session.ts";

/** Starts a deployment with the first of the strategies that exists. */
export async function startFlags(
  session: Session,
  target: FlagTarget,
  version: number,
  strategies: readonly string[],
  description: string,
): Promise<{ number: number; strategy: string }> {
  for (const [i, strategy] of strategies.entries()) {
    try {
      return { number: await session.ports.flags.deploy(target, version, strategy, description), strategy };
    } catch (error) {
      const isLast = i === strategies.length - 1;
      if (isLast || !(error instanceof GoaroundError) || error.code !== "flags-missing") throw error;
      session.say(`  there is no strategy ${strategy}; taking ${strategies[i + 1]}`);
    }
  }
  throw new GoaroundError("usage", "operator", "no deployment strategy was named");
}

/** Follows a flag deployment to its end. */
export async function followFlags(session: Session, target: FlagTarget, number: number): Promise<FlagDeployment> {
  const pause = session.pauses();
  let lastState = "";
  for (;;) {
    session.throwIfInterrupted();
    const deployment = await session.ports.flags.getDeployment(target, number);
    if (deployment.state !== lastState) session.say(`  flag deployment ${number}: ${deployment.state}`);
    lastState = deployment.state;
    if (!UNFINISHED.has(deployment.state)) return deployment;
    await pause();
  }
}

/** Deploys a whole content at once, as a new version, to the end. Throws `partly-done` when AppConfig does not keep it. */
export async function deployContent(
  session: Session,
  target: FlagTarget,
  document: Record<string, unknown>,
  description: string,
): Promise<void> {
  const strategies = [killStrategyName(session.environment), FALLBACK_STRATEGY];
  const version = await session.ports.flags.createVersion(target, document, description);
  const { number } = await startFlags(session, target, version, strategies, description);
  const { state } = await followFlags(session, target, number);
  if (state === "COMPLETE") return;
  throw new GoaroundError("partly-done", "dependency", `flag deployment ${number} ended as ${state}`, {
    advice: "Look at the environment's monitors, then run the same command again.",
  });
}
