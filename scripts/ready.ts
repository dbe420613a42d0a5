import { Command } from "commander";
import { DEFAULT_ALIAS } from "../lib/contract/names.ts";
import { GoaroundError } from "../lib/core/errors.ts";
import { ready } from "./cli/actions/ready.ts";
import { type FunctionReference, ownFunction, parseFunctionName } from "./cli/function-name.ts";
import { type CliIo, processIo } from "./cli/io.ts";
import { addCommonOptions, aliasOption, type CommonOptions } from "./cli/options.ts";
import { commandLine, isProgram, main, perform, type Result } from "./cli/run.ts";

interface Options extends CommonOptions {
  functionName?: FunctionReference;
  alias?: string;
}

export function command(io: CliIo = processIo, result: Result = { exitCode: 0 }): Command {
  const command = new Command("ready")
    .description("Whether a release would be admitted now, how it would be taken back, and what is missing.")
    .option("--function-name <name>", "only this function (default: every guarded function)", parseFunctionName)
    .addOption(aliasOption());
  addCommonOptions(command);
  command.addHelpText("after", HELP);
  command.action(async (options: Options) => {
    const run = { verb: "ready", action: "ready", options, commandLine: commandLine(command) };
    await perform(io, result, run, async (session) => {
      if (options.functionName === undefined && options.alias !== undefined) {
        throw new GoaroundError(
          "usage",
          "operator",
          "--alias goes with --function-name; without it every alias is taken",
        );
      }
      const functionName = options.functionName && (await ownFunction(session, options.functionName));
      return ready(session, { functionName, alias: options.alias ?? DEFAULT_ALIAS });
    });
  });
  return command;
}

const HELP = `
Examples:
  goaround ready --function-name NAME         before a release of it
  goaround ready --environment prod --json    every guarded function, for a pipeline

It reads and changes nothing: no smoke test is run. Points that are missing are told with the line that earns them.

Exit codes: 0 a release would be admitted and the doctor finds nothing broken; 1 not so; 2 usage; 4 function or alias missing; 7 wrong identity;
8 AWS fault or throttling; 130 interrupted.`;

if (isProgram(import.meta.url)) process.exitCode = await main(command, process.argv.slice(2));
