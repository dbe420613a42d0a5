import { systemClock } from "../../lib/adapters/clock.ts";
import { createLedger } from "../../lib/adapters/ledger.ts";
import { ENV } from "../../lib/contract/names.ts";
import { createLog } from "../runtime/log.ts";
import { emitToStdout } from "../runtime/metrics.ts";
import { createValidateFlags } from "./validate-flags.ts";

/** AppConfig's validator of a flag profile. */
export const handler = createValidateFlags({
  clock: systemClock,
  ledger: createLedger(process.env[ENV.ledgerTable] ?? "", { actor: "validate-flags" }),
  log: createLog("validate-flags"),
  emit: emitToStdout(process.env[ENV.environment] ?? "", systemClock.now),
});
