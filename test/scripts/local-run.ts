import type { Command } from "commander";
import type { LocalAws } from "../../lib/local/index.ts";
import { type CliIo, connectAws } from "../../scripts/cli/io.ts";
import { main, type Result } from "../../scripts/cli/run.ts";
import { adapterOptions, drive } from "../adapters/local-scene.ts";

type MakeCommand = (io: CliIo, result: Result) => Command;

export interface LocalRun {
  exitCode: number;
  stdout: string;
  stderr: string;
  /** The document that --json printed. */
  json(): Record<string, unknown>;
}

/** A command against the local AWS, through the real adapters; its clock is the local one. */
export class LocalCommand {
  stdout = "";
  stderr = "";
  /** How many of its waits are under way: time may pass while there is one. */
  private sleeping = 0;
  private readonly interrupts = new Set<() => void>();
  readonly io: CliIo;

  constructor(aws: LocalAws, changes: Partial<Pick<CliIo, "isTerminal" | "ask" | "connect">> = {}) {
    this.io = {
      stdout: (text) => {
        this.stdout += text;
      },
      stderr: (text) => {
        this.stderr += text;
      },
      isTerminal: false,
      ask: async () => "",
      env: {},
      clock: {
        now: () => new Date(aws.clock.now()),
        sleep: (ms, signal) => {
          this.sleeping += 1;
          return aws.clock.sleep(ms, signal).finally(() => {
            this.sleeping -= 1;
          });
        },
      },
      stopwatch: () => aws.clock.now(),
      onInterrupt: (handler) => {
        this.interrupts.add(handler);
        return () => void this.interrupts.delete(handler);
      },
      abandon: () => undefined,
      connect: (options) => connectAws({ ...options, ...adapterOptions(aws), maxAttempts: 2 }),
      ...changes,
    };
  }

  isSleeping = (): boolean => this.sleeping > 0;

  /** Presses Ctrl-C. */
  interrupt(): void {
    for (const handler of this.interrupts) handler();
  }

  run(make: MakeCommand, argv: readonly string[]): Promise<number> {
    return main(make, argv, this.io);
  }

  ended(exitCode: number): LocalRun {
    const { stdout, stderr } = this;
    return { exitCode, stdout, stderr, json: () => JSON.parse(stdout) as Record<string, unknown> };
  }
}

/** Runs a command to its end, virtual time passing in such steps whenever it waits. */
export async function runLocal(
  aws: LocalAws,
  make: MakeCommand,
  argv: readonly string[],
  stepMs: number,
): Promise<LocalRun> {
  const command = new LocalCommand(aws);
  return command.ended(await drive(aws, command.run(make, argv), stepMs, command.isSleeping));
}
