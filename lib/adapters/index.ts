import { ENV, ledgerTableName } from "../contract/names.ts";
import { GoaroundError } from "../core/errors.ts";
import type { NotifierPort, Ports } from "../core/ports.ts";
import { systemClock } from "./clock.ts";
import { createDeployments } from "./deployments.ts";
import { createFlags } from "./flags.ts";
import { createFunctions } from "./functions.ts";
import { createLedger } from "./ledger.ts";
import { createMonitoring } from "./monitoring.ts";
import { createNotifier } from "./notifier.ts";
import type { AdapterOptions } from "./options.ts";
import { createPolicies } from "./policy.ts";

export interface AdaptersOptions extends AdapterOptions {
  environment: string;
  /** Default: the environment's own table. */
  ledgerTable?: string;
  /** Without it, `notifier.notify` fails and says so. */
  topicArn?: string;
}

/**
 * All ports over AWS. Nothing is called and no client is made before its first use. A Lambda that needs few of them
 * imports their own files instead: its bundle then holds only those clients.
 */
export function createAdapters(options: AdaptersOptions): Ports {
  const clock = options.clock ?? systemClock;
  return {
    clock,
    functions: createFunctions(options),
    deployments: createDeployments(options),
    monitoring: createMonitoring(options),
    flags: createFlags(options),
    policies: createPolicies(options),
    ledger: createLedger(options.ledgerTable ?? ledgerTableName(options.environment), options, clock.now),
    notifier: options.topicArn === undefined ? noTopic : createNotifier(options.topicArn, options),
  };
}

const noTopic: NotifierPort = {
  notify: () =>
    Promise.reject(
      new GoaroundError("usage", "operator", "no notification topic is configured", {
        advice: `Set ${ENV.topicArn}.`,
      }),
    ),
};
