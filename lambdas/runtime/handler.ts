import { systemClock } from "../../lib/adapters/clock.ts";
import { createDeployments } from "../../lib/adapters/deployments.ts";
import { lazy } from "../../lib/adapters/options.ts";
import type { HookEvent } from "../../lib/core/release/events.ts";
import { type GuardConfig, readConfig, readReserveMs } from "./config.ts";
import type { RunContext } from "./context.ts";
import { type HookResult, type HookRun, runHook } from "./hook.ts";
import { createLog, type Log } from "./log.ts";

export interface HookWork {
  work(run: HookRun): Promise<HookResult>;
  onFailure(event: HookEvent, error: unknown): Promise<void>;
}

/**
 * The Lambda handler of a hook. `wire` makes what an undo does not need: the configuration is read and the other
 * adapters are made inside the guarded part of the run. It is imported and not loaded on demand, because esbuild drops
 * unused code of a package only then: that is 250 KB of a bundle, and more time than loading late would save.
 */
export function hookHandler(name: string, wire: (config: GuardConfig, log: Log) => HookWork) {
  const log = createLog(name);
  const deployments = createDeployments({ actor: name });
  const wired = lazy(() => wire(readConfig(process.env), log));
  return (event: unknown, context: RunContext): Promise<void> =>
    runHook(event, context, {
      clock: systemClock,
      log,
      deployments,
      reserveMs: readReserveMs(process.env),
      work: async (run) => wired().work(run),
      onFailure: async (hook, error) => wired().onFailure(hook, error),
    });
}
