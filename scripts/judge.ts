import { Command, Option } from "commander";
import { GoaroundError } from "../lib/core/errors.ts";
import { type ErrorTestMethod, replayErrors } from "../lib/core/judge/sequential/replay.ts";
import { EXIT, exitCodeOf } from "./cli/exit-codes.ts";
import { type CliIo, processIo } from "./cli/io.ts";
import { parseNumber } from "./cli/options.ts";
import { isProgram, main, type Result } from "./cli/run.ts";
import { loadTrace } from "./judge/input.ts";
import { errorTestDocument, errorTestText } from "./judge/print.ts";

interface JudgeOptions {
  trace: string;
  share?: number;
  alpha: number;
  method: ErrorTestMethod;
  json: boolean;
}

const HELP = `
A trace is JSON: {"share": 0.1, "blocks": [{"seconds": 10, "canary": {"requests": 60, "errors": 2}, "baseline":
{"requests": 540, "errors": 4}}, …]}, each block holding what is new since the block before it; or CSV from a spreadsheet
or the CloudWatch console, with columns such as "canary requests" and "baseline errors" (and --share).

Exit codes: 0 judged, whatever the verdict; 2 usage, or a trace that is malformed or contradicts itself (nothing is
decided then).`;

export function command(io: CliIo = processIo, result: Result = { exitCode: EXIT.done }): Command {
  const probability = (text: string) => {
    const value = parseNumber(text, 1e-9, 0.5);
    return value;
  };
  return new Command("judge")
    .description("Judge recorded counts of a release look by look, without AWS.")
    .requiredOption("--trace <file>", "recorded counts, .json or .csv")
    .option("--share <number>", "share of traffic the canary was meant to get; for CSV, which has none", (text) =>
      parseNumber(text, 0.0001, 0.9999),
    )
    .option("--errors-only", "run the error test alone", false)
    .option("--alpha <number>", "probability of rolling back a harmless version, ever", probability, 0.01)
    .addOption(
      new Option("--method <name>", "ces, e-process, or the one that suits the traffic")
        .choices(["ces", "e-process", "auto"])
        .default("auto"),
    )
    .option("--json", "print one JSON document on stdout", false)
    .addHelpText("after", HELP)
    .action((options: JudgeOptions) => {
      result.exitCode = guarded(io, options.json, () => {
        const trace = loadTrace(options.trace, options.share);
        const replayed = replayErrors(trace, options.alpha, options.method);
        io.stdout(options.json ? errorTestDocument(replayed) : errorTestText(replayed));
      });
    });
}

/** Runs the work; its failure is a sentence on stderr, or the JSON document. */
function guarded(io: CliIo, json: boolean, work: () => void): number {
  try {
    work();
    return EXIT.done;
  } catch (error) {
    if (!(error instanceof GoaroundError)) throw error;
    const { code, message, advice } = error;
    const exitCode = exitCodeOf(code);
    if (json) io.stdout(`${JSON.stringify({ ok: false, code, exitCode, message, advice, warnings: [] }, null, 2)}\n`);
    else io.stderr(`error: ${message}\n${advice ? `what to do: ${advice}\n` : ""}`);
    return exitCode;
  }
}

if (isProgram(import.meta.url)) process.exitCode = await main(command, process.argv.slice(2));
