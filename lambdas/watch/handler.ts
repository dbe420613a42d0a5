import { systemClock } from "../../lib/adapters/clock.ts";
import { createDeployments } from "../../lib/adapters/deployments.ts";
import { createFlagEvidence } from "../../lib/adapters/flag-evidence.ts";
import { createFunctions } from "../../lib/adapters/functions.ts";
import { createLedger } from "../../lib/adapters/ledger.ts";
import { createLogSubscriptions } from "../../lib/adapters/log-subscriptions.ts";
import { createMonitoring } from "../../lib/adapters/monitoring.ts";
import { createNotifier } from "../../lib/adapters/notifier.ts";
import { lazy } from "../../lib/adapters/options.ts";
import { createPolicies } from "../../lib/adapters/policy.ts";
import { createResponder } from "../../lib/adapters/responder.ts";
import { createShift } from "../../lib/adapters/shift.ts";
import { createSignalBooks } from "../../lib/adapters/signal-books.ts";
import { createSweep } from "../../lib/adapters/sweep.ts";
import { readConfig } from "../runtime/config.ts";
import type { RunContext } from "../runtime/context.ts";
import { createLog } from "../runtime/log.ts";
import { signalsArn } from "../runtime/log-subscription.ts";
import { logSignals } from "./log-signals.ts";
import { withProbeRequests } from "./probes.ts";
import { lambdaMetrics } from "./signals.ts";
import { createTurn, type TurnResult } from "./turn.ts";

const turn = lazy(() => {
  const { environment, ledgerTable, topicArn, watchArn } = readConfig(process.env);
  const options = { actor: "watch" };
  const log = createLog("watch");
  const evidence = {
    clock: systemClock,
    monitoring: createMonitoring(options),
    books: createSignalBooks(ledgerTable, options),
  };
  const functions = createFunctions(options);
  const ports = {
    clock: systemClock,
    deployments: createDeployments(options),
    ledger: createLedger(ledgerTable, options),
    monitoring: evidence.monitoring,
    functions,
    policies: createPolicies(options),
    notifier: createNotifier(topicArn, options),
    signals: withProbeRequests(
      logSignals(evidence, lambdaMetrics(evidence, log), log),
      { clock: systemClock, functions, books: evidence.books },
      log,
    ),
    books: evidence.books,
    subscriptions: createLogSubscriptions(signalsArn(environment, watchArn), options),
    flagEvidence: createFlagEvidence(options),
    responder: createResponder(environment, options),
    shift: createShift(environment, options),
    sweep: createSweep(ledgerTable, environment, options),
  };
  return createTurn(ports, environment, log);
});

/** The state machine: one turn of the watch of a release. */
export const handler = (event: unknown, context: RunContext): Promise<TurnResult> => turn()(event, context);
