import { createAdapters } from "../../lib/adapters/index.ts";
import { lazy } from "../../lib/adapters/options.ts";
import { readConfig } from "../runtime/config.ts";
import type { RunContext } from "../runtime/context.ts";
import { createLog } from "../runtime/log.ts";
import { emitToStdout } from "../runtime/metrics.ts";
import { createRespond } from "./respond.ts";

const respond = lazy(() => {
  const config = readConfig(process.env);
  const ports = createAdapters({ ...config, actor: "respond" });
  const { environment } = config;
  return createRespond({
    ports,
    environment,
    log: createLog("respond"),
    emit: emitToStdout(environment, ports.clock.now),
  });
});

/** EventBridge: red alarms and deployment states. */
export const handler = (event: unknown, context: RunContext): Promise<void> => respond()(event, context);
