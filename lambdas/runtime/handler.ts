import { systemClock } from "../../lib/adapters/clock.ts";
import { createDeployments } from "../../lib/adapters/deployments.ts";
import type { HookEvent } from "../../lib/core/release/events.ts";
import { type GuardConfig, readConfig, readReserveMs } from "./config.ts";
import type { RunContext } from "./deadline.ts";
import { type HookResult, type HookRun, runHook } from "./hook.ts";
import { createLog, type Log } from "./log.ts";

export interface HookWork {
  work(run: HookRun): Promise<HookResult>;
  onFailure(event: HookEvent, error: unknown): Promise<void>;
}

/**
 * The Lambda handler of a hook. `load` brings what an undo does not need: the configuration is read and the other
 * adapters are made inside the guarded part of the run.
 */
export function hookHandler(name: string, load: (config: GuardConfig, log: Log) => Promise<HookWork>) {
  const log = createLog(name);
  const deployments = createDeployments({ actor: name });
  let loaded: Promise<HookWork> | undefined;
  const work = () => {
    loaded ??= (async () => load(readConfig(process.env), log))();
    return loaded;
  };
  return (event: unknown, context: RunContext): Promise<void> =>
    runHook(event, context, {
      clock: systemClock,
      log,
      deployments,
      reserveMs: readReserveMs(process.env),
      work: async (run) => (await work()).work(run),
      onFailure: async (hook, error) => (await work()).onFailure(hook, error),
    });
}
