import { createDeployments } from "../../lib/adapters/deployments.ts";
import { createFunctions } from "../../lib/adapters/functions.ts";
import { createLedger } from "../../lib/adapters/ledger.ts";
import { lazy } from "../../lib/adapters/options.ts";
import { readConfig } from "../runtime/config.ts";
import { createLog } from "../runtime/log.ts";
import { createSetShare, type ShareAnswer } from "./set-share.ts";

const setShare = lazy(() => {
  const { environment, ledgerTable } = readConfig(process.env);
  const options = { actor: "shift" };
  const ports = {
    functions: createFunctions(options),
    deployments: createDeployments(options),
    ledger: createLedger(ledgerTable, options),
  };
  return createSetShare(ports, environment, createLog("shift"));
});

/** The watch and whoever looks after it: the share of traffic of a staged release. */
export const handler = (event: unknown): Promise<ShareAnswer> => setShare()(event);
