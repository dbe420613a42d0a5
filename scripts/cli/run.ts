import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Command, CommanderError } from "commander";
import { GoaroundError } from "../../lib/core/errors.ts";
import { EXIT, exitCodeOf } from "./exit-codes.ts";
import { type CliIo, processIo } from "./io.ts";
import type { CommonOptions } from "./options.ts";
import { type Outcome, Session } from "./session.ts";

/** Where a command leaves its exit code; the process (or a test) picks it up. */
export interface Result {
  exitCode: number;
}

/** Runs one action and reports how it ended: a sentence on stderr, or the one JSON document on stdout. */
export async function perform(
  io: CliIo,
  result: Result,
  run: { verb: string; action: string; options: CommonOptions; commandLine: string },
  work: (session: Session) => Promise<Outcome>,
): Promise<void> {
  const controller = new AbortController();
  let session: Session | undefined;
  const stopListening = io.onInterrupt(() => {
    if (controller.signal.aborted) return io.abandon(EXIT.interrupted);
    io.stderr("interrupted: finishing the current step; press Ctrl-C again to leave at once\n");
    controller.abort(new GoaroundError("interrupted", "operator", "interrupted"));
  });
  try {
    session = new Session(io, run.options, controller.signal, run.verb);
    const outcome = await work(session);
    report(io, run, session, { ok: outcome.exitCode === EXIT.done, ...outcome });
    result.exitCode = outcome.exitCode;
  } catch (error) {
    const failure = describeFailure(error, controller.signal.aborted, session, run);
    report(io, run, session, { ok: false, ...failure });
    if (run.options.verbose && error instanceof Error) io.stderr(`${error.stack}\n`);
    result.exitCode = failure.exitCode;
  } finally {
    stopListening();
  }
}

function describeFailure(
  error: unknown,
  interrupted: boolean,
  session: Session | undefined,
  run: { commandLine: string },
): Outcome {
  if (interrupted) {
    return {
      exitCode: EXIT.interrupted,
      code: "interrupted",
      message: `interrupted; ${session?.state ?? "nothing was changed"}`,
      advice: `To go on: ${session?.resumeCommand ?? run.commandLine}`,
      data: {},
    };
  }
  if (error instanceof GoaroundError) {
    return {
      exitCode: exitCodeOf(error.code),
      code: error.code,
      message: error.message,
      ...(error.advice === undefined ? {} : { advice: error.advice }),
      data: { state: session?.state },
    };
  }
  if (error instanceof Error && /region is missing/i.test(error.message)) {
    return {
      exitCode: EXIT.usage,
      code: "usage",
      message: "no AWS region is known",
      advice: "Give --region, or set AWS_REGION.",
      data: {},
    };
  }
  return {
    exitCode: exitCodeOf("defect"),
    code: "defect",
    message: `this is a defect of goaround: ${error instanceof Error ? error.message : String(error)}`,
    advice: "Run again with --verbose and report the stack trace.",
    data: { state: session?.state },
  };
}

function report(
  io: CliIo,
  run: { verb: string; action: string; options: CommonOptions },
  session: Session | undefined,
  outcome: Outcome & { ok: boolean },
): void {
  const { ok, exitCode, code, message, advice, data } = outcome;
  if (run.options.json) {
    const document = {
      ok,
      verb: run.verb,
      action: run.action,
      code,
      exitCode,
      message,
      advice,
      seconds: session?.elapsedSeconds(),
      cost: session?.cost(),
      warnings: session?.warnings ?? [],
      ...data,
    };
    io.stdout(`${JSON.stringify(document, rounded, 2)}\n`);
    return;
  }
  const duration = session && exitCode !== EXIT.usage ? ` (${round(session.elapsedSeconds())} s)` : "";
  io.stderr(`${ok ? "" : "error: "}${message}${duration}\n`);
  const cost = session?.cost();
  if (cost?.untilTrafficWasBack) {
    const { apiCalls, seconds } = cost.untilTrafficWasBack;
    io.stderr(`AWS API calls: ${cost.apiCalls}, ${apiCalls} of them until traffic was back (${round(seconds)} s)\n`);
  }
  // What is half done must not be left unsaid; after an interruption the message says it already.
  const { state } = data;
  if (!ok && typeof state === "string" && exitCode !== EXIT.usage) io.stderr(`state: ${state}\n`);
  if (advice !== undefined) io.stderr(`${ok ? "next" : "what to do"}: ${advice}\n`);
}

const round = (seconds: number) => Math.round(seconds * 10) / 10;

/** No figure of a document means anything beyond a thousandth: seconds, milliseconds, percent, shares of traffic. */
const rounded = (_key: string, value: unknown) => (typeof value === "number" ? Math.round(value * 1000) / 1000 : value);

/**
 * Parses and runs a command as a program: never throws, answers the exit code. Usage errors exit 2, and with --json
 * they are a JSON document too.
 */
export async function main(
  makeCommand: (io: CliIo, result: Result) => Command,
  argv: readonly string[],
  io: CliIo = processIo,
): Promise<number> {
  if (io === processIo) process.stdout.on("error", ignoreClosedPipe);
  const result: Result = { exitCode: EXIT.done };
  const json = argv.includes("--json");
  const command = makeCommand(io, result);
  const messages: string[] = [];
  eachCommand(command, (each) =>
    each
      .configureHelp({ commandUsage: (shown) => `${usageName(shown)} ${shown.usage()}` })
      .exitOverride()
      .configureOutput({
        writeOut: (text) => io.stdout(text),
        writeErr: (text) => void messages.push(text),
      }),
  );
  try {
    await command.parseAsync([...argv], { from: "user" });
    return result.exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return EXIT.done;
    const surplus = error.code === "commander.excessArguments" ? ` Not understood: ${command.args.join(" ")}.` : "";
    const message = `${error.message.replace(/^error: /, "")}${surplus}`;
    if (json) {
      const advice = "See --help.";
      io.stdout(
        `${JSON.stringify({ ok: false, code: "usage", exitCode: EXIT.usage, message, advice, warnings: [] }, null, 2)}\n`,
      );
    } else {
      io.stderr(messages.length > 0 && !surplus ? messages.join("") : `error: ${message}\n`);
      io.stderr("what to do: see --help\n");
    }
    return EXIT.usage;
  }
}

/** Whoever read the output has gone (`… | head`): what is under way goes on. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

function eachCommand(command: Command, visit: (command: Command) => void): void {
  visit(command);
  for (const child of command.commands) eachCommand(child, visit);
}

/** `goaround`, or `goaround rollback`: how a command is called where the package is installed. */
const usageName = (command: Command) => (command.name() === "goaround" ? "goaround" : `goaround ${command.name()}`);

/** The command as a person would type it again. */
export function commandLine(command: Command): string {
  let top = command;
  while (top.parent) top = top.parent;
  const { rawArgs } = top as Command & { rawArgs: string[] };
  const words = top === command ? rawArgs : rawArgs.slice(rawArgs.indexOf(command.name()) + 1);
  return ["goaround", command.name(), ...words.map(quote)].join(" ");
}

const quote = (word: string) => (/^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replace(/'/g, "'\\''")}'`);

/** Whether a module is what Node was asked to run; a package manager's link to it counts. */
export function isProgram(moduleUrl: string): boolean {
  const started = process.argv[1];
  return started !== undefined && realpathSync(started) === fileURLToPath(moduleUrl);
}
