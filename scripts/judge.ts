import { Command, Option } from "commander";
import { GoaroundError } from "../lib/core/errors.ts";
import { planRelease } from "../lib/core/judge/sequential/plan.ts";
import { type ErrorTestMethod, replayErrors } from "../lib/core/judge/sequential/replay.ts";
import { replayJudge } from "../lib/core/judge/sequential/replay-judge.ts";
import { EXIT, exitCodeOf } from "./cli/exit-codes.ts";
import { type CliIo, processIo } from "./cli/io.ts";
import { parseNumber } from "./cli/options.ts";
import { isProgram, main, type Result } from "./cli/run.ts";
import { loadPolicy, loadTrace } from "./judge/input.ts";
import { planDocument, planText } from "./judge/plan.ts";
import { errorTestDocument, errorTestText, judgeDocument, judgeText } from "./judge/print.ts";

interface JudgeOptions {
  trace?: string;
  plan: boolean;
  rps?: number;
  baselineError?: number;
  minutes?: number;
  lookSeconds?: number;
  share?: number;
  alpha?: number;
  method?: ErrorTestMethod;
  policy?: string;
  errorsOnly: boolean;
  json: boolean;
}

/** How long the watch waits for a look at most while nothing fails. */
const LOOK_SECONDS = { logs: 10, metrics: 60 };

const HELP = `
A trace is JSON: {"share": 0.1, "blocks": [{"seconds": 10, "canary": {"requests": 60, "errors": 2}, "baseline":
{"requests": 540, "errors": 4}}, …]}, each block holding what is new since the block before it; or CSV from a spreadsheet
or the CloudWatch console, with columns such as "canary requests" and "baseline errors" (and --share).

Exit codes: 0 judged, whatever the verdict; 2 usage, or a trace that is malformed or contradicts itself (nothing is
decided then).`;

export function command(io: CliIo = processIo, result: Result = { exitCode: EXIT.done }): Command {
  const probability = (text: string) => parseNumber(text, 1e-9, 0.5);
  return new Command("judge")
    .description("Judge recorded counts of a release look by look, without AWS.")
    .option("--trace <file>", "recorded counts, .json or .csv")
    .option("--plan", "before a release: what this policy would find", false)
    .option("--rps <number>", "with --plan: requests a second to both versions", (text) =>
      parseNumber(text, 0.0001, 100_000),
    )
    .option("--baseline-error <number>", "with --plan: error rate of today, 0 to 1", (text) =>
      parseNumber(text, 0, 0.99),
    )
    .option("--minutes <number>", "with --plan: how long traffic is split", (text) => parseNumber(text, 1, 2880))
    .option(
      "--look-seconds <number>",
      "with --plan: seconds between looks (default: 10 by the log, 60 by metrics)",
      (text) => parseNumber(text, 10, 3600),
    )
    .option("--share <number>", "share of traffic the canary was meant to get; for --plan and CSV", (text) =>
      parseNumber(text, 0.0001, 0.9999),
    )
    .option("--policy <file>", "policy document (default: the policy that a function has when it says nothing)")
    .option("--errors-only", "run the error test alone", false)
    .option("--alpha <number>", "probability of rolling back a harmless version, ever (default: 0.01)", probability)
    .addOption(
      new Option("--method <name>", "ces, e-process, or auto: the one that suits the traffic (default)").choices([
        "ces",
        "e-process",
        "auto",
      ]),
    )
    .option("--json", "print one JSON document on stdout", false)
    .addHelpText("after", HELP)
    .action((options: JudgeOptions) => {
      result.exitCode = guarded(io, options.json, () => {
        io.stdout(options.plan ? plan(options) : options.errorsOnly ? errorsOnly(options) : wholeJudge(options));
      });
    });
}

function plan(options: JudgeOptions): string {
  const { rps, baselineError, share, minutes } = options;
  if (rps === undefined || baselineError === undefined || share === undefined || minutes === undefined) {
    throw new GoaroundError("usage", "operator", "--plan needs --rps, --baseline-error, --share and --minutes", {
      advice: "Such as: --plan --rps 10 --baseline-error 0.001 --share 0.1 --minutes 10",
    });
  }
  if (options.trace !== undefined || options.errorsOnly) {
    throw new GoaroundError("usage", "operator", "--plan goes without --trace and --errors-only");
  }
  const policy = loadPolicy(options.policy);
  const lookSeconds = options.lookSeconds ?? LOOK_SECONDS[policy.signals.source];
  const input = { requestsPerSecond: rps, baselineRate: baselineError, share, minutes, lookSeconds };
  const planned = planRelease(input, policy);
  return options.json ? planDocument(input, planned) : planText(input, planned);
}

function errorsOnly({ trace, share, alpha, method, json, policy }: JudgeOptions): string {
  if (policy !== undefined) throw new GoaroundError("usage", "operator", "--errors-only takes --alpha, not --policy");
  const replayed = replayErrors(traceOf(trace, share), { alpha: alpha ?? 0.01, method: method ?? "auto" });
  return json ? errorTestDocument(replayed) : errorTestText(replayed);
}

function wholeJudge({ trace, share, alpha, method, json, policy }: JudgeOptions): string {
  if (alpha !== undefined || method !== undefined) {
    throw new GoaroundError("usage", "operator", "--alpha and --method go with --errors-only", {
      advice: "The whole judge takes its budget from the policy: checks.falseRollbackPercent.",
    });
  }
  const replayed = replayJudge(traceOf(trace, share), loadPolicy(policy));
  return json ? judgeDocument(replayed) : judgeText(replayed);
}

function traceOf(file: string | undefined, share: number | undefined) {
  if (file !== undefined) return loadTrace(file, share);
  throw new GoaroundError("usage", "operator", "there is nothing to judge", {
    advice: "Give --trace FILE, or --plan.",
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
