import { createInterface, type ReadLineOptions } from "node:readline/promises";
import { createServiceClock } from "../../lib/adapters/clock.ts";
import { createDeadLetters } from "../../lib/adapters/dead-letters.ts";
import { createDiscovery } from "../../lib/adapters/discovery.ts";
import { createFlagHistory } from "../../lib/adapters/flag-history.ts";
import { type AdaptersOptions, createAdapters } from "../../lib/adapters/index.ts";
import { createLogGroups } from "../../lib/adapters/log-groups.ts";
import { createLogFilters } from "../../lib/adapters/log-subscriptions.ts";
import { createMarkerAlias } from "../../lib/adapters/marker-alias.ts";
import { createPolicyHistory } from "../../lib/adapters/policy-history.ts";
import { createStacks } from "../../lib/adapters/stacks.ts";
import type {
  DiscoveryPort,
  FlagHistoryPort,
  LogGroupsPort,
  MarkerAliasPort,
  PolicyHistoryPort,
  StacksPort,
} from "../../lib/core/operator-ports.ts";
import type { Clock, DeadLettersPort, Ports } from "../../lib/core/ports.ts";
import type { LogSubscriptionsPort } from "../../lib/core/signals/ports.ts";

/** Everything an operator's command reaches AWS through. */
export type OperatorPorts = Omit<Ports, "clock"> & {
  deadLetters: DeadLettersPort;
  discovery: DiscoveryPort;
  stacks: StacksPort;
  markerAlias: MarkerAliasPort;
  flagHistory: FlagHistoryPort;
  policyHistory: PolicyHistoryPort;
  logFilters: Pick<LogSubscriptionsPort, "remove" | "list">;
  logGroups: LogGroupsPort;
};

/** What a command needs of the process it runs in; tests give their own. */
export interface CliIo {
  /** Data. */
  stdout(text: string): void;
  /** Messages. */
  stderr(text: string): void;
  /** A person sits there: stdin and stderr are both a terminal. */
  readonly isTerminal: boolean;
  ask(question: string, signal: AbortSignal): Promise<string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Milliseconds from any start, for how long a person has waited: `clock` jumps when it hears the services' time. */
  stopwatch(): number;
  /** Calls `handler` at each Ctrl-C (or SIGTERM); returns how to stop listening. */
  onInterrupt(handler: () => void): () => void;
  /** Leaves at once: the second Ctrl-C. */
  abandon(exitCode: number): void;
  connect(options: AdaptersOptions): OperatorPorts;
}

/**
 * Asks on a terminal, which takes Ctrl-C for itself meanwhile: `onInterrupt` hears of it. An input that ends is no
 * answer: the empty text.
 */
export async function askOn(
  terminal: Pick<ReadLineOptions, "input" | "output" | "terminal">,
  question: string,
  signal: AbortSignal,
  onInterrupt: () => void,
): Promise<string> {
  const lines = createInterface(terminal);
  lines.on("SIGINT", onInterrupt);
  const ended = new Promise<string>((resolve) => {
    lines.once("close", () => resolve(""));
  });
  try {
    return await Promise.race([lines.question(question, { signal }), ended]);
  } finally {
    lines.close();
  }
}

const clock = createServiceClock();

export const processIo: CliIo = {
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
  isTerminal: Boolean(process.stdin.isTTY && process.stderr.isTTY),
  ask: (question, signal) =>
    askOn({ input: process.stdin, output: process.stderr }, question, signal, () =>
      process.kill(process.pid, "SIGINT"),
    ),
  env: process.env,
  clock,
  stopwatch: () => performance.now(),
  onInterrupt(handler) {
    process.on("SIGINT", handler).on("SIGTERM", handler);
    return () => void process.off("SIGINT", handler).off("SIGTERM", handler);
  },
  abandon: (exitCode) => process.exit(exitCode),
  connect(options) {
    // What the SDK says about future Node versions is for us who build this, not for an operator at 3 a.m.
    process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
    return connectAws({ ...options, clock });
  },
};

export const connectAws = (options: AdaptersOptions): OperatorPorts => ({
  ...createAdapters(options),
  deadLetters: createDeadLetters(options),
  discovery: createDiscovery(options),
  stacks: createStacks(options.clock ?? clock, options),
  markerAlias: createMarkerAlias(options),
  flagHistory: createFlagHistory(options),
  policyHistory: createPolicyHistory(options),
  logFilters: createLogFilters(options),
  logGroups: createLogGroups(options),
});
