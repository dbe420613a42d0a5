#!/usr/bin/env node
import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { type LocalAws, startLocalAws } from "../lib/local/index.ts";
import type { Occurrence } from "../lib/local/kernel/service.ts";

const DEFAULT_PORT = 4599;
const EXIT_USAGE = 2;
const EXIT_INTERRUPTED = 130;

const CONTROL_HELP = `
Requests to the local AWS itself (curl, on the same port):
  GET    /_goaround/state     virtual time, seed, region, services, faults
  POST   /_goaround/reset     empties everything
  POST   /_goaround/clock     {"advanceSeconds": 60} moves the clock on
  POST   /_goaround/faults    {"service": "lambda", "operation": "UpdateAlias", "kind": "throttle", "times": 3}
                              kind: throttle, unavailable, denied, lost-reply, latency; service and operation may be "*"
  DELETE /_goaround/faults    removes all faults

AWS CLI 1.x ignores AWS_ENDPOINT_URL for SQS: give it --endpoint-url there.
It listens on 127.0.0.1 only and keeps everything in memory.`;

interface Flags {
  port: number;
  speed: number;
  seed: string;
  region: string;
}

function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65_535) {
    throw new InvalidArgumentError("Give a port from 1 to 65535, or 0 for any free one.");
  }
  return value;
}

function speed(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0) {
    throw new InvalidArgumentError("Give virtual seconds per real second: 1, 60, 0 to stand still.");
  }
  return value;
}

function region(text: string): string {
  if (!/^[a-z]{2}(-[a-z]+)+-\d$/.test(text)) throw new InvalidArgumentError("Give a region such as eu-central-1.");
  return text;
}

/** Shell lines that point AWS clients at the local AWS; what would outrank them is unset. */
export function shellLines(environment: Readonly<Record<string, string>>, current: NodeJS.ProcessEnv): string[] {
  const outranking = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN"].filter((name) => current[name]);
  return [
    ...outranking.map((name) => `unset ${name}`),
    ...Object.entries(environment).map(([name, value]) => `export ${name}=${value}`),
  ];
}

/** Identifiers that say nothing to people who watch. */
const UNTOLD = new Set(["requestId", "principal", "physicalId", "applicationId", "environmentId", "profileId", "type"]);
const MAX_VALUE = 120;

/** One line of what happened, in virtual time; resources of stacks are told only when they fail. */
export function occurrenceLine({ atMs, kind, detail }: Occurrence): string | undefined {
  if (kind === "stack-resource" && !String(detail.status).endsWith("_FAILED")) return undefined;
  const pairs = Object.entries(detail).flatMap(([name, value]) => {
    if (value === undefined || value === "" || UNTOLD.has(name)) return [];
    const text = (typeof value === "string" ? value : JSON.stringify(value)).replace(/\s+/g, " ");
    return text === "{}" ? [] : [`${name}=${text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}…` : text}`];
  });
  return `${new Date(atMs).toISOString().slice(0, 19)}Z  ${kind.padEnd(17)} ${pairs.join("  ")}`;
}

async function start(flags: Flags): Promise<LocalAws | undefined> {
  try {
    return await startLocalAws(flags);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    console.error(
      `Port ${flags.port} on 127.0.0.1 is in use. Choose another with --port N, or --port 0 for any free one.`,
    );
    return undefined;
  }
}

async function run(flags: Flags): Promise<number> {
  const aws = await start(flags);
  if (!aws) return EXIT_USAGE;
  for (const line of shellLines(aws.environment, process.env)) console.log(line);
  console.error(
    `Local AWS at ${aws.endpoint}, account ${aws.world.accountId}, region ${aws.world.region}, seed ${flags.seed}.`,
  );
  console.error("Run the lines above in another terminal. Ctrl-C stops it.");
  aws.world.observe((occurrence) => {
    const line = occurrenceLine(occurrence);
    if (line !== undefined) console.error(line);
  });
  const stop = new AbortController();
  const signalled = new Promise<number>((resolve) => {
    process.once("SIGINT", () => resolve(EXIT_INTERRUPTED));
    process.once("SIGTERM", () => resolve(0));
  });
  const driving = flags.speed > 0 ? follow(aws, flags.speed, stop.signal) : Promise.resolve();
  const exitCode = await signalled;
  stop.abort();
  await driving;
  await aws.close();
  return exitCode;
}

/** A defect in one timer must not stop the clock for everything else. */
async function follow(aws: LocalAws, speedFactor: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await aws.clock.drive(speedFactor, signal).catch((error: unknown) => {
      console.error("The local AWS failed in the background:", error);
    });
  }
}

export async function main(argv: readonly string[]): Promise<number> {
  const command = new Command("goaround local")
    .description("Runs a local AWS until it is stopped, and prints the environment variables that point clients at it.")
    .option("--port <number>", "TCP port on 127.0.0.1; 0 takes any free one", port, DEFAULT_PORT)
    .option("--speed <factor>", "virtual seconds per real second; 0 stands still", speed, 1)
    .option("--seed <text>", "the same seed gives the same world", "1")
    .option("--region <name>", "the world's region", region, "us-east-1")
    .addHelpText("after", CONTROL_HELP)
    .exitOverride();
  try {
    command.parse(argv, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    throw error;
  }
  return run(command.opts<Flags>());
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = await main(process.argv.slice(2));
}
