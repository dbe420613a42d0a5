import { systemClock } from "../../lib/adapters/clock.ts";
import { createDeployments } from "../../lib/adapters/deployments.ts";
import { createExecutions } from "../../lib/adapters/executions.ts";
import { createLedger } from "../../lib/adapters/ledger.ts";
import { createLogSubscriptions } from "../../lib/adapters/log-subscriptions.ts";
import { createNotifier } from "../../lib/adapters/notifier.ts";
import { createResponder } from "../../lib/adapters/responder.ts";
import { createShift } from "../../lib/adapters/shift.ts";
import { createSignalBooks } from "../../lib/adapters/signal-books.ts";
import { createSweep } from "../../lib/adapters/sweep.ts";
import { readConfig } from "../runtime/config.ts";
import { createLog } from "../runtime/log.ts";
import { signalsArn } from "../runtime/log-subscription.ts";
import { emitToStdout } from "../runtime/metrics.ts";
import { createLookAfter } from "./look-after.ts";
import { createReportFailure } from "./report-failure.ts";

const options = { actor: "report-failure" };
const log = createLog("report-failure");
const deployments = createDeployments(options);

function readBooks() {
  const { environment, ledgerTable, topicArn, watchArn } = readConfig(process.env);
  const books = {
    environment,
    ledger: createLedger(ledgerTable, options),
    notifier: createNotifier(topicArn, options),
    emit: emitToStdout(environment, systemClock.now),
  };
  const nets = {
    executions: createExecutions(watchArn, options),
    sweep: createSweep(ledgerTable, environment, options),
    shift: createShift(environment, options),
    responder: createResponder(environment, options),
    books: createSignalBooks(ledgerTable, options),
    subscriptions: createLogSubscriptions(signalsArn(environment, watchArn), options),
  };
  return { books, nets };
}

/** On-failure destination of both hooks; watches that ended before their release; the sweep. */
export const handler = createReportFailure({
  deployments,
  log,
  clock: systemClock,
  books: async () => readBooks().books,
  lookAfter: async () => {
    const { books, nets } = readBooks();
    return createLookAfter({ ...books, ...nets, deployments, clock: systemClock }, books.environment, log);
  },
});
