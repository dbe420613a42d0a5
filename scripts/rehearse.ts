import { closeSync, openSync, writeFileSync } from "node:fs";
import { Command, Option } from "commander";
import { GoaroundError } from "../lib/core/errors.ts";
import { EXIT, exitCodeOf } from "./cli/exit-codes.ts";
import { type CliIo, processIo } from "./cli/io.ts";
import { parseInteger, parseNumber } from "./cli/options.ts";
import { isProgram, main, type Result } from "./cli/run.ts";
import { compare, comparisonTable } from "./rehearse/compare.ts";
import { loadScenario, ownApp, scenarioNames } from "./rehearse/library.ts";
import { runMainRehearsal } from "./rehearse/main-rehearsal.ts";
import { linePrinter, summaryTable } from "./rehearse/print.ts";
import { reportPage } from "./rehearse/report.ts";
import { type RunOptions, runScenario } from "./rehearse/run-scenario.ts";

interface RehearseOptions {
  list: boolean;
  scenario?: string;
  seed: number;
  speed?: number;
  report?: string;
  app?: string;
  environment: string;
  deployWith: "cdk" | "api";
  json: boolean;
  compare: boolean;
  seeds: number;
}

const HELP = `
Without --scenario the main rehearsal runs: the app is deployed with the CDK CLI to a local AWS of its own, a good
version is promoted, a bad one is rolled back with its flag switched off, and an operator rolls back by hand.

Nothing leaves this machine and no AWS account is needed. Times are virtual: waiting costs nothing.

Exit codes: 0 as the scenario expects, 1 not, 2 usage, 130 interrupted.`;

export function command(io: CliIo = processIo, result: Result = { exitCode: EXIT.done }): Command {
  return new Command("rehearse")
    .description("run a release on a local AWS and see what the guard does")
    .option("--list", "list the scenarios that ship", false)
    .option("--scenario <name|file>", "one scenario, by name or from a JSON file")
    .option("--seed <number>", "same seed, same world", (text) => parseInteger(text, 0, 2 ** 31), 1)
    .option("--speed <number>", "virtual seconds a real one, at most (default: as fast as it goes)", (text) =>
      parseNumber(text, 0.1, 1e6),
    )
    .option("--report <file.html>", "write a page with timeline and plots")
    .option("--app <command>", "command that synthesizes the app to rehearse (default: the sample platform)")
    .option("--environment <name>", "environment of the app", "dev")
    .addOption(
      new Option("--deploy-with <how>", "the CDK CLI, or CloudFormation's API itself (faster)")
        .choices(["cdk", "api"])
        .default("cdk"),
    )
    .option("--compare", "the scenario, or all, also as CodeDeploy with a plain alarm would end it", false)
    .option(
      "--seeds <number>",
      "with --compare: so many runs each, from --seed on",
      (text) => parseInteger(text, 1, 1000),
      1,
    )
    .option("--json", "print one JSON document on stdout; the timeline goes to stderr", false)
    .addHelpText("after", HELP)
    .action(async (options: RehearseOptions) => {
      result.exitCode = await rehearse(options, io);
    });
}

async function rehearse(options: RehearseOptions, io: CliIo): Promise<number> {
  const assemblies: NonNullable<RunOptions["assemblies"]> = new Map();
  // Leaving ends what was started and removes what was synthesized.
  const stopListening = io.onInterrupt(() => {
    io.stderr("interrupted: the local AWS and all that ran on it are gone\n");
    io.abandon(EXIT.interrupted);
  });
  try {
    if (options.list) return list(options, io);
    if (options.report) checkWritable(options.report);
    const write = options.json ? io.stderr : io.stdout;
    const run: RunOptions = {
      seed: options.seed,
      speed: options.speed,
      app: options.app ?? ownApp("bin/app"),
      environment: options.environment,
      deployWith: options.deployWith,
      assemblies,
      onEvent: linePrinter(write),
      onProgress: (text) => io.stderr(`… ${text}\n`),
    };
    if (options.compare) return await compareAll(options, run, io);
    const result = options.scenario
      ? await runScenario(loadScenario(options.scenario), run)
      : await runMainRehearsal(run);
    if (options.report) writeFileSync(options.report, reportPage(result));
    io.stdout(options.json ? `${JSON.stringify(result, null, 2)}\n` : summaryTable(result));
    if (options.report) io.stderr(`report: ${options.report}\n`);
    return result.asExpected ? EXIT.done : EXIT.notAsExpected;
  } catch (error) {
    if (!(error instanceof GoaroundError)) throw error;
    const { code, message, advice } = error;
    const exitCode = exitCodeOf(code);
    if (options.json) io.stdout(`${JSON.stringify({ ok: false, code, exitCode, message, advice }, null, 2)}\n`);
    else io.stderr(`error: ${message}\n${advice ? `what to do: ${advice}\n` : ""}`);
    return exitCode;
  } finally {
    stopListening();
    for (const assembly of assemblies.values()) assembly.dispose();
  }
}

async function compareAll(options: RehearseOptions, run: RunOptions, io: CliIo): Promise<number> {
  if (options.report) {
    throw new GoaroundError("usage", "operator", "--compare makes no report page", {
      advice: "Leave --report out, or take --json.",
    });
  }
  const seeds = Array.from({ length: options.seeds }, (_, i) => options.seed + i);
  const comparisons = [];
  for (const name of options.scenario ? [options.scenario] : scenarioNames()) {
    comparisons.push(await compare(loadScenario(name), run, seeds));
  }
  io.stdout(options.json ? `${JSON.stringify(comparisons, null, 2)}\n` : comparisonTable(comparisons));
  return comparisons.every(({ asExpected }) => asExpected) ? EXIT.done : EXIT.notAsExpected;
}

/** A rehearsal takes a while: that its page cannot be written is said before. */
function checkWritable(file: string): void {
  try {
    closeSync(openSync(file, "a"));
  } catch (error) {
    throw new GoaroundError("usage", "operator", `the report cannot be written: ${(error as Error).message}`, {
      advice: "Give --report a file in a folder that exists.",
    });
  }
}

function list(options: RehearseOptions, io: CliIo): number {
  const scenarios = scenarioNames().map((name) => loadScenario(name));
  if (options.json) {
    const rows = scenarios.map(({ name, description, expected }) => ({
      name,
      description,
      expected: expected.outcome,
    }));
    io.stdout(`${JSON.stringify(rows, null, 2)}\n`);
  } else {
    const width = Math.max(...scenarios.map(({ name }) => name.length));
    for (const { name, expected, description } of scenarios) {
      io.stdout(`${name.padEnd(width)}  ${expected.outcome.padEnd(11)}  ${description}\n`);
    }
  }
  return EXIT.done;
}

if (isProgram(import.meta.url)) process.exitCode = await main(command, process.argv.slice(2));
