#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { EXIT } from "./cli/exit-codes.ts";
import { type CliIo, processIo } from "./cli/io.ts";
import { isProgram, main, type Result } from "./cli/run.ts";

interface Verb {
  summary: string;
  /** Loaded only when it is called: an operator's rollback does not wait for the local AWS to load. */
  run(argv: readonly string[], io: CliIo): Promise<number>;
}

export const VERBS: Readonly<Record<string, Verb>> = {
  deploy: {
    summary: "release a published version and follow it, or set a feature flag",
    run: async (argv, io) => main((await import("./deploy.ts")).command, argv, io),
  },
  rollback: {
    summary: "put an alias back, stop a deployment, switch flags off, check health",
    run: async (argv, io) => main((await import("./rollback.ts")).command, argv, io),
  },
  doctor: {
    summary: "find and repair what would make the next release fail: split aliases, stacks that differ, flags, alarms",
    run: async (argv, io) => main((await import("./doctor.ts")).command, argv, io),
  },
  ready: {
    summary: "whether a release would be admitted now, how it would be taken back, and what is missing",
    run: async (argv, io) => main((await import("./ready.ts")).command, argv, io),
  },
  guard: {
    summary: "freeze releases, let one through, arm and disarm the guard, latch and release an alias",
    run: async (argv, io) => main((await import("./guard.ts")).command, argv, io),
  },
  flags: {
    summary: "show flags and which are killed, release killed flags",
    run: async (argv, io) => main((await import("./flags.ts")).command, argv, io),
  },
  policy: {
    summary: "show a function's policy and its earlier versions, put an earlier one back",
    run: async (argv, io) => main((await import("./policy.ts")).command, argv, io),
  },
  config: {
    summary: "back up the policies and flags of an environment, restore them",
    run: async (argv, io) => main((await import("./config.ts")).command, argv, io),
  },
  rehearse: {
    summary: "run a release and its rollback on the local AWS and show what happened",
    run: async (argv, io) => main((await import("./rehearse.ts")).command, argv, io),
  },
  judge: {
    summary: "judge recorded counts of a release, without AWS",
    run: async (argv, io) => main((await import("./judge.ts")).command, argv, io),
  },
  local: {
    summary: "run the local AWS until it is stopped",
    run: async (argv) => (await import("./local.ts")).main(argv),
  },
};

export function command(io: CliIo = processIo, result: Result = { exitCode: EXIT.done }): Command {
  const goaround = new Command("goaround")
    .description("Release safety for AWS Lambda.")
    .version(packageVersion())
    .enablePositionalOptions()
    .addHelpText("after", "\n`goaround <verb> --help` tells the options and exit codes of a verb.");
  for (const [name, verb] of Object.entries(VERBS)) {
    goaround
      .command(name)
      .description(verb.summary)
      .helpOption(false)
      .allowUnknownOption()
      .passThroughOptions()
      .argument("[words...]", "options of the verb")
      .action(async (words: string[]) => {
        result.exitCode = await verb.run(words, io);
      });
  }
  return goaround;
}

/** The package's own version: its package.json is one folder up from the sources, two from what is built. */
function packageVersion(): string {
  for (const place of ["../package.json", "../../package.json"]) {
    try {
      return (JSON.parse(readFileSync(new URL(place, import.meta.url), "utf8")) as { version: string }).version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return "unknown";
}

if (isProgram(import.meta.url)) process.exitCode = await main(command, process.argv.slice(2));
