import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { medianOf, medianRatio, type Samples, takeTurns } from "./turns.ts";

/** 100 guarded functions may take this many times as long as 100 plain groups with one alarm each. */
export const MAX_SYNTH_RATIO = 1.5;
const FUNCTIONS = 100;

type Kind = "plain" | "guarded";

export interface SynthResult {
  functions: number;
  rounds: number;
  /** Medians, milliseconds: the whole process as `cdk` starts it, and constructs and synthesis alone. */
  whole: Record<Kind, number>;
  inside: Record<Kind, number>;
  wholeRatio: number;
  insideRatio: number;
  /** Resources for each function, by type. */
  resources: Record<Kind, Record<string, number>>;
  ok: boolean;
}

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
  const wholeRatio = medianRatio(guarded, plain, "processMs");
  return {
    functions: FUNCTIONS,
    rounds,
    whole: { plain: medianOf(plain, "processMs"), guarded: medianOf(guarded, "processMs") },
    inside: { plain: medianOf(plain, "wallMs"), guarded: medianOf(guarded, "wallMs") },
    wholeRatio,
    insideRatio: medianRatio(guarded, plain, "wallMs"),
    resources: { plain: perFunction(plain), guarded: perFunction(guarded) },
    ok: wholeRatio <= MAX_SYNTH_RATIO,
  };
}

const perFunction = (samples: Samples) =>
  Object.fromEntries(
    Object.entries(samples[0] as Record<string, number>)
      .filter(([key, count]) => key.startsWith("AWS::") && count >= FUNCTIONS)
      .map(([type, count]) => [type, count / FUNCTIONS]),
  );
