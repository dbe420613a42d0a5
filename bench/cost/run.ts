import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Benchmark } from "../run.ts";
import { measureLoad } from "./load.ts";
import { measureMoney } from "./money.ts";
import { page } from "./page.ts";
import { findReference } from "./reference.ts";
import { measureSynth } from "./synth.ts";

const HELP = `npm run bench -- cost [--reference PATH] [--rounds N] [--output FILE]

Measures bundles and their load, resources and synthesis, and what AWS would bill, and writes the page.
  --reference PATH  the unpacked package with the hook to compare with, or its index.js (default: fetched with npm pack)
  --rounds N        rounds of each measurement in turns (default 11)
  --output FILE     default docs/benchmarks/cost.md
Exit code 1 when a limit is missed or load times could not be compared.
`;

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");

export const run: Benchmark = async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      reference: { type: "string" },
      rounds: { type: "string", default: "11" },
      output: { type: "string", default: join(root, "docs/benchmarks/cost.md") },
      help: { type: "boolean", default: false },
    },
  });
  const rounds = Number(values.rounds);
  if (values.help || !Number.isInteger(rounds) || rounds < 1) {
    process.stdout.write(HELP);
    return values.help ? 0 : 2;
  }
  const scratch = mkdtempSync(join(tmpdir(), "goaround-bench-"));
  try {
    say("bundles and their load");
    const reference = findReference(values.reference, scratch);
    if ("missing" in reference) say(`load times are skipped: ${reference.missing}`);
    const load = measureLoad(reference, rounds, root, scratch);
    say("synthesis");
    const synth = measureSynth(rounds, root);
    say("releases on the local AWS");
    const money = await measureMoney();
    mkdirSync(dirname(values.output), { recursive: true });
    writeFileSync(values.output, page({ load, synth, money }));
    const missed = [
      ...load.handlers.filter(({ ok }) => !ok).map(({ name }) => `${name} is over its size or load`),
      ...(synth.ok ? [] : ["synthesis is over its ratio"]),
      ...("missing" in reference ? ["load times were not compared"] : []),
    ];
    for (const line of missed) say(line);
    say(`written to ${values.output}`);
    return missed.length === 0 ? 0 : 1;
  } finally {
    rmSync(scratch, { recursive: true });
  }
};

const say = (text: string) => process.stderr.write(`… ${text}\n`);
