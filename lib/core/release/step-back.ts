import { stagesBack } from "../../contract/stages.ts";
import type { AliasState, Clock, FunctionsPort } from "../ports.ts";

export interface StepBack {
  /** The version that is left, and what it keeps of the traffic. */
  leaving: string;
  percent: number;
}

/**
 * The next step of an alias that goes back in stages; undefined where all of the traffic may go to `to` at once: the last
 * step, and whatever is not a share between these two versions. It is read from the alias alone, so that a rollback which
 * was cut off goes on where it was.
 */
export function nextStepBack(alias: Pick<AliasState, "functionVersion" | "weights">, to: string): StepBack | undefined {
  const weights = Object.entries(alias.weights).filter(([, weight]) => weight > 0);
  const [other] = weights;
  if (weights.length > 1 || other?.[1] === 1) return undefined;
  const isBegun = alias.functionVersion === to;
  if (!isBegun && other !== undefined && other[0] !== to) return undefined;
  const leaving = isBegun ? other?.[0] : alias.functionVersion;
  if (leaving === undefined) return undefined;
  const share = isBegun ? other![1] : 1 - (other?.[1] ?? 0);
  const [percent = 0] = stagesBack(Math.round(share * 100));
  return percent > 0 ? { leaving, percent } : undefined;
}

export interface StepBackPorts {
  clock: Clock;
  functions: Pick<FunctionsPort, "getAlias" | "splitAlias">;
}

export interface StepBackOptions {
  secondsBetween: number;
  signal: AbortSignal;
  /** Whether a deployment holds the alias: then nothing is written here. */
  isHeld(): Promise<boolean>;
  /** Whether the version that is left is so much worse by now that the rest goes at once. */
  isUrgent?(leaving: string, since: Date): Promise<boolean>;
  onStep(step: StepBack): void;
  /** A step could not be taken: the rest goes at once. */
  onFailure(error: unknown): void;
}

/**
 * Takes traffic from the version that is left, step by step, each over the revision of the alias just read. Returns before
 * the last step, which is the caller's as ever; also when a step fails: a rollback is not given up because it cannot be
 * done gently. Throws only when `signal` says so.
 */
export async function stepBack(
  { clock, functions }: StepBackPorts,
  { functionName, alias: name, to }: { functionName: string; alias: string; to: string },
  options: StepBackOptions,
): Promise<void> {
  const { secondsBetween, signal, isHeld, isUrgent, onStep, onFailure } = options;
  const since = clock.now();
  for (;;) {
    signal.throwIfAborted();
    try {
      const alias = await functions.getAlias(functionName, name);
      const next = nextStepBack(alias, to);
      if (!next || (await isHeld()) || (await isUrgent?.(next.leaving, since))) return;
      const split = { functionName, alias: name, version: to, to: next.leaving, share: next.percent / 100 };
      await functions.splitAlias({ ...split, revisionId: alias.revisionId });
      onStep(next);
    } catch (error) {
      onFailure(error);
      return;
    }
    await clock.sleep(secondsBetween * 1000, signal);
  }
}
