import type { Command } from "commander";
import type { LocalAws } from "../../lib/local/index.ts";
import { type CliIo, connectAws } from "../../scripts/cli/io.ts";
import { main, type Result } from "../../scripts/cli/run.ts";
import { adapterOptions } from "../adapters/local-scene.ts";

export interface TimedCall {
  atMs: number;
  service: string;
  operation: string;
}

export interface TimedRun {
  exitCode: number;
  stderr: string;
  json: Record<string, unknown>;
  /** Virtual. */
  seconds: number;
  calls: TimedCall[];
}

/**
 * Runs a command against the local AWS with every API call taking `latencyMs` of virtual time. The clock stands still
 * while a request is really under way and moves to the next timer otherwise: what is measured is latency and waiting,
 * and nothing of the machine that runs the test.
 */
export async function timedRun(
  aws: LocalAws,
  make: (io: CliIo, result: Result) => Command,
  argv: readonly string[],
  latencyMs = 100,
): Promise<TimedRun> {
  let stdout = "";
  let stderr = "";
  const calls: TimedCall[] = [];
  const startedAt = aws.clock.now();
  const io: CliIo = {
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
    isTerminal: false,
    ask: async () => "",
    env: {},
    clock: { now: () => new Date(aws.clock.now()), sleep: (ms, signal) => aws.clock.sleep(ms, signal) },
    stopwatch: () => aws.clock.now(),
    onInterrupt: () => () => undefined,
    abandon: () => undefined,
    connect: ({ calls: meter, ...options }) =>
      connectAws({
        ...options,
        ...adapterOptions(aws),
        calls: {
          around: (service, operation, send) =>
            meter!.around(service, operation, async () => {
              calls.push({ atMs: aws.clock.now(), service, operation });
              await aws.clock.sleep(latencyMs);
              return aws.clock.whileBusy(send);
            }),
        },
      }),
  };
  let isDone = false;
  const finished = main(make, [...argv, "--json"], io).finally(() => {
    isDone = true;
  });
  while (!isDone) {
    await aws.clock.settle();
    const next = aws.clock.nextTimerAt();
    if (!isDone && next !== undefined) await aws.clock.advanceTo(next);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  const exitCode = await finished;
  const seconds = (aws.clock.now() - startedAt) / 1000;
  return { exitCode, stderr, json: JSON.parse(stdout) as Record<string, unknown>, seconds, calls };
}
