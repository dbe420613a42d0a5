import { Argument, Command } from "commander";
import { DEFAULT_ALIAS } from "../lib/contract/names.ts";
import { GoaroundError } from "../lib/core/errors.ts";
import { policyHistory, rollbackPolicy, showPolicy } from "./cli/actions/policy.ts";
import { type FunctionReference, ownFunction, parseFunctionName } from "./cli/function-name.ts";
import { type CliIo, processIo } from "./cli/io.ts";
import { addCommonOptions, aliasOption, type CommonOptions, parseInteger } from "./cli/options.ts";
import { commandLine, isProgram, main, perform, type Result } from "./cli/run.ts";

interface Options extends CommonOptions {
  alias?: string;
  at?: number;
  to?: number;
  force?: boolean;
}

/** Which of the options that not every action takes go with which. */
const TAKES = { history: [], show: ["at"], rollback: ["to", "force"] } as const;
type Action = keyof typeof TAKES;

const parseNumber = (text: string) => parseInteger(text, 1, 1_000_000_000);

export function command(io: CliIo = processIo, result: Result = { exitCode: 0 }): Command {
  const policy = new Command("policy")
    .description("Show a function's policy and its earlier versions; put an earlier one back.")
    .addArgument(new Argument("<action>", "what to do").choices(Object.keys(TAKES)))
    .argument("<function>", "the guarded function", parseFunctionName)
    .addOption(aliasOption())
    .option("--at <version>", "show: this version (default: the one in force)", parseNumber)
    .option("--to <version>", "rollback: to this version (default: the newest one that differs)", parseNumber)
    .option("--force", "rollback: although the policy does not fit the deployment group");
  addCommonOptions(policy);
  policy.addHelpText("after", HELP);
  policy.action(async (action: Action, guarded: FunctionReference, options: Options) => {
    const run = { verb: "policy", action, options, commandLine: commandLine(policy) };
    await perform(io, result, run, async (session) => {
      const foreign = (["at", "to", "force"] as const).filter(
        (name) => options[name] !== undefined && !TAKES[action].some((own) => own === name),
      );
      if (foreign.length > 0) {
        throw new GoaroundError("usage", "operator", `${action} does not take --${foreign.join(", --")}`);
      }
      const place = { functionName: await ownFunction(session, guarded), alias: options.alias ?? DEFAULT_ALIAS };
      if (action === "history") return policyHistory(session, place);
      if (action === "show") return showPolicy(session, { ...options, ...place });
      return rollbackPolicy(session, { ...options, ...place, force: options.force ?? false });
    });
  });
  return policy;
}

const HELP = `
  goaround policy history platform-prod-lambda_router
  goaround policy show platform-prod-lambda_router [--at 7]
  goaround policy rollback platform-prod-lambda_router [--to 7] [--reason TEXT] [--dry-run]

Parameter Store keeps the newest 100 versions of a policy. A rollback writes an earlier one again, as a new version, when
it still is a policy: the next release begins with it, without a deployment of the stack. A release that runs keeps the
policy it began with.

Exit codes: 0 done, or nothing to do; 1 the policy shown is none any more; 2 usage; 3 refused, or not confirmed; 4 no such
function or version; 6 somebody else writes it; 7 wrong identity; 8 AWS fault or throttling; 130 interrupted.`;

if (isProgram(import.meta.url)) process.exitCode = await main(command, process.argv.slice(2));
