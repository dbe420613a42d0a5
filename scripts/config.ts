import { Argument, Command } from "commander";
import { backupConfiguration } from "./cli/actions/config-backup.ts";
import { restoreConfiguration } from "./cli/actions/config-restore.ts";
import { type CliIo, processIo } from "./cli/io.ts";
import { addCommonOptions, type CommonOptions } from "./cli/options.ts";
import { commandLine, isProgram, main, perform, type Result } from "./cli/run.ts";

export function command(io: CliIo = processIo, result: Result = { exitCode: 0 }): Command {
  const config = new Command("config")
    .description("Back up the policies and flags of an environment into a file, and restore them.")
    .addArgument(new Argument("<action>", "what to do").choices(["backup", "restore"]))
    .argument("<file>", "the backup")
    .option("--force", "backup: replace the file; restore: into another account or region, and what does not fit");
  addCommonOptions(config);
  config.addHelpText("after", HELP);
  config.action(async (action: "backup" | "restore", file: string, options: CommonOptions & { force?: boolean }) => {
    const run = { verb: "config", action, options, commandLine: commandLine(config) };
    const work = action === "backup" ? backupConfiguration : restoreConfiguration;
    await perform(io, result, run, (session) => work(session, { file, force: options.force ?? false }));
  });
  return config;
}

const HELP = `
  goaround config backup prod-2026-03-02.json --environment prod
  goaround config restore prod-2026-03-02.json --environment prod --dry-run
  goaround config restore prod-2026-03-02.json --environment prod --yes

A backup holds the policy of every guarded alias of the environment and what its flags say now: those of its own profile and
of every profile that a policy names. A restore shows what differs and writes only that, after a yes on a terminal or with
--yes. Killed flags stay off. What cannot be restored is named and keeps nothing else from being restored.

Exit codes: 0 done, or nothing to do; 2 usage; 3 refused, or not confirmed; 4 nothing to back up; 5 partly done (run it
again); 7 wrong identity; 8 AWS fault or throttling; 130 interrupted.`;

if (isProgram(import.meta.url)) process.exitCode = await main(command, process.argv.slice(2));
