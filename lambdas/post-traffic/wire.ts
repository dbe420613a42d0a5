import { systemClock } from "../../lib/adapters/clock.ts";
import { createDeployments } from "../../lib/adapters/deployments.ts";
import { createExecutions } from "../../lib/adapters/executions.ts";
import { createFunctions } from "../../lib/adapters/functions.ts";
import { createLedger } from "../../lib/adapters/ledger.ts";
import { createMonitoring } from "../../lib/adapters/monitoring.ts";
import { createNotifier } from "../../lib/adapters/notifier.ts";
import { createPolicies } from "../../lib/adapters/policy.ts";
import type { Log } from "../../lib/core/log.ts";
import type { GuardConfig } from "../runtime/config.ts";
import { noteFailure } from "../runtime/failure-note.ts";
import type { HookWork } from "../runtime/handler.ts";
import { emitToStdout } from "../runtime/metrics.ts";
import { createPostTraffic } from "./post-traffic.ts";

export function wire({ environment, ledgerTable, topicArn, watchArn }: GuardConfig, log: Log): HookWork {
  const options = { actor: "post-traffic" };
  const ledger = createLedger(ledgerTable, options);
  const ports = {
    clock: systemClock,
    executions: createExecutions(watchArn, options),
    functions: createFunctions(options),
    deployments: createDeployments(options),
    monitoring: createMonitoring(options),
    policies: createPolicies(options),
    ledger,
    notifier: createNotifier(topicArn, options),
  };
  return {
    work: createPostTraffic(ports, environment, log),
    onFailure: noteFailure("post-traffic", ledger, emitToStdout(environment, systemClock.now)),
  };
}
