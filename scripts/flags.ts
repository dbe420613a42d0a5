import { Argument, Command } from "commander";
import { GoaroundError } from "../lib/core/errors.ts";
import { listFlags, releaseFlags } from "./cli/actions/killed-flags.ts";
import { type CliIo, processIo } from "./cli/io.ts";
import { addCommonOptions, addFlagPlaceOptions, type CommonOptions, fillFlagPlace } from "./cli/options.ts";
import { commandLine, isProgram, main, perform, type Result } from "./cli/run.ts";

interface Options extends CommonOptions {
  applicationId?: string;
  environmentId?: string;
  profileId?: string;
}

export function command(io: CliIo = processIo, result: Result = { exitCode: 0 }): Command {
  const flags = new Command("flags")
    .description("Show the flags of a profile and which of them are killed; release killed flags.")
    .addArgument(new Argument("<action>", "what to do").choices(["list", "release"]))
    .argument("[flags...]", "killed flags to release");
  addFlagPlaceOptions(flags);
  addCommonOptions(flags);
  flags.addHelpText("after", HELP);
  flags.action(async (action: "list" | "release", names: string[], options: Options) => {
    const run = { verb: "flags", action, options, commandLine: commandLine(flags) };
    await perform(io, result, run, (session) => {
      fillFlagPlace(flags, io.env);
      const place = flags.opts<Options>();
      if (action === "list") {
        if (names.length > 0) throw new GoaroundError("usage", "operator", "list takes no flags");
        return listFlags(session, place);
      }
      if (names.length === 0 || options.reason === undefined) {
        throw new GoaroundError("usage", "operator", "release needs the names of flags and --reason");
      }
      return releaseFlags(session, [...new Set(names)], place);
    });
  });
  return flags;
}

const HELP = `
A flag that a kill has switched off stays off: a deploy does not switch it on, and AppConfig refuses a version in which it
is on. \`release\` ends that and leaves the flag off; \`deploy --action update-flag\` then switches it on.

  goaround flags list
  goaround flags release enable_new_api_endpoint --reason "fixed in 1.4.2"

Without ids the profile of the environment's own flags is taken (goaround-<environment>).

Exit codes: 0 done, or nothing to do; 2 usage; 3 not confirmed; 4 no such profile, or no such killed flag; 7 wrong
identity; 8 AWS fault or throttling.`;

if (isProgram(import.meta.url)) process.exitCode = await main(command, process.argv.slice(2));
