import { Command, InvalidArgumentError } from "commander";
import { DEFAULT_ALIAS } from "../lib/contract/names.ts";
import { GoaroundError } from "../lib/core/errors.ts";
import { FINDING_CODES, type FindingCode } from "../lib/core/release/findings.ts";
import { doctor } from "./cli/actions/doctor.ts";
import { collectFunctions, type FunctionReference, ownFunctions } from "./cli/function-name.ts";
import { type CliIo, processIo } from "./cli/io.ts";
import { addCommonOptions, aliasOption, type CommonOptions, collectNames } from "./cli/options.ts";
import { commandLine, isProgram, main, perform, type Result } from "./cli/run.ts";

interface Options extends CommonOptions {
  functions?: FunctionReference[];
  all?: boolean;
  alias?: string;
  only?: FindingCode[];
  repair?: boolean;
}

export function command(io: CliIo = processIo, result: Result = { exitCode: 0 }): Command {
  const command = new Command("doctor")
    .description("Find what would make the next release fail or go wrong, and repair it without moving traffic.")
    .option("--functions <names...>", "functions to examine", collectFunctions)
    .option("--all", "examine every guarded function of the environment")
    .addOption(aliasOption())
    .option("--only <codes...>", "these findings only", collectCodes)
    .option("--repair", "do the repairs, after asking");
  addCommonOptions(command);
  command.addHelpText("after", HELP);
  command.action(async (options: Options) => {
    const run = { verb: "doctor", action: "doctor", options, commandLine: commandLine(command) };
    await perform(io, result, run, async (session) => {
      if ((options.functions === undefined) === (options.all !== true)) {
        throw new GoaroundError("usage", "operator", "name functions with --functions, or take --all");
      }
      if (options.all && options.alias !== undefined) {
        throw new GoaroundError("usage", "operator", "--all takes every alias that has a policy; leave --alias out");
      }
      return doctor(session, {
        functions: options.functions && (await ownFunctions(session, options.functions)),
        alias: options.alias ?? DEFAULT_ALIAS,
        only: options.only ?? [],
        repair: options.repair ?? false,
      });
    });
  });
  return command;
}

function collectCodes(text: string, before: FindingCode[] | undefined): FindingCode[] {
  const codes = collectNames(text, undefined);
  const unknown = codes.filter((code) => !(FINDING_CODES as readonly string[]).includes(code));
  if (unknown.length > 0) throw new InvalidArgumentError(`is none of ${FINDING_CODES.join(", ")}.`);
  return [...(before ?? []), ...(codes as FindingCode[])];
}

const HELP = `
Examples:
  goaround doctor --all                              look at everything, change nothing
  goaround doctor --functions NAME --repair          repair what can be repaired, after asking
  goaround doctor --functions NAME --only alias-not-template --repair --yes

Findings: ${FINDING_CODES.join(", ")}.
No repair gives traffic to a version that does not serve already.

Exit codes: 0 nothing to repair, or all repaired; 1 findings; 2 usage; 3 refused by a safety rule or not confirmed;
4 function or alias missing; 5 partly repaired (run it again); 6 conflict or in progress; 7 wrong identity; 8 AWS fault
or throttling; 130 interrupted.`;

if (isProgram(import.meta.url)) process.exitCode = await main(command, process.argv.slice(2));
