import { CallMeter } from "../../lib/adapters/call-meter.ts";
import { ENV } from "../../lib/contract/names.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import type { Clock } from "../../lib/core/ports.ts";
import { EXIT } from "./exit-codes.ts";
import type { CliIo, OperatorPorts } from "./io.ts";
import { type CommonOptions, DEFAULT_ENVIRONMENT } from "./options.ts";

/** How an action ended, when nothing was thrown. */
export interface Outcome {
  exitCode: number;
  /** `done`, `nothing-to-do`, `planned`, `unhealthy`, `rolled-back` … */
  code: string;
  message: string;
  advice?: string;
  /** The facts, for --json. */
  data: Record<string, unknown>;
}

/** One run of one action: where it talks, what it may do, how it is interrupted. */
export class Session {
  readonly io: CliIo;
  readonly options: CommonOptions;
  readonly environment: string;
  readonly ports: OperatorPorts;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly warnings: string[] = [];
  /** What is true right now, told when the run is cut off. */
  state = "nothing was changed";
  /** What to run after an interruption, where it is not the same command again. */
  resumeCommand: string | undefined;
  /** What was asked of AWS. */
  readonly calls = new CallMeter();
  private restored: { apiCalls: number; seconds: number } | undefined;
  private readonly startedAtMs: number;

  constructor(io: CliIo, options: CommonOptions, signal: AbortSignal, actor: string) {
    this.io = io;
    this.options = options;
    this.signal = signal;
    this.clock = io.clock;
    this.environment = options.environment ?? io.env[ENV.environment] ?? DEFAULT_ENVIRONMENT;
    this.startedAtMs = io.stopwatch();
    this.ports = io.connect({
      environment: this.environment,
      actor,
      calls: this.calls,
      ...(io.env[ENV.ledgerTable] === undefined ? {} : { ledgerTable: io.env[ENV.ledgerTable] }),
      ...(options.region === undefined ? {} : { region: options.region }),
      ...(options.profile === undefined ? {} : { profile: options.profile }),
      ...(options.endpointUrl === undefined ? {} : { endpoint: options.endpointUrl }),
    });
  }

  /** A message for the person who watches. */
  say(line: string): void {
    this.io.stderr(`${line}\n`);
  }

  detail(line: string): void {
    if (this.options.verbose) this.say(`  ${line}`);
  }

  warn(line: string): void {
    this.warnings.push(line);
    this.say(`warning: ${line}`);
  }

  /** A line of data; with --json the document says it instead. */
  print(line: string): void {
    if (!this.options.json) this.io.stdout(`${line}\n`);
  }

  banner(title: string, facts: Record<string, string | undefined>): void {
    this.say(`=== ${title} ===`);
    const known = Object.entries(facts).filter(([, value]) => value !== undefined && value !== "");
    const width = Math.max(...known.map(([name]) => name.length));
    for (const [name, value] of known) this.say(`${name.padEnd(width)}  ${value}`);
  }

  step(number: number, of: number, what: string): void {
    this.throwIfInterrupted();
    this.say(`Step ${number}/${of}: ${what}`);
  }

  elapsedSeconds(): number {
    return (this.io.stopwatch() - this.startedAtMs) / 1000;
  }

  /** Asks a person on a terminal. Without one the command line itself is the decision: automation must not hang. */
  async confirm(question: string): Promise<void> {
    if (this.options.yes || !this.io.isTerminal) return;
    const answer = await this.io.ask(`${question} [y/N] `, this.signal);
    if (!/^y(?:es)?$/i.test(answer.trim())) {
      throw new GoaroundError("refused", "operator", "not confirmed; nothing was changed", {
        advice: "Answer y, or add --yes.",
      });
    }
  }

  /** All traffic is where it belongs: what comes after keeps nobody waiting. The first time counts. */
  trafficIsBack(): void {
    this.restored ??= { apiCalls: this.calls.total, seconds: this.elapsedSeconds() };
  }

  /** What it took; undefined when nothing was asked of AWS. */
  cost() {
    const { total, operations } = this.calls;
    return total === 0 ? undefined : { apiCalls: total, untilTrafficWasBack: this.restored, operations };
  }

  /** Spreads the calls of work on many functions, so that others keep their share of AWS's limits. */
  paced<T>(work: () => Promise<T>): Promise<T> {
    return this.calls.paced(this.clock, work);
  }

  throwIfInterrupted(): void {
    if (this.signal.aborted) throw this.signal.reason;
  }

  async sleep(ms: number): Promise<void> {
    await this.clock.sleep(ms, this.signal);
  }

  /** Pauses between looks: 1 s, growing to 5 s, unless --poll-seconds says otherwise. */
  pauses(): () => Promise<void> {
    const fixed = this.options.pollSeconds;
    let ms = fixed === undefined ? 1000 : fixed * 1000;
    return async () => {
      await this.sleep(ms);
      if (fixed === undefined) ms = Math.min(ms * 1.5, 5000);
    };
  }

  /**
   * Something that is good to have and must not stop the action. Undefined (with a warning) when it fails; who is not
   * allowed to act at all is still told so.
   */
  async attempt<T>(what: string, work: Promise<T>): Promise<T | undefined> {
    try {
      return await work;
    } catch (error) {
      if (this.signal.aborted) throw error;
      this.warn(`${what}: ${(error as Error).message}`);
      return undefined;
    }
  }
}

export const done = (message: string, data: Record<string, unknown>, advice?: string): Outcome => ({
  exitCode: EXIT.done,
  code: "done",
  message,
  data,
  ...(advice === undefined ? {} : { advice }),
});

export const nothingToDo = (message: string, data: Record<string, unknown>): Outcome => ({
  exitCode: EXIT.done,
  code: "nothing-to-do",
  message,
  data,
});

export const planned = (message: string, data: Record<string, unknown>): Outcome => ({
  exitCode: EXIT.done,
  code: "planned",
  message: `dry run: ${message}`,
  data,
});
