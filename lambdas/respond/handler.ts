import { CallMeter } from "../../lib/adapters/call-meter.ts";
import { createFlagEvidence } from "../../lib/adapters/flag-evidence.ts";
import { createAdapters } from "../../lib/adapters/index.ts";
import { lazy } from "../../lib/adapters/options.ts";
import { createSweep } from "../../lib/adapters/sweep.ts";
import { readConfig } from "../runtime/config.ts";
import type { RunContext } from "../runtime/context.ts";
import { createLog } from "../runtime/log.ts";
import { emitToStdout } from "../runtime/metrics.ts";
import { createRespond } from "./respond.ts";

const respond = lazy(() => {
  const config = readConfig(process.env);
  const calls = new CallMeter();
  const options = { ...config, actor: "respond", calls };
  const { environment, home, ledgerTable } = config;
  const ports = {
    ...createAdapters(options),
    flagEvidence: createFlagEvidence(options),
    sweep: createSweep(ledgerTable, environment, options),
  };
  return createRespond({
    ports,
    environment,
    home,
    log: createLog("respond"),
    emit: emitToStdout(environment, ports.clock.now),
    paced: (work) => calls.paced(ports.clock, work),
  });
});

/** EventBridge: red alarms and deployment states. */
export const handler = (event: unknown, context: RunContext): Promise<void> => respond()(event, context);
