import { systemClock } from "../../lib/adapters/clock.ts";
import { createDeployments } from "../../lib/adapters/deployments.ts";
import { createLedger } from "../../lib/adapters/ledger.ts";
import { createNotifier } from "../../lib/adapters/notifier.ts";
import { readConfig } from "../runtime/config.ts";
import { createLog } from "../runtime/log.ts";
import { emitToStdout } from "../runtime/metrics.ts";
import { createReportFailure } from "./report-failure.ts";

const options = { actor: "report-failure" };

/** On-failure destination of both hooks. */
export const handler = createReportFailure({
  deployments: createDeployments(options),
  log: createLog("report-failure"),
  now: systemClock.now,
  books: async () => {
    const { environment, ledgerTable, topicArn } = readConfig(process.env);
    return {
      environment,
      ledger: createLedger(ledgerTable, options),
      notifier: createNotifier(topicArn, options),
      emit: emitToStdout(environment, systemClock.now),
    };
  },
});
