import { systemClock } from "../../lib/adapters/clock.ts";
import { createDeadLetters } from "../../lib/adapters/dead-letters.ts";
import { createExecutions } from "../../lib/adapters/executions.ts";
import { createFunctions } from "../../lib/adapters/functions.ts";
import { createLedger } from "../../lib/adapters/ledger.ts";
import { createLogSubscriptions } from "../../lib/adapters/log-subscriptions.ts";
import { createMonitoring } from "../../lib/adapters/monitoring.ts";
import { createPolicies } from "../../lib/adapters/policy.ts";
import { createSignalBooks } from "../../lib/adapters/signal-books.ts";
import { createSweep } from "../../lib/adapters/sweep.ts";
import type { Log } from "../../lib/core/log.ts";
import type { GuardConfig } from "../runtime/config.ts";
import { noteFailure } from "../runtime/failure-note.ts";
import type { HookWork } from "../runtime/handler.ts";
import { signalsArn } from "../runtime/log-subscription.ts";
import { emitToStdout } from "../runtime/metrics.ts";
import { createPreTraffic } from "./pre-traffic.ts";

export function wire({ environment, ledgerTable, watchArn }: GuardConfig, log: Log): HookWork {
  const options = { actor: "pre-traffic" };
  const ledger = createLedger(ledgerTable, options);
  const ports = {
    clock: systemClock,
    functions: createFunctions(options),
    monitoring: createMonitoring(options),
    policies: createPolicies(options),
    deadLetters: createDeadLetters(options),
    ledger,
    executions: createExecutions(watchArn, options),
    sweep: createSweep(ledgerTable, environment, options),
    books: createSignalBooks(ledgerTable, options),
    subscriptions: createLogSubscriptions(signalsArn(environment, watchArn), options),
  };
  return {
    work: createPreTraffic(ports, environment, log),
    onFailure: noteFailure("pre-traffic", ledger, emitToStdout(environment, systemClock.now)),
  };
}
