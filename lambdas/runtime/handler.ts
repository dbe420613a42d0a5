import { systemClock } from "../../lib/adapters/clock.ts";
import { createDeployments } from "../../lib/adapters/deployments.ts";
import { lazy } from "../../lib/adapters/options.ts";
import type { HookName } from "../../lib/contract/names.ts";
import type { Log } from "../../lib/core/log.ts";
import type { Clock, DeploymentsPort } from "../../lib/core/ports.ts";
import type { HookEvent } from "../../lib/core/release/events.ts";
import { type GuardConfig, readConfig, readReserveMs } from "./config.ts";
import type { RunContext } from "./context.ts";
import { type HandedOver, type HookResult, type HookRun, runHook } from "./hook.ts";
import { createLog } from "./log.ts";

export interface HookWork {
  work(run: HookRun): Promise<HookResult | HandedOver>;
  onFailure(event: HookEvent, error: unknown): Promise<void>;
}

/**
 * The Lambda handler of a hook. `wire` makes what an undo does not need: the configuration is read and the other
 * adapters are made inside the guarded part of the run. It is imported and not loaded on demand, because esbuild drops
 * unused code of a package only then: that is 250 KB of a bundle, and more time than loading late would save.
 */
export function hookHandler(
  name: string,
  hook: HookName,
  wire: (config: GuardConfig, log: Log) => HookWork,
  edge = edgeOf(name),
) {
  const { clock, deployments, log, env } = edge;
  const wired = lazy(() => wire(readConfig(env), log));
  return (event: unknown, context: RunContext): Promise<void> =>
    runHook(event, context, {
      hook,
      clock,
      log,
      deployments,
      reserveMs: readReserveMs(env),
      work: async (run) => wired().work(run),
      onFailure: async (hook, error) => wired().onFailure(hook, error),
    });
}

/** What a hook reports with, whatever its configuration is worth. */
interface HookEdge {
  clock: Clock;
  deployments: Pick<DeploymentsPort, "get" | "reportHook" | "target">;
  log: Log;
  env: NodeJS.ProcessEnv;
}

const edgeOf = (name: string): HookEdge => ({
  clock: systemClock,
  deployments: createDeployments({ actor: name }),
  log: createLog(name),
  env: process.env,
});
