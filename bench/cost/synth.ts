import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { medianOf, medianRatio, type Samples, takeTurns } from "./turns.ts";

/** 100 guarded functions may take this many times as long as 100 plain groups with one alarm each. */
export const MAX_SYNTH_RATIO = 1.5;
const FUNCTIONS = 100;

type Kind = "plain" | "guarded";

export interface Comparison {
  what: string;
  plain: number;
  guarded: number;
  ratio: number;
  /** True of the readings that the limit is for: those by the processor's time, which hardly depends on other work. */
  limited: boolean;
}

export interface SynthResult {
  functions: number;
  rounds: number;
  /** Medians, milliseconds. */
  comparisons: Comparison[];
  /** Resources for each function, by type. */
  resources: Record<Kind, Record<string, number>>;
  ok: boolean;
}

const MEASURES = [
  { key: "wholeCpuMs", what: "run of the app, CPU", limited: true },
  { key: "processMs", what: "run of the app, by the clock", limited: false },
  { key: "cpuMs", what: "constructs and synthesis alone, cold, CPU", limited: true },
  { key: "wallMs", what: "constructs and synthesis alone, cold, by the clock", limited: false },
] as const;

export function measureSynth(rounds: number, root: string): SynthResult {
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  const contender = (kind: Kind) => ({
    name: kind,
    args: ["--import", tsx, join(root, "bench/cost/synth-app.ts"), kind, String(FUNCTIONS)],
    // The CDK's own template rules take seconds for both alike and would hide the difference.
    env: { CDK_VALIDATION: "false" },
  });
  const turns = takeTurns([contender("plain"), contender("guarded")], rounds, root);
  const [plain, guarded] = [turns.get("plain") as Samples, turns.get("guarded") as Samples];
  const comparisons = MEASURES.map(({ key, what, limited }) => ({
    what,
    limited,
    plain: medianOf(plain, key),
    guarded: medianOf(guarded, key),
    ratio: medianRatio(guarded, plain, key),
  }));
  return {
    functions: FUNCTIONS,
    rounds,
    comparisons,
    resources: { plain: perFunction(plain), guarded: perFunction(guarded) },
    ok: comparisons.every(({ ratio, limited }) => !limited || ratio <= MAX_SYNTH_RATIO),
  };
}

const perFunction = (samples: Samples) =>
  Object.fromEntries(
    Object.entries(samples[0] as Record<string, number>)
      .filter(([key, count]) => key.startsWith("AWS::") && count >= FUNCTIONS)
      .map(([type, count]) => [type, count / FUNCTIONS]),
  );
