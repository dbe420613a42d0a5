import type { Notification, NotifierPort, PolicyPort } from "../../lib/core/ports.ts";
import { FakeClock } from "./clock.ts";
import { FakeDeadLetters } from "./dead-letters.ts";
import { FakeDeployments } from "./deployments.ts";
import { FakeExecutions, FakeResponder, FakeShift, FakeSweep } from "./executions.ts";
import { Calls } from "./faults.ts";
import { FakeFlagEvidence } from "./flag-evidence.ts";
import { FakeFlags } from "./flags.ts";
import { FakeFunctions } from "./functions.ts";
import { FakeLedger } from "./ledger.ts";
import { FakeMonitoring } from "./monitoring.ts";
import { FakeLogSubscriptions, FakeSignalBooks } from "./signals.ts";

/** Policies by function and alias; the environment is always `dev`. A name without a document has no parameter. */
export class FakePolicies implements PolicyPort {
  readonly calls = new Calls();
  readonly documents = new Map<string, string>();
  /** By function, alias and name. */
  readonly events = new Map<string, string>();

  async read(environment: string, functionName: string, alias: string): Promise<string | undefined> {
    await this.calls.enter("read", { environment, functionName, alias });
    return this.documents.get(`${functionName}:${alias}`);
  }

  async recordedEvent(environment: string, functionName: string, alias: string, event: string) {
    await this.calls.enter("recordedEvent", { environment, functionName, alias, event });
    return this.events.get(`${functionName}:${alias}:${event}`);
  }
}

/** Keeps what was sent. */
export class FakeNotifier implements NotifierPort {
  readonly calls = new Calls();
  readonly sent: Notification[] = [];

  async notify(notification: Notification): Promise<void> {
    await this.calls.enter("notify", notification);
    this.sent.push(notification);
  }
}

/** All ports over one clock, as a handler gets them. */
export function fakePorts(start?: string) {
  const clock = new FakeClock(start);
  const functions = new FakeFunctions();
  return {
    clock,
    functions,
    deployments: new FakeDeployments(clock, functions),
    monitoring: new FakeMonitoring(),
    flags: new FakeFlags(clock),
    flagEvidence: new FakeFlagEvidence(),
    policies: new FakePolicies(),
    deadLetters: new FakeDeadLetters(),
    ledger: new FakeLedger(clock),
    notifier: new FakeNotifier(),
    executions: new FakeExecutions(),
    sweep: new FakeSweep(),
    responder: new FakeResponder(),
    shift: new FakeShift(),
    books: new FakeSignalBooks(),
    subscriptions: new FakeLogSubscriptions(),
  };
}

export type FakePorts = ReturnType<typeof fakePorts>;
