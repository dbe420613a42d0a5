import { execFileSync } from "node:child_process";

export interface Contender {
  name: string;
  /** Arguments of a fresh Node process that prints its sample, a JSON object of numbers, as its last line. */
  args: string[];
  /** Nothing else of this process's environment is handed on but PATH, HOME and TMPDIR. */
  env?: Record<string, string>;
}

/** What a process printed, and as `processMs` how long it ran from start to end. */
export type Samples = Record<string, number>[];

/**
 * Measures contenders in turns, each in a fresh process: A B C, A B C … Whatever else the machine does then meets all of
 * them alike. One round before the first is thrown away, because it reads the files from the disk.
 */
export function takeTurns(contenders: readonly Contender[], rounds: number, cwd: string): Map<string, Samples> {
  const samples = new Map<string, Samples>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const { name, args, env } of contenders) {
      const startedAt = performance.now();
      const output = execFileSync(process.execPath, args, {
        cwd,
        encoding: "utf8",
        env: { ...inherited(), ...env },
        stdio: ["ignore", "pipe", "pipe"],
        maxBuffer: 2 ** 26,
      });
      const processMs = performance.now() - startedAt;
      if (round === 0) continue;
      const printed = JSON.parse(output.trim().split("\n").at(-1) ?? "") as Record<string, number>;
      samples.get(name)?.push({ processMs, ...printed });
    }
  }
  return samples;
}

const inherited = () =>
  Object.fromEntries(
    ["PATH", "HOME", "TMPDIR"].flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  ) as Record<string, string>;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) throw new Error("no samples");
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

export const medianOf = (samples: Samples, key: string) => median(samples.map((sample) => sample[key] as number));

/** The median of the ratios of the same rounds: a slow minute is in both halves of a ratio. */
export const medianRatio = (samples: Samples, of: Samples, key: string) =>
  median(samples.map((sample, i) => (sample[key] as number) / (of[i]?.[key] as number)));
