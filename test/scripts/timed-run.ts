import type { Command } from "commander";
import type { LocalAws } from "../../lib/local/index.ts";
import { type CliIo, connectAws } from "../../scripts/cli/io.ts";
import type { Result } from "../../scripts/cli/run.ts";
import { adapterOptions } from "../adapters/local-scene.ts";
import { LocalCommand } from "./local-run.ts";

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
  const calls: TimedCall[] = [];
  const startedAt = aws.clock.now();
  const command = new LocalCommand(aws, {
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
  });
  let isDone = false;
  const finished = command.run(make, [...argv, "--json"]).finally(() => {
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
  const { stderr, json } = command.ended(exitCode);
  return { exitCode, stderr, json: json(), seconds, calls };
}
